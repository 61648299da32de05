"""What members see and do: their teams, teammates and data; and what others must not."""

import json
import re
from datetime import timedelta
from html import escape
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from conftest import (
    make_active_member,
    make_membership,
    make_team,
    membership_of,
    visible_text,
)
from members.models import Member
from teams.models import Goal, GoalUpdate, Membership
from teams.services import (
    decline_membership,
    decline_organization,
    end_membership,
    leave_team,
)
from teams.views.data_file import LABELS

MEMBER_PAGES = [
    "/my/",
    "/my/profile/",
    "/my/data/",
    "/my/data/download/",
    "/my/data/close/",
    "/join/done/",
]


def test_member_pages_ask_a_visitor_to_sign_in(client, team):
    for address in [*MEMBER_PAGES, "/teams/education/members/", "/teams/education/leave/"]:
        assert client.get(address)["Location"] == f"/sign-in/?next={address}"


def test_team_steps_ask_a_visitor_to_sign_in_and_change_nothing(client, member, team):
    for step in ("join", "leave", "withdraw"):
        response = client.post(f"/teams/{team.slug}/{step}/")
        assert response["Location"].startswith("/sign-in/")
    assert membership_of(member, team).is_active


def test_team_steps_opened_as_links_show_the_team_and_change_nothing(client_for, outsider, team):
    client = client_for(outsider)
    for step in ("join", "withdraw"):
        assert client.get(f"/teams/{team.slug}/{step}/")["Location"] == team.get_absolute_url()
        assert client.put(f"/teams/{team.slug}/{step}/").status_code == 405
    assert not Membership.objects.of(outsider).filter(team=team).exists()


def test_my_teams_shows_the_teams_that_one_facilitates(client_for, facilitator, team):
    text = visible_text(client_for(facilitator).get("/my/"))
    assert f"Teams you facilitate {team.name}" in text
    assert "You are not on any team right now" not in text


def test_my_teams_shows_teams_requests_and_other_teams(
    client_for, member, team, other_team, approval_team, closed_team
):
    make_membership(member, approval_team, Membership.Status.REQUESTED)
    text = visible_text(client_for(member).get("/my/"))
    assert f"{team.name} Member" in text
    assert "The team’s facilitators decide each request." in text
    assert "Answer expected by" in text
    assert f"Join {other_team.name}" in text
    assert closed_team.name not in text.rpartition("Action teams")[0]


def test_my_teams_are_in_the_order_of_the_teams_with_the_news_of_ones_own(
    client_for, member, team, goal, other_team, approval_team
):
    make_membership(member, other_team, Membership.Status.ACTIVE)
    other = Goal.objects.create(team=approval_team, slug="other", title="Other")
    for about, sentence in ((goal, "We met."), (other, "They met.")):
        GoalUpdate.objects.create(goal=about, state="on_track", sentence=sentence)
    text = visible_text(client_for(member).get("/my/"))
    assert text.index(f"{team.name} Member") < text.index(f"{other_team.name} Member")
    assert "We met." in text
    assert "They met." not in text


def test_my_teams_says_that_an_answer_is_late(client_for, member, approval_team, settings):
    request = make_membership(member, approval_team, Membership.Status.REQUESTED)
    requested_at = request.requested_at - timedelta(days=30)
    Membership.objects.filter(pk=request.pk).update(requested_at=requested_at)
    text = visible_text(client_for(member).get("/my/"))
    assert "This is taking longer than we said" in text
    assert f"Write to {settings.CONTACT_EMAIL}" in text
    assert "Answer expected by" not in text


def test_my_teams_says_what_an_unrecognized_organization_waits_for(
    client_for, applicant, other_team
):
    text = visible_text(client_for(applicant).get("/my/"))
    assert "whether to recognize Lakeview Health" in text
    assert f"Ask to join {other_team.name}" in text


def test_my_teams_shows_why_a_request_was_declined_and_what_was_left(
    client_for, member, team, approval_team, facilitator
):
    request = make_membership(member, approval_team, Membership.Status.REQUESTED)
    decline_membership(request, reason="The team is full.", by=facilitator)
    leave_team(membership_of(member, team))
    text = visible_text(client_for(member).get("/my/"))
    assert f"Declined requests {approval_team.name}" in text
    assert "The team is full." in text
    assert "Earlier memberships and requests (1)" in text
    assert f"{team.name}: left" in text
    assert "You are not on any team right now" in text


def test_my_teams_offers_a_way_on_after_an_organization_was_declined(
    client_for, applicant, team, facilitator
):
    decline_organization(applicant.organization, reason="Not in healthcare.", by=facilitator)
    client = client_for(applicant)
    assert "Not in healthcare." in visible_text(client.get("/my/"))
    client.post(f"/teams/{team.slug}/join/")
    assert "whether to recognize Lakeview Health" in visible_text(client.get("/my/"))
    applicant.organization.refresh_from_db()
    assert applicant.organization.status == "proposed"


def test_my_teams_costs_the_same_queries_for_one_and_three_rows(client_for, member):
    client = client_for(member)
    costs = []
    for count in (1, 2):
        for number in range(count):
            make_team(f"Offered {count}{number}")
            for name, policy, status in (
                ("Extra", "open", "active"),
                ("Waiting", "approval", "requested"),
                ("Past", "open", "active"),
            ):
                joined = make_team(f"{name} {count}{number}", policy)
                membership = make_membership(member, joined, status)
            ended = {"status": "ended", "ended_at": timezone.now(), "ended_by": member}
            Membership.objects.filter(pk=membership.pk).update(**ended)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/my/").status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert costs[0] <= 13  # outside development the frame of pages costs none for a second


def test_team_join_takes_one_click(client_for, member, other_team, queued_emails):
    client = client_for(member)
    response = client.post(f"/teams/{other_team.slug}/join/", follow=True)
    assert f"You have joined {other_team.name}." in visible_text(response)
    assert membership_of(member, other_team).is_active
    # A second press.
    response = client.post(f"/teams/{other_team.slug}/join/", follow=True)
    assert f"You are a member of {other_team.name} already." in visible_text(response)
    assert Membership.objects.of(member).filter(team=other_team).count() == 1
    assert len(queued_emails()) == 1


def test_team_join_refuses_a_closed_or_unknown_team(client_for, member, closed_team):
    client = client_for(member)
    response = client.post(f"/teams/{closed_team.slug}/join/", follow=True)
    assert f"{closed_team.name} is not taking new members right now" in visible_text(response)
    assert client.post("/teams/nowhere/join/").status_code == 404
    assert Membership.objects.of(member).count() == 1


def test_team_join_asks_for_the_organization_first(client_for, administrator, team):
    client = client_for(administrator)
    response = client.post(f"/teams/{team.slug}/join/", follow=True)
    assert response.redirect_chain == [("/join/organization/", 302)]
    assert "Where do you work?" in visible_text(response)
    assert Membership.objects.of(administrator).count() == 0
    response = client.post("/join/organization/", {"organization": "Lakeview"}, follow=True)
    assert response.redirect_chain == [("/join/done/", 302)]
    assert membership_of(administrator, team).is_waiting
    assert client.get("/join/organization/").url == "/my/"


def test_team_leave_asks_once_and_ends_the_membership(client_for, member, team, queued_emails):
    client = client_for(member)
    page = client.get(f"/teams/{team.slug}/leave/")
    assert f"Leave {team.name}?" in visible_text(page)
    assert membership_of(member, team).is_active
    text = visible_text(client.post(f"/teams/{team.slug}/leave/", follow=True))
    assert f"You have left {team.name}" in text
    membership = membership_of(member, team)
    assert (membership.status, membership.ended_by) == ("ended", member)
    # A second press.
    text = visible_text(client.post(f"/teams/{team.slug}/leave/", follow=True))
    assert f"You are not a member of {team.name}." in text
    assert len(queued_emails()) == 1


@pytest.mark.parametrize("step", ["leave", "withdraw"])
def test_team_steps_do_not_exist_for_a_team_never_joined(
    client_for, member, outsider, other_team, step
):
    assert client_for(member).post(f"/teams/{other_team.slug}/{step}/").status_code == 404
    assert membership_of(outsider, other_team).is_active


def test_team_withdraw_withdraws_a_request_once(client_for, applicant, team, queued_emails):
    client = client_for(applicant)
    text = visible_text(client.post(f"/teams/{team.slug}/withdraw/", follow=True))
    assert f"Your request for {team.name} is withdrawn" in text
    again = visible_text(client.post(f"/teams/{team.slug}/withdraw/", follow=True))
    assert "is not waiting" in again
    assert membership_of(applicant, team).status == "withdrawn"
    assert len(queued_emails()) == 1


def test_team_roster_shows_teammates_and_only_shared_addresses(client_for, member, colleague, team):
    text = visible_text(client_for(member).get(f"/teams/{team.slug}/members/"))
    assert f"/teams/{team.slug}/members/" in text  # where the printed page is from
    assert "2 members" in text
    assert "Colin Colleague" in text
    assert colleague.email not in text
    colleague.shares_email = True
    colleague.save()
    assert colleague.email in visible_text(client_for(member).get(f"/teams/{team.slug}/members/"))


def test_team_roster_does_not_exist_for_others(
    client, client_for, member, colleague, outsider, applicant, other_facilitator, facilitator, team
):
    address = f"/teams/{team.slug}/members/"
    for person in (outsider, applicant, other_facilitator):
        response = client_for(person).get(address)
        assert response.status_code == 404
        assert member.full_name not in response.content.decode()
    end_membership(membership_of(colleague, team), reason="Moved away.", by=facilitator)
    assert client_for(colleague).get(address).status_code == 404
    assert "Colin" not in visible_text(client_for(member).get(address))


def test_team_roster_is_open_to_facilitators_and_administrators(
    client_for, member, facilitator, administrator, team
):
    for person in (facilitator, administrator):
        assert member.full_name in visible_text(
            client_for(person).get(f"/teams/{team.slug}/members/")
        )


def test_team_roster_costs_the_same_queries_for_one_and_three_rows(
    client_for, member, organization, team
):
    client = client_for(member)
    costs = []
    for count in (0, 2):
        for number in range(count):
            make_active_member(f"m{number}@rush.example", organization, f"M {number}", team)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/teams/{team.slug}/members/")
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_team_detail_shows_a_member_their_status(client_for, member, applicant, outsider, team):
    assert "You are a member" in visible_text(client_for(member).get(team.get_absolute_url()))
    assert "Your request waits" in visible_text(client_for(applicant).get(team.get_absolute_url()))
    page = client_for(outsider).get(team.get_absolute_url())
    assert f'action="/teams/{team.slug}/join/"' in page.content.decode()


def test_my_data_download_has_everything_about_me_and_nothing_about_others(
    client_for, member, colleague, team
):
    response = client_for(member).get("/my/data/download/")
    assert response["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    files = unzipped(response)
    data = json.loads(files["my-data.json"])
    assert data["email"] == member.email
    assert data["memberships"][0]["team"] == team.name
    assert all(colleague.email not in text for text in files.values())


def unzipped(response) -> dict[str, str]:
    """The files of the download, by name."""
    with ZipFile(BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_my_data_page_says_all_of_the_data_in_words(client_for, member, team):
    member.full_name = "Maria <b>2026-01-02T03:04</b> & Son"
    member.job_title = ""
    member.save()
    files = unzipped(client_for(member).get("/my/data/download/"))
    page = re.sub(r"<style>.*?</style>", "", files["my-data.html"], flags=re.DOTALL)
    data = json.loads(files["my-data.json"])
    assert list(files) == ["my-data.html", "my-data.json"]
    for key, value in data.items():
        label = LABELS.get(key) or key.replace("_", " ").capitalize()
        assert f"<dt>{label}</dt>" in page or f">{label}</h2>" in page, key
        if isinstance(value, str) and not key.endswith(("_at", "_since", "_sign_in")):
            assert escape(value) in page, key
    assert "<b>" not in page
    assert "<dt>Job title</dt><dd><bdi>none</bdi>" in page
    joined = timezone.localtime(member.date_joined)
    assert date_format(joined, "F j, Y, P") in page
    assert "<dt>Teammates see my address</dt><dd><bdi>no</bdi>" in page
    # It needs no other file.
    page = files["my-data.html"]
    assert "--paper: #fbfaf7" in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"""url\(|@import|<(link|script|img)|src=|href="(?!http)""", page)
    assert '<html lang="en">' in page
    assert re.findall(r"<h1>(.+)</h1>", page) == ["My data"]


def test_my_account_close_asks_once_and_erases(client_for, member, team, queued_emails):
    client = client_for(member)
    assert f"Your membership in {team.name} ends" in visible_text(client.get("/my/data/close/"))
    assert membership_of(member, team).is_active
    text = visible_text(client.post("/my/data/close/", follow=True))
    assert "Your account is closed and your details are erased" in text
    assert client.get("/my/").status_code == 302
    assert not Member.objects.filter(email="maria@rush.example").exists()
    assert membership_of(member, team).status == "ended"
    assert [mail.to for mail in queued_emails()] == [["maria@rush.example"]]


def test_my_account_close_signs_out_every_browser(client_for, member):
    other_browser = client_for(member)
    client_for(member).post("/my/data/close/")
    assert other_browser.get("/my/").status_code == 302


def test_my_account_close_refuses_the_last_administrator(client_for, administrator):
    text = visible_text(client_for(administrator).post("/my/data/close/", follow=True))
    assert "You are the only administrator" in text
    administrator.refresh_from_db()
    assert administrator.is_active
