"""Facilitators, closing an account, and what a person takes along."""

import json

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import Member
from members.tests.steps import last_line, refused
from teams.models import Membership
from teams.services import (
    close_account,
    decline_membership,
    end_membership,
    join_teams,
    personal_data,
    set_facilitators,
)

# Facilitators ---------------------------------------------------------------------------------


def may_use_desk(member: Member) -> bool:
    member.refresh_from_db()
    return member.is_staff


def test_set_facilitators_gives_the_desk_until_the_last_team_goes(
    member, team, other_team, administrator
):
    set_facilitators(team, [member], by=administrator)
    assert may_use_desk(member)
    assert last_line(member) == (administrator, "facilitator of Education")
    set_facilitators(other_team, [member], by=administrator)
    set_facilitators(team, [], by=administrator)
    assert may_use_desk(member)
    set_facilitators(other_team, [], by=administrator)
    assert not may_use_desk(member)
    assert last_line(member) == (administrator, "no longer a facilitator of Hiring")


def test_set_facilitators_replaces_them_with_history(member, colleague, team, administrator):
    set_facilitators(team, [member], by=administrator)
    set_facilitators(team, [colleague], by=administrator)
    assert list(team.facilitators.all()) == [colleague]
    assert (may_use_desk(member), may_use_desk(colleague)) == (False, True)
    assert last_line(team) == (administrator, "facilitators changed")


def test_set_facilitators_to_the_same_changes_no_member(facilitator, team, administrator):
    history = facilitator.history.count()
    set_facilitators(team, [facilitator], by=administrator)
    assert facilitator.history.count() == history


def test_set_facilitators_leaves_administrators_the_desk(administrator, team):
    set_facilitators(team, [administrator], by=administrator)
    set_facilitators(team, [], by=administrator)
    assert may_use_desk(administrator)


def test_set_facilitators_sends_emails_to_new_ones_only(
    member, colleague, facilitator, team, administrator, queued_emails
):
    count = len(queued_emails())
    set_facilitators(team, [facilitator, member], by=administrator)
    assert [email.to for email in queued_emails()[count:]] == [[member.email]]
    assert queued_emails()[-1].subject == "You are now a facilitator of Education"
    set_facilitators(team, [member, facilitator], by=administrator)
    set_facilitators(team, [member], by=administrator)
    assert len(queued_emails()) == count + 1
    set_facilitators(team, [member, colleague, facilitator], by=administrator)
    assert {email.to[0] for email in queued_emails()[count + 1 :]} == {
        colleague.email,
        facilitator.email,
    }


def test_set_facilitators_sends_an_email_for_a_second_team(
    facilitator, other_team, administrator, queued_emails
):
    count = len(queued_emails())
    set_facilitators(other_team, [facilitator], by=administrator)
    assert [email.subject for email in queued_emails()[count:]] == [
        "You are now a facilitator of Hiring"
    ]


def test_set_facilitators_refuses_closed_accounts(member, colleague, team, administrator):
    close_account(member)
    refused("account is closed", set_facilitators, team, [colleague, member], by=administrator)


# Closing an account -----------------------------------------------------------------------------


@pytest.fixture
def leaver(member, team, other_team, approval_team, facilitator, administrator) -> Member:
    """`member`, with traces everywhere: memberships, emails, a log, a facilitated team."""
    member.job_title = "Head of Maria things"
    member.save()
    for reason in ("Maria was rude.", "Maria was late."):
        join_teams(member, [approval_team])
        decline_membership(membership_of(member, approval_team), reason=reason, by=facilitator)
    join_teams(member, [other_team, approval_team])
    end_membership(membership_of(member, other_team), reason="Maria left Rush.", by=facilitator)
    set_facilitators(other_team, [member], by=administrator)
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    member.refresh_from_db()
    return member


def database_text() -> str:
    """Return the text of every row of every table of the database."""
    with connection.cursor() as cursor:
        stored = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # own tables
            stored.append(repr(cursor.fetchall()))
    return "\n".join(stored)


def test_close_account_erases_the_person_everywhere(leaver, queued_emails):
    assert Email.objects.filter(to=leaver.email).count() == 7
    assert database_text().lower().count("maria") > 30
    close_account(leaver)
    (email,) = queued_emails()
    assert (email.to, email.subject) == (["maria@rush.example"], "Your account is closed")
    email.delete()  # the last one, once it is sent
    stored = database_text()
    assert "maria" not in stored.lower()
    assert "Head of" not in stored


def test_close_account_ends_memberships_and_keeps_them_countable(leaver, team, approval_team):
    before = Membership.objects.count(), Membership.history.count(), Member.history.count()
    close_account(leaver)
    leaver.refresh_from_db()
    assert str(leaver) == "Former member"
    assert leaver.organization.name == "Rush Example Hospital"
    assert (leaver.is_active, leaver.is_staff) == (False, False)
    assert not Membership.objects.of(leaver).current().exists()
    assert membership_of(leaver, team).status == "ended"
    assert membership_of(leaver, approval_team).status == "withdrawn"
    assert last_line(membership_of(leaver, team))[1] == "account closed"
    after = Membership.objects.count(), Membership.history.count(), Member.history.count()
    assert after == (before[0], before[1] + 2, before[2] + 1)
    assert not leaver.facilitated_teams.exists()


def test_close_account_keeps_what_belongs_to_others(leaver, colleague, team):
    Email.objects.create(to=[colleague.email], from_email="x@example.org", subject="theirs")
    close_account(leaver)
    colleague.refresh_from_db()
    assert colleague.full_name == "Colin Colleague"
    assert membership_of(colleague, team).is_active
    assert Email.objects.filter(subject="theirs").exists()


def test_close_account_keeps_what_the_person_decided(applicant, facilitator, administrator, team):
    decline_membership(membership_of(applicant, team), reason="No.", by=facilitator)
    close_account(facilitator)
    membership = membership_of(applicant, team)
    assert (str(membership.decided_by), membership.reason) == ("Former member", "No.")


def test_close_account_refuses_the_last_administrator(administrator):
    refused("only administrator", close_account, administrator)


def test_close_account_by_an_administrator_stores_who_did_it(
    leaver, administrator, team, other_team
):
    close_account(leaver, by=administrator)
    leaver.refresh_from_db()
    assert not leaver.is_active
    assert last_line(leaver) == (administrator, "account closed")
    assert last_line(membership_of(leaver, team)) == (administrator, "account closed")
    assert membership_of(leaver, team).ended_by == administrator
    assert last_line(other_team)[0] == administrator
    assert "maria" not in database_text().lower().replace("maria@rush.example", "").replace(
        "your account is closed, maria", ""
    )  # the last email, which goes once it is sent


def test_close_account_refuses_ones_own_as_an_administrator(administrator, member):
    Member.objects.create_superuser("second@example.org")
    refused("under My data", close_account, administrator, by=administrator)


def test_close_account_refuses_the_last_administrator_to_others(administrator, facilitator):
    refused("only administrator", close_account, administrator, by=facilitator)


def test_close_account_refuses_a_closed_one(member):
    close_account(member)
    refused("account is closed", close_account, member)


# My data ----------------------------------------------------------------------------------------


def test_personal_data_holds_everything_as_plain_values(leaver):
    data = json.loads(json.dumps(personal_data(leaver)))
    assert (data["full_name"], data["email"]) == ("Maria Member", "maria@rush.example")
    assert data["organization"] == "Rush Example Hospital"
    assert data["affiliation_confirmed"] == "by the email domain"
    assert data["facilitates"] == ["Hiring"]
    assert sorted(membership["status"] for membership in data["memberships"]) == [
        "Active",
        "Declined",
        "Declined",
        "Ended",
        "Waiting",
    ]
    assert "Maria was rude." in [membership["reason"] for membership in data["memberships"]]
    assert "facilitator of Hiring" in [line["what"] for line in data["history"]]
    assert "Your request for Careers was declined" in [email["subject"] for email in data["emails"]]


def test_personal_data_holds_nothing_of_others(leaver, colleague, facilitator, applicant):
    taken = json.dumps(personal_data(leaver))
    for other in (colleague, facilitator, applicant):
        assert other.full_name not in taken
        assert other.email not in taken


def test_personal_data_of_a_new_member_is_almost_empty(db):
    data = personal_data(make_member("new@mailbox.example"))
    assert (data["organization"], data["memberships"], data["emails"]) == (None, [], [])
    assert (data["last_sign_in"], data["affiliation_confirmed"]) == (None, None)
