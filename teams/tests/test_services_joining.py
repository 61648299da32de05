"""Joining and leaving: the rules of joining, each step, each refusal, each email."""

import pytest
from post_office.models import Email

from conftest import appoint, make_member, membership_of
from members.models import Member, Organization
from members.tests.steps import last_line, refused
from teams.models import Membership
from teams.services import (
    Outcome,
    approve_membership,
    close_account,
    complete_join,
    decline_membership,
    decline_organization,
    join_teams,
    leave_team,
    recognize_organization,
    set_facilitators,
    withdraw_request,
)


def join(email: str, *teams, name="Nora New", title="", organization="Rush Example Hospital"):
    """Join as after the right code; return the member and what became of each team."""
    member, outcomes = complete_join(
        email,
        full_name=name,
        job_title=title,
        organization=organization,
        team_ids=[team.pk for team in teams],
    )
    return member, {outcome.team: outcome.outcome for outcome in outcomes}


# Rules 4 and 5: who joins at once, who waits ------------------------------------------------


def test_complete_join_by_a_recognized_domain_joins_at_once(
    organization, team, other_team, queued_emails
):
    member, outcomes = join("nora@mail.rush.example", team, other_team, title="HR lead")
    assert outcomes == {team: Outcome.JOINED, other_team: Outcome.JOINED}
    membership = membership_of(member, team)
    assert membership.is_active
    assert membership.decided_by is None
    assert last_line(membership) == (member, "joined")
    assert (member.full_name, member.job_title) == ("Nora New", "HR lead")
    assert [(email.to, email.subject) for email in queued_emails()] == [
        (["nora@mail.rush.example"], "You joined 2 action teams")
    ]


def test_complete_join_of_a_team_by_approval_waits(
    organization, team, approval_team, queued_emails
):
    member, outcomes = join("nora@rush.example", approval_team, team)
    assert outcomes == {team: Outcome.JOINED, approval_team: Outcome.WAITING}
    request = membership_of(member, approval_team)
    assert (request.is_waiting, request.waits_for) == (True, "approval")
    assert last_line(request) == (member, "requested")
    (email,) = queued_emails()
    assert "Still waiting" in email.message


def test_complete_join_by_a_known_name_waits_for_a_facilitator(organization, team, queued_emails):
    member, outcomes = join("nora@mailbox.example", team)
    assert outcomes == {team: Outcome.WAITING}
    assert membership_of(member, team).waits_for == "affiliation"
    assert [email.subject for email in queued_emails()] == ["We have your request for Education"]


def test_complete_join_proposes_an_unknown_organization(team, queued_emails):
    member, outcomes = join("nora@kappa.example", team, organization="Kappa Clinic")
    assert outcomes == {team: Outcome.WAITING}
    assert membership_of(member, team).waits_for == "organization"
    assert member.organization.suggested_domain == "kappa.example"
    assert len(queued_emails()) == 1


def test_complete_join_of_a_closed_team_reports_it(organization, team, closed_team, queued_emails):
    member, outcomes = join("nora@rush.example", team, closed_team)
    assert outcomes == {team: Outcome.JOINED, closed_team: Outcome.CLOSED}
    assert not Membership.objects.filter(team=closed_team).exists()
    assert [email.subject for email in queued_emails()] == ["You joined Education"]


def test_complete_join_of_a_closed_team_alone_sends_no_email(
    organization, closed_team, queued_emails
):
    _, outcomes = join("nora@rush.example", closed_team)
    assert outcomes == {closed_team: Outcome.CLOSED}
    assert queued_emails() == []


def test_complete_join_ignores_teams_that_do_not_exist(organization, team):
    member, outcomes = complete_join(
        "nora@rush.example",
        full_name="Nora",
        job_title="",
        organization="Rush",
        team_ids=[team.pk, team.pk, 999_999],
    )
    assert [outcome.team for outcome in outcomes] == [team]
    assert Membership.objects.of(member).count() == 1


def test_complete_join_twice_reports_what_is_there_and_sends_nothing(
    organization, team, approval_team, queued_emails
):
    join("nora@rush.example", team, approval_team)
    member, outcomes = join("NORA@rush.example", team, approval_team)
    assert outcomes == {team: Outcome.ALREADY_ACTIVE, approval_team: Outcome.ALREADY_WAITING}
    assert Member.objects.filter(email="nora@rush.example").count() == 1
    assert Membership.objects.of(member).count() == 2
    assert len(queued_emails()) == 1


def test_complete_join_reports_a_partial_success_team_by_team(
    member, team, other_team, closed_team, queued_emails
):
    _, outcomes = join(member.email, team, other_team, closed_team)
    assert outcomes == {
        team: Outcome.ALREADY_ACTIVE,
        other_team: Outcome.JOINED,
        closed_team: Outcome.CLOSED,
    }
    assert [email.subject for email in queued_emails()] == ["You joined Hiring"]


# Rule 2: nothing is overwritten ------------------------------------------------


def test_complete_join_overwrites_nothing_of_a_profile(member, other_organization, team):
    joined, _ = join(
        member.email, team, name="Mallory", title="Boss", organization="Loop Example Clinic"
    )
    member.refresh_from_db()
    assert joined == member
    assert (member.full_name, member.job_title) == ("Maria Member", "Boss")
    assert member.organization.name == "Rush Example Hospital"


def test_complete_join_keeps_an_unconfirmed_organization(applicant, other_team):
    joined, _ = join(applicant.email, other_team, organization="Another Clinic")
    assert joined.organization == applicant.organization
    assert not Organization.objects.named("Another Clinic").exists()


def test_complete_join_after_a_decline_takes_another_organization(
    applicant, organization, other_team, administrator
):
    decline_organization(applicant.organization, reason="No.", by=administrator)
    joined, outcomes = join(applicant.email, other_team, organization="Rush Example Hospital")
    assert joined.organization == organization
    assert outcomes == {other_team: Outcome.WAITING}


def test_complete_join_refuses_a_nameless_organization_as_a_whole(team):
    refused("at least one letter", join, "nora@kappa.example", team, organization="&")
    assert not Member.objects.exists()


def test_join_refuses_an_account_that_the_desk_closed(member, other_team):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    refused("account is closed", join, member.email, other_team)
    refused("account is closed", join_teams, member, [other_team])


def test_complete_join_after_closing_creates_a_new_account(member, team, administrator):
    appoint(member, team, administrator)
    close_account(member)
    created, outcomes = join("maria@rush.example", team)
    assert outcomes == {team: Outcome.JOINED}
    assert created.pk != member.pk
    assert (created.full_name, created.is_staff) == ("Nora New", False)
    assert Membership.objects.filter(team=team).count() == 2


def test_complete_join_uses_the_account_that_a_facilitator_added(organization, team):
    person = make_member("nora@rush.example")
    joined, _ = join(person.email, team)
    assert joined == person
    person.refresh_from_db()
    assert (person.full_name, person.organization) == ("Nora New", organization)
    assert membership_of(person, team).is_active


def test_complete_join_of_a_facilitator_keeps_the_task(facilitator, team, administrator):
    join(facilitator.email, team)
    facilitator.refresh_from_db()
    assert facilitator.is_staff
    set_facilitators(team, [], by=administrator)
    facilitator.refresh_from_db()
    assert not facilitator.is_staff


# Rule 7: one click for another team ---------------------------------------------------------


def test_join_teams_joins_another_team(member, other_team, queued_emails):
    (outcome,) = join_teams(member, [other_team])
    assert outcome.outcome == Outcome.JOINED
    assert outcome.membership == membership_of(member, other_team)
    assert len(queued_emails()) == 1


def test_join_teams_follows_what_was_decided_meanwhile(applicant, other_team, administrator):
    recognize_organization(applicant.organization, by=administrator)
    (outcome,) = join_teams(applicant, [other_team])  # as it was before
    assert outcome.outcome == Outcome.JOINED


def test_join_teams_proposes_a_declined_organization_again(applicant, other_team, administrator):
    decline_organization(applicant.organization, reason="No.", by=administrator)
    applicant = Member.objects.get(pk=applicant.pk)
    (outcome,) = join_teams(applicant, [other_team])
    assert outcome.outcome == Outcome.WAITING
    assert list(Organization.objects.to_decide()) == [applicant.organization]


def test_join_teams_of_a_current_or_closed_team_changes_nothing(
    member, applicant, team, closed_team, queued_emails
):
    (outcome,) = join_teams(member, [team])
    assert (outcome.outcome, outcome.membership) == (
        Outcome.ALREADY_ACTIVE,
        membership_of(member, team),
    )
    (outcome,) = join_teams(applicant, [team])
    assert outcome.outcome == Outcome.ALREADY_WAITING
    (outcome,) = join_teams(member, [closed_team])
    assert (outcome.outcome, outcome.membership) == (Outcome.CLOSED, None)
    assert queued_emails() == []


def test_join_teams_without_a_team_changes_nothing(member, queued_emails):
    assert join_teams(member, []) == []
    assert queued_emails() == []


# Leaving and withdrawing --------------------------------------------------------------------


def test_leave_team_allows_to_join_again_with_a_new_membership(member, team, queued_emails):
    left = leave_team(membership_of(member, team))
    assert (left.status, left.ended_by) == ("ended", member)
    assert last_line(left) == (member, "left")
    assert [email.subject for email in queued_emails()] == ["You left Education"]
    (outcome,) = join_teams(member, [team])
    assert outcome.outcome == Outcome.JOINED
    assert outcome.membership.pk != left.pk
    left.refresh_from_db()
    assert left.status == "ended"


def test_leave_team_refuses_after_leaving(member, team):
    membership = membership_of(member, team)
    leave_team(membership)
    refused("not a member of Education. Nothing was changed", leave_team, membership)


def test_leave_team_refuses_a_request(applicant, team):
    refused("not a member of Education", leave_team, membership_of(applicant, team))


def test_withdraw_request_allows_to_ask_again(applicant, team, queued_emails):
    withdrawn = withdraw_request(membership_of(applicant, team))
    assert (withdrawn.status, withdrawn.ended_by) == ("withdrawn", applicant)
    assert last_line(withdrawn) == (applicant, "withdrawn")
    assert [email.subject for email in queued_emails()] == [
        "You withdrew your request for Education"
    ]
    (outcome,) = join_teams(applicant, [team])
    assert (outcome.outcome, outcome.membership.pk) != (Outcome.WAITING, withdrawn.pk)


def test_withdraw_request_refuses_what_does_not_wait(
    member, applicant, approval_team, team, facilitator
):
    refused("it is active. Nothing was changed", withdraw_request, membership_of(member, team))
    withdrawn = withdraw_request(membership_of(applicant, team))
    refused("it is withdrawn", withdraw_request, withdrawn)
    join_teams(member, [approval_team])
    request = membership_of(member, approval_team)
    decline_membership(request, reason="Full.", by=facilitator)
    refused("it is declined", withdraw_request, request)


def test_join_teams_after_a_decline_starts_a_new_request(member, approval_team, facilitator):
    join_teams(member, [approval_team])
    decline_membership(membership_of(member, approval_team), reason="Full.", by=facilitator)
    (outcome,) = join_teams(member, [approval_team])
    assert outcome.outcome == Outcome.WAITING
    approve_membership(outcome.membership, by=facilitator)
    assert list(
        Membership.objects.of(member)
        .filter(team=approval_team)
        .order_by("pk")
        .values_list("status", flat=True)
    ) == ["declined", "active"]


# Cost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_join_teams_needs_few_queries_for_more_teams(
    organization, team, other_team, approval_team, count, django_assert_max_num_queries
):
    person = make_member("many@rush.example", organization)
    with django_assert_max_num_queries(10 + 4 * count):
        join_teams(person, [team, other_team, approval_team][:count])
    assert Email.objects.count() == 1
