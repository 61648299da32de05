"""The way in: one form, one code, done; and the ways in which the form can go wrong."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from post_office.models import Email

from conftest import code_in, membership_of, visible_text
from members.models import Member, Organization
from teams.forms import JoinForm
from teams.models import Membership
from teams.services import add_organization, leave_team
from teams.tests.joining import (
    CODE,
    DONE,
    EMPLOYER,
    JOIN,
    enter_code,
    form,
    join,
    last_code,
    without_time,
)
from teams.tests.meetings import make_meeting


def ask_for_employer(client, *teams, email="nora@lakeview.example"):
    """Come to the page that asks where Nora works; return it."""
    client.post(JOIN, form(*teams, email=email))
    return enter_code(client)


def test_join_takes_one_form_one_email_and_one_code(
    client, organization, team, other_team, queued_emails
):
    sent = client.post(JOIN, form(team, other_team))
    assert [email.to for email in queued_emails()] == [["nora@rush.example"]]
    assert not Member.objects.filter(email="nora@rush.example").exists()
    done = client.post(sent["Location"], {"code": last_code()}, follow=True)
    # Nobody is asked for an employer whom the address shows.
    assert done.redirect_chain == [(DONE, 302)]
    assert "You have joined 2 teams" in visible_text(done)
    member = Member.objects.get(email="nora@rush.example")
    assert (member.full_name, member.job_title) == ("Nora Newcomer", "Recruiter")
    assert member.organization == organization
    assert member.affiliation_confirmed_via == "domain"
    assert {membership.status for membership in Membership.objects.of(member)} == {"active"}
    assert "You joined" in queued_emails()[1].subject
    assert len(queued_emails()) == 2
    assert client.get("/my/").status_code == 200


def test_join_page_ticks_the_team_the_person_came_from(client, team, other_team):
    response = client.get(JOIN, {"team": team.slug})
    page = response.content.decode()
    assert 'name="organization"' not in page
    assert f"We selected {team.name} because you came from its page" in visible_text(response)
    assert page.count(" checked") == 1
    assert client.get(JOIN).content.decode().count(" checked") == 0


def test_join_page_begins_with_the_address_that_was_checked(client, team):
    client.post(JOIN, form(team, email="old@rush.example"))
    page = client.get(JOIN, {"email": 'nora@rush.example"><b>'}).content.decode()
    assert 'value="nora@rush.example&quot;&gt;&lt;b&gt;"' in page
    assert 'value="Nora Newcomer"' in page
    client.post("/sign-in/", {"email": "vera@rush.example"})
    client.post("/sign-in/code/", {"code": last_code()})
    page = client.get(JOIN, {"email": "nora@rush.example"}).content.decode()
    assert 'value="vera@rush.example"' in page


def test_join_page_ignores_an_unknown_or_closed_team(client, team, closed_team):
    for slug in ("nowhere", closed_team.slug, "<script>"):
        response = client.get(JOIN, {"team": slug})
        assert response.status_code == 200
        assert " checked" not in response.content.decode()
        assert f'value="{closed_team.slug}"' not in response.content.decode()
    assert f"{closed_team.name} is not taking new members right now" in visible_text(response)


def test_join_changes_nothing_before_the_code(client, team, queued_emails):
    client.get(JOIN)
    client.post(JOIN, form(team))
    client.get(CODE)
    assert Member.objects.count() == 0
    assert Organization.objects.count() == 0
    assert Membership.objects.count() == 0


def test_join_says_everything_that_is_missing_and_keeps_the_input(client, team):
    response = client.post(JOIN, {"full_name": "Nora Newcomer", "email": "nora"})
    text = visible_text(response)
    assert response.status_code == 200
    assert "Error: Join a team" in text
    assert "There is a problem" in text
    for message in (
        "Enter your work email address, like name@hospital.org",
        "Select at least one team",
    ):
        assert text.count(message) == 2  # in the summary and at the field
    assert 'value="Nora Newcomer"' in response.content.decode()
    assert 'value="nora"' in response.content.decode()
    assert Email.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("full_name", "   ", "Enter your full name"),
        ("full_name", "x" * 121, "Enter a name with at most 120 characters"),
        ("email", "nora@localhost", "After localhost, an ending such as .org is missing"),
        ("email", "x" * 250 + "@rush.example", "Enter"),
        ("email", "nora@rush.example, other@rush.example", "Enter one address. There are two."),
        ("email", "nora@rush.example\nBcc: all@rush.example", "Enter one address. There are two."),
        # One address for Django, three for the queue: the code would go to the second.
        ("email", '"x,eve@evil.example,y"@rush.example', "Enter your work email address"),
        ("email", '"nora"@rush.example', "Enter your work email address"),
        ("email", "é" * 300_000, "Enter an email address with at most 254 characters"),
        ("job_title", "x" * 121, "Enter a job title with at most 120 characters"),
        ("teams", ["no-such-team"], "Select teams from the list"),
    ],
)
def test_join_form_refuses_bad_input_in_words(team, field, value, message):
    errors = JoinForm(form(team) | {field: value}, open_teams=[team]).errors
    assert message in " ".join(errors[field])


def test_join_refuses_a_closed_team_by_name(client, team, closed_team):
    response = client.post(JOIN, form(team, closed_team))
    assert f"{closed_team.name} is not taking new members right now" in visible_text(response)
    assert Email.objects.count() == 0


def test_join_form_accepts_an_address_as_people_type_it(team):
    entered = JoinForm(form(team, email="  Nora@Mail.RUSH.example "), open_teams=[team])
    assert entered.is_valid()
    assert entered.cleaned_data["email"] == "nora@mail.rush.example"


def test_join_responds_alike_to_known_unfinished_and_unknown_addresses(member, team):
    seen, costs = [], []
    unfinished = Client()
    unfinished.post(JOIN, form(team, email="unfinished@rush.example"))
    Email.objects.all().delete()
    for address in ("stranger@rush.example", "unfinished@rush.example", member.email):
        client = Client()
        with CaptureQueriesContext(connection) as queries:
            sent = client.post(JOIN, form(team, email=address))
        costs.append([query["sql"].split(" ")[0] for query in queries.captured_queries])
        page = client.get(sent["Location"])
        (email,) = Email.objects.filter(to=address)
        code = code_in(email)
        seen.append(
            (
                sent.status_code,
                sent["Location"],
                sorted(sent.cookies),
                without_time(visible_text(page)).replace(address, "ADDRESS"),
                email.subject.replace(code, "CODE"),
                without_time(email.message).replace(code, "CODE").replace(address, "ADDRESS"),
                email.priority,
            )
        )
        wrong = client.post(CODE, {"code": "ZZZZZZ" if code != "ZZZZZZ" else "XXXXXX"})
        seen[-1] += (without_time(visible_text(wrong)).replace(address, "ADDRESS"),)
    assert seen[0] == seen[1] == seen[2]
    stranger, _, known = costs
    assert stranger == known


def test_join_never_overwrites_a_members_profile_and_says_so(client, member, other_team):
    changes = {"full_name": "Somebody Else", "job_title": "Boss"}
    text = visible_text(join(client, other_team, email=member.email, **changes))
    assert "so your name stays Maria Member" in text
    assert "You entered" not in text
    member.refresh_from_db()
    assert member.full_name == "Maria Member"
    assert member.job_title == "Boss"  # was empty
    assert membership_of(member, other_team).is_active


def test_join_done_says_that_the_organization_is_unchanged(client, applicant, other_team):
    """The employer was named for another address, before the address was changed."""
    ask_for_employer(client, other_team)
    session = client.session
    session["pending_join"]["form"]["organization"] = "Other Clinic"
    session.save()
    text = visible_text(join(client, other_team, email=applicant.email))
    assert "Your organization here is Lakeview Health, as before" in text


def test_join_done_says_that_the_email_domain_decided(client, administrator, team):
    """The organization was recognized while its name was typed."""
    ask_for_employer(client, team)
    add_organization("Lakeview Health", domains=["lakeview.example"], by=administrator)
    done = client.post(EMPLOYER, {"organization": "Other Clinic"}, follow=True)
    text = visible_text(done)
    assert f"You have joined {team.name}" in text
    assert "You entered “Other Clinic”. Your email domain belongs to Lakeview Health" in text
    assert "your name stays" not in text


def test_join_done_reports_each_team(client, member, team, other_team, approval_team):
    text = visible_text(join(client, team, other_team, approval_team, email=member.email))
    assert f"You have joined {other_team.name}" in text
    assert f"{team.name} You were a member already" in text
    assert f"{approval_team.name} Waiting" in text
    assert Membership.objects.of(member).filter(team=team).count() == 1
    again = visible_text(join(Client(), team, approval_team, email=member.email))
    assert "Nothing new to join" in again
    # No email is sent then.
    assert "the email that we just sent" in text
    assert "the email that we just sent" not in again
    assert "Your request waited already" in again


def test_join_with_a_personal_address_names_a_known_organization(client, organization, team):
    done = join(client, team, email="nora@gmail.com", organization="rush example HOSPITAL")
    assert "We are checking that you work at Rush Example Hospital" in visible_text(done)
    member = Member.objects.get(email="nora@gmail.com")
    assert member.organization == organization
    assert not member.is_affiliation_confirmed


def test_join_refuses_an_account_that_was_closed_by_a_facilitator(client, member, team):
    member.is_active = False
    member.save()
    response = join(client, team, email=member.email)
    assert response.status_code == 403
    assert "This account is closed" in visible_text(response)
    assert client.get("/my/").status_code == 302


def test_join_sends_a_signed_in_member_to_their_teams(client_for, member, team):
    assert client_for(member).get(JOIN, {"team": team.slug})["Location"] == "/my/"


def test_join_done_can_be_read_again_and_is_empty_for_others(
    client, client_for, organization, team, member
):
    join(client, team)
    assert "You have joined" in visible_text(client.get(DONE))
    assert client_for(member).get(DONE)["Location"] == "/my/"
    assert Client().get(DONE)["Location"].startswith("/sign-in/")


def test_join_with_an_address_verified_at_sign_in_needs_no_second_code(
    client, organization, team, queued_emails
):
    client.post("/sign-in/", {"email": "nora@rush.example"})
    to_join = client.post("/sign-in/code/", {"code": last_code()}, follow=True)
    assert "Nobody has joined with nora@rush.example yet" in visible_text(to_join)
    assert 'value="nora@rush.example"' in to_join.content.decode()
    assert "Send me a code" not in visible_text(to_join)
    done = client.post(JOIN, form(team), follow=True)
    assert "You have joined" in visible_text(done)
    assert len([email for email in queued_emails() if "code" in email.subject]) == 1


def test_join_with_another_address_than_the_verified_one_needs_a_code(client, team):
    client.post("/sign-in/", {"email": "nora@rush.example"})
    client.post("/sign-in/code/", {"code": last_code()})
    assert client.post(JOIN, form(team, email="maria@rush.example"))["Location"] == CODE
    assert not Member.objects.filter(email="maria@rush.example").exists()


def test_join_done_shows_the_first_meeting_until_the_member_leaves(
    client, organization, team, other_team
):
    first = make_meeting(team, audience="teams", title="Of the team")
    client.post(JOIN, form(team))
    response = enter_code(client)
    assert "Your first meeting" in visible_text(response)
    assert "I will come : Education: Of the team" in visible_text(response)
    answered = client.post(
        f"/meetings/{first.slug}/answer/", {"answer": "online", "next": "joined"}, follow=True
    )
    assert answered.redirect_chain[-1][0] == DONE
    assert "You will join online." in visible_text(answered)
    assert first.join_url not in answered.content.decode()
    leave_team(Membership.objects.get(team=team))
    assert "Of the team" not in visible_text(client.get(DONE))


def test_join_done_of_a_request_waits_for_facilitators_and_shows_no_meeting(
    client, organization, approval_team
):
    make_meeting(approval_team, audience="members")
    text = visible_text(join(client, approval_team))
    assert "Your request is with the team’s facilitators" in text
    assert "Your first meeting" not in text
