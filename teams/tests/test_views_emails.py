"""My emails, and the page to which the link of an email leads."""

import re

import pytest
from django.core import signing
from django.test import Client

from conftest import messages_of, visible_text
from members.models import Member
from teams.models import EmailChoice, TeamEmail
from teams.services import (
    close_account,
    join_teams,
    leave_team,
    merge_members,
    personal_data,
)
from teams.services.email_choices import choices_of, choose_emails, stop_link, stop_url
from teams.services.meeting_emails import recipients_of
from teams.tests.meetings import make_meeting

Kind, Wants = EmailChoice.Kind, EmailChoice.Wants
PAGE = "/my/emails/"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def shown_form(client: Client) -> dict[str, str]:
    """Return what the form on the page would post as it is shown."""
    html = client.get(PAGE).content.decode()
    return dict(re.findall(r'type="radio" name="([\w-]+)" value="(\w+)"[^>]* checked', html))


def link(member: Member, team, kind: str = Kind.MEETINGS) -> str:
    """Return the path of the page that stops a kind."""
    return stop_url(member.pk, team and team.pk, kind).removeprefix("http://127.0.0.1:8000")


# My emails -----------------------------------------------------------------------------------


def test_my_emails_saves_what_was_chosen_with_history(client_for, member, team):
    client = client_for(member)
    form = shown_form(client)
    assert set(form.values()) == {"each"}
    assert len(form) == 8
    form[f"team-{team.pk}-announcements"] = "monthly"
    form["all-reminders"] = "none"
    done = client.post(PAGE, form, follow=True)
    assert messages_of(done) == ["Your choices are saved."]
    assert choices_of(member) == {
        (team.pk, "announcements"): "monthly",
        (None, "reminders"): "none",
    }
    assert shown_form(client) == form
    # The same again is no change.
    client.post(PAGE, form)
    versions = EmailChoice.history.values_list("wants", "history_user")
    assert sorted(versions) == [("monthly", member.pk), ("none", member.pk)]


def test_my_emails_refuses_what_is_not_offered(client_for, member, team):
    client = client_for(member)
    form = shown_form(client) | {f"team-{team.pk}-reminders": "monthly", "all-meetings": "none"}
    page = client.post(PAGE, form)
    assert visible_text(page).count("Choose one of the options") == 2
    assert member.email in visible_text(page)
    assert visible_text(page).count("Once a month") > 2
    # What was chosen elsewhere on the page is still there.
    assert re.search(r'name="all-meetings" value="none"[^>]* checked', page.content.decode())
    assert choices_of(member) == {}


def test_my_emails_stops_everything_with_one_press(client_for, member, outsider, team, other_team):
    client = client_for(member)
    choose_emails(member, {(other_team.pk, Kind.MEETINGS): Wants.MONTHLY})
    done = client.post(PAGE, {"stop_all": "1"}, follow=True)
    assert "You no longer get emails from your teams." in messages_of(done)[0]
    assert set(shown_form(client).values()) == {"none"}
    chosen = choices_of(member)
    # Not one of their teams.
    assert chosen.pop((other_team.pk, "meetings")) == "monthly"
    assert set(chosen) == {(key, kind) for key in (team.pk, None) for kind in Kind.values}
    assert choices_of(outsider) == {}


def test_my_emails_stops_nothing_by_opening_it(client_for, member):
    client = client_for(member)
    assert client.get(PAGE, {"stop_all": "1"}).status_code == client.head(PAGE).status_code == 200
    assert client.options(PAGE, {"stop_all": "1"}).status_code == 405
    assert choices_of(member) == {}


def test_my_emails_of_who_is_in_no_team_is_a_sentence(client_for, applicant, administrator):
    for person in (applicant, administrator):
        client = client_for(person)
        assert "You are not in a team" in visible_text(client.get(PAGE))
        assert client.post(PAGE, {"all-meetings": "none"}).status_code == 200
    assert not EmailChoice.objects.exists()


def test_my_emails_keeps_choices_of_a_team_that_was_left(client_for, member, team):
    choose_emails(member, {(team.pk, Kind.MEETINGS): Wants.NONE})
    leave_team(member.memberships.get())
    assert "You are not in a team" in visible_text(client_for(member).get(PAGE))
    assert choices_of(member) == {(team.pk, "meetings"): "none"}


def test_my_emails_needs_signing_in(client):
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 302


# The link of an email ------------------------------------------------------------------------


def test_stop_page_changes_nothing_before_a_press(client, member, team):
    announcements = client.get(link(member, team, Kind.ANNOUNCEMENTS))
    assert "You get announcements from Education" in visible_text(announcements)
    path = link(member, team)
    # As scanners of links do.
    for method in (client.options, client.put, client.delete, client.patch):
        assert method(path, ONE_CLICK, content_type="application/json").status_code == 405
    assert client.head(path).status_code == 200
    page = client.get(path, ONE_CLICK | {"wants": "none"})
    assert "You get emails about meeting dates from Education" in visible_text(page)
    assert not EmailChoice.objects.exists()
    assert member.email not in page.content.decode()
    assert page["Cache-Control"].startswith("max-age=0")
    assert page["Referrer-Policy"] in {"same-origin", "no-referrer"}


def test_stop_page_stops_one_kind_of_one_team_and_takes_it_back(client, member, team):
    path = link(member, team)
    for _ in range(2):
        page = client.post(path, {"wants": "none"}, follow=True)
        assert "You no longer get these emails" in visible_text(page)
    assert choices_of(member) == {(team.pk, "meetings"): "none"}
    assert "Undo" in visible_text(page)
    client.post(path, {"wants": "monthly"})
    assert choices_of(member) == {(team.pk, "meetings"): "monthly"}
    client.post(path, {"wants": "each"})
    assert choices_of(member) == {(team.pk, "meetings"): "each"}
    # Nobody was signed in.
    assert set(EmailChoice.history.values_list("history_user", flat=True)) == {None}


def test_stop_page_refuses_other_presses_in_words(client, member, team):
    for content in ({}, {"wants": "daily"}, {"List-Unsubscribe": "no"}):
        page = client.post(link(member, team), content)
        assert page.status_code == 400
    assert "Press one of the buttons" in visible_text(page)
    assert not EmailChoice.objects.exists()


def test_stop_page_of_reminders_offers_no_month(client, member, team):
    path = link(member, team, Kind.REMINDERS)
    assert "Once a month" not in visible_text(client.get(path))
    assert client.post(path, {"wants": "monthly"}).status_code == 400


@pytest.mark.parametrize("is_multipart", [True, False])
def test_one_click_stops_at_once_without_cookies_or_csrf(member, team, is_multipart):
    client = Client(enforce_csrf_checks=True)
    path, kind = link(member, None, Kind.MATERIALS), "application/x-www-form-urlencoded"
    for _ in range(2):
        if is_multipart:
            done = client.post(path, ONE_CLICK)
        else:
            done = client.post(path, "List-Unsubscribe=One-Click", content_type=kind)
        assert done.status_code == 200
        assert not done.cookies
        assert "Location" not in done
    assert choices_of(member) == {(None, "materials"): "none"}


def test_link_of_one_kind_of_one_team_stops_no_other(client, member, team, other_team):
    kind = Kind.ANNOUNCEMENTS
    for key in (team, other_team, None):
        choose_emails(member, dict.fromkeys([(key and key.pk, each) for each in Kind], Wants.EACH))
    client.post(link(member, team, kind), ONE_CLICK)
    stopped = {key for key, wants in choices_of(member).items() if wants == Wants.NONE}
    assert stopped == {(team.pk, kind)}


def test_stop_link_works_for_its_owner_alone_whoever_opens_it(client_for, member, colleague, team):
    """An email was forwarded, and is pressed by a colleague who is signed in."""
    client = client_for(colleague)
    client.post(link(member, team, Kind.ANNOUNCEMENTS), {"wants": "none"})
    assert choices_of(member) == {(team.pk, "announcements"): "none"}
    assert choices_of(colleague) == {}


def test_stop_link_of_an_old_email_works_after_leaving_and_joining_again(client, member, team):
    path = link(member, team, Kind.ANNOUNCEMENTS)
    leave_team(member.memberships.get())
    assert client.post(path, ONE_CLICK).status_code == 200
    join_teams(member, [team])
    assert choices_of(member) == {(team.pk, "announcements"): "none"}


def test_token_cannot_be_changed_to_another_member_team_or_kind(client, member, colleague, team):
    """Forged: what another token says, with the signature of one's own."""
    own, other = (
        link(person, team, kind).split("/")[2]
        for person, kind in ((colleague, Kind.MEETINGS), (member, Kind.ANNOUNCEMENTS))
    )
    forged = f"{other.rpartition(':')[0]}:{own.rpartition(':')[2]}"
    assert client.post(f"/emails/{forged}/stop/", ONE_CLICK).status_code == 404
    assert client.post(f"/emails/{signing.dumps([1, 1, 'x'])}/stop/", ONE_CLICK).status_code == 404
    assert not EmailChoice.objects.exists()


def test_summary_link_stops_what_comes_in_the_summary(client, member, team):
    choose_emails(
        member,
        {(team.pk, Kind.MEETINGS): Wants.MONTHLY, (team.pk, Kind.MATERIALS): Wants.EACH},
    )
    path = link(member, None, TeamEmail.SUMMARY)
    assert "You get the monthly summary from your teams" in visible_text(client.get(path))
    client.post(path, ONE_CLICK)
    assert choices_of(member)[(team.pk, "meetings")] == "none"
    assert choices_of(member).get((team.pk, "materials"), "each") == "each"
    assert "You stopped the monthly summary" in visible_text(client.get(path))


def test_stop_link_of_a_closed_account_or_forged_does_not_work(client, member, team):
    path = link(member, team)
    token = path.split("/")[2]
    for wrong in (token[:-1], token[1:], f"x{token}", "x", "1:2", "é"):
        assert stop_link(wrong) is None
    for response in (client.get(f"/emails/{wrong}/stop/"), client.post(f"/emails/{wrong}/stop/")):
        assert response.status_code == 404
        assert "This link does not work" in visible_text(response)
    close_account(member)
    assert client.get(path).status_code == client.post(path, ONE_CLICK).status_code == 404
    assert not EmailChoice.objects.exists()


def test_closed_account_keeps_no_choices(member, team):
    choose_emails(member, {(team.pk, Kind.MEETINGS): Wants.NONE})
    assert personal_data(member)["choices_of_emails"] == [
        {"team": "Education", "emails": "Meeting dates", "wants": "None"}
    ]
    close_account(member)
    assert not EmailChoice.objects.exists()
    assert not EmailChoice.history.exists()


def test_stop_link_of_another_person_or_signature_is_none(member, team):
    assert stop_link(stop_url(member.pk + 1000, None, Kind.MEETINGS).split("/")[4]) is None
    assert stop_link(stop_url(member.pk, team.pk + 1000, Kind.MEETINGS).split("/")[4]) is None


def test_merged_accounts_keep_what_either_has_chosen(
    client, member, colleague, administrator, team
):
    path = link(colleague, team, Kind.REMINDERS)
    choose_emails(member, {(team.pk, Kind.MEETINGS): Wants.MONTHLY})
    choose_emails(
        colleague,
        {(team.pk, Kind.MEETINGS): Wants.NONE, (None, Kind.MATERIALS): Wants.NONE},
    )
    merge_members(colleague, member, by=administrator)
    assert choices_of(member) == {(team.pk, "meetings"): "monthly", (None, "materials"): "none"}
    client.post(path, ONE_CLICK)
    assert choices_of(member)[(team.pk, "reminders")] == "none"
    assert recipients_of(make_meeting(team), Kind.REMINDERS).number == 0
