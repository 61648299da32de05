"""Why someone wants to join: asked where a team is by approval, shown to those who decide."""

import json
from datetime import date

import pytest
from django.test import Client

from conftest import membership_of, visible_text
from members.models import Member
from teams.models import Membership
from teams.services import (
    approve_membership,
    close_account,
    join_teams,
    leave_team,
    personal_data,
    send_digests,
)
from teams.tests.joining import EMPLOYER, JOIN, enter_code, form, join

REASON = "I run the nurse residency program."


def reasons_of(member: Member) -> dict[str, str]:
    """Return the reasons that `member` has given, by team."""
    memberships = Membership.objects.of(member)
    return dict(memberships.values_list("team__slug", "request_reason"))


def test_join_asks_for_a_reason_only_where_a_team_is_by_approval(client, team, approval_team):
    page = client.get(JOIN)
    assert 'name="reason"' in page.content.decode()
    assert f"One line for the facilitators of {approval_team.name}" in visible_text(page)
    approval_team.join_policy = "open"
    approval_team.save()
    assert 'name="reason"' not in client.get(JOIN).content.decode()


def test_join_keeps_the_reason_with_what_is_requested(client, organization, team, approval_team):
    join(client, team, approval_team, reason=f" {REASON}\u200b ")
    nora = Member.objects.get(email="nora@rush.example")
    assert reasons_of(nora) == {team.slug: "", approval_team.slug: REASON}
    assert f"You wrote: “{REASON}”" in visible_text(client.get("/my/"))


def test_reason_goes_to_nobody_but_those_who_decide(team, approval_team, applicant):
    """The request to an open team waits for the employer alone."""
    join_teams(applicant, [team, approval_team], reason=REASON)
    assert reasons_of(applicant) == {team.slug: "", approval_team.slug: REASON}


def test_join_keeps_the_reason_through_every_step(client, team, approval_team):
    """Wrong input, the code, and the question where Nora works."""
    wrong = client.post(JOIN, form(approval_team, full_name="", reason=REASON))
    assert f'value="{REASON}"' in wrong.content.decode()
    client.post(JOIN, form(approval_team, email="nora@new.example", reason=REASON))
    assert f'value="{REASON}"' in client.get(JOIN).content.decode()
    enter_code(client)
    assert f'value="{REASON}"' in client.get(JOIN).content.decode()
    client.post(EMPLOYER, {"organization": "Lakeview"})
    nora = Member.objects.get(email="nora@new.example")
    assert reasons_of(nora) == {approval_team.slug: REASON}


def test_join_refuses_a_reason_that_is_too_long(client, approval_team):
    page = client.post(JOIN, form(approval_team, reason="x" * 201))
    assert "Shorten your reason to at most 200 characters" in visible_text(page)
    assert "x" * 201 in page.content.decode()


def test_join_again_keeps_the_newest_reason_of_a_request_that_waits(
    organization, approval_team, facilitator
):
    for reason in (REASON, "", "Now I run two."):
        join(Client(), approval_team, reason=reason)
    nora = Member.objects.get(email="nora@rush.example")
    assert reasons_of(nora) == {approval_team.slug: "Now I run two."}
    membership = membership_of(nora, approval_team)
    versions = membership.history.values_list("request_reason", "history_change_reason")
    assert list(versions) == [("Now I run two.", "gave a reason for asking"), (REASON, "requested")]
    approve_membership(membership, by=facilitator)
    join_teams(nora, [approval_team], reason="Too late.")
    assert reasons_of(nora) == {approval_team.slug: "Now I run two."}


def test_team_join_takes_a_reason_with_the_same_press(client_for, member, approval_team):
    client = client_for(member)
    for path in ("/my/", approval_team.get_absolute_url()):
        page = client.get(path).content.decode()
        assert page.count('name="reason"') == 1, path
    client.post(f"/teams/{approval_team.slug}/join/", {"reason": REASON})
    assert reasons_of(member)[approval_team.slug] == REASON


def test_team_join_shows_a_reason_that_is_too_long_again(client_for, member, approval_team):
    client = client_for(member)
    page = client.post(f"/teams/{approval_team.slug}/join/", {"reason": "x" * 201})
    assert "Shorten your reason to at most 200 characters" in visible_text(page)
    assert f'value="{"x" * 201}"' in page.content.decode()
    assert approval_team.slug not in reasons_of(member)


def test_team_join_by_an_administrator_keeps_the_reason(client_for, administrator, approval_team):
    client = client_for(administrator)
    client.post(f"/teams/{approval_team.slug}/join/", {"reason": REASON})
    client.post(EMPLOYER, {"organization": "Lakeview"})
    assert reasons_of(administrator) == {approval_team.slug: REASON}


@pytest.fixture
def request_of_member(member, approval_team) -> Membership:
    join_teams(member, [approval_team], reason=f"{REASON} <b>")
    return membership_of(member, approval_team)


def test_reason_is_shown_where_the_request_is_decided(client_for, administrator, request_of_member):
    client, record = client_for(administrator), "/admin/teams/membership"
    shown = f"{REASON} <b>"
    for path in (
        "/admin/",
        f"{record}/{request_of_member.pk}/change/",
        f"{record}/{request_of_member.pk}/approve/",
        f"{record}/{request_of_member.pk}/decline/",
    ):
        assert shown in visible_text(client.get(path)), path


def test_reason_is_in_the_daily_email(facilitator, request_of_member, queued_emails):
    send_digests(date(2027, 3, 2))
    email = queued_emails()[-1]
    assert f"“{REASON} <b>”" in " ".join(email.message.split())
    assert f"“{REASON} &lt;b&gt;”" in email.html_message


def test_reason_is_in_the_download_until_the_account_is_closed(member, request_of_member, team):
    leave_team(membership_of(member, team))
    data = personal_data(member)["memberships"]
    assert f"{REASON} <b>" in [each["reason_for_asking"] for each in data]
    json.dumps(data)
    close_account(member)
    member.refresh_from_db()
    assert set(reasons_of(member).values()) == {""}
    assert not Membership.history.exclude(request_reason="").exists()
