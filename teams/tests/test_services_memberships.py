"""What facilitators decide: each step, each refusal, what follows, and each email."""

import pytest
from django.db import connection
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, make_membership, membership_of
from members.models import Member, Organization
from members.services import save_with_history
from members.tests.steps import last_line, refused
from teams.models import ActionTeam, Membership
from teams.services import (
    add_member,
    approve_membership,
    complete_join,
    confirm_affiliation,
    decline_all_requests,
    decline_membership,
    decline_organization,
    end_membership,
    join_teams,
    leave_team,
    recognize_organization,
    set_facilitators,
    withdraw_request,
)


@pytest.fixture
def request_(member, approval_team) -> Membership:
    """A request of `member` that waits for nothing but a decision."""
    return make_membership(member, approval_team, Membership.Status.REQUESTED)


@pytest.fixture
def today() -> str:
    day = timezone.localdate()
    return f"{day:%B} {day.day}, {day.year}"


def ask(email: str, organization: str, *teams: ActionTeam) -> Member:
    member, _ = complete_join(
        email,
        full_name="",
        job_title="",
        organization=organization,
        team_ids=[team.pk for team in teams],
    )
    Email.objects.all().delete()
    return member


def unsure(email: str, organization: Organization, *teams: ActionTeam) -> Member:
    """Return a person of a recognized organization whose requests wait for a confirmation."""
    member = make_member(email, organization, confirmed=False)
    for team in teams:
        make_membership(member, team, Membership.Status.REQUESTED)
    return member


# Approving and declining ----------------------------------------------------------------------


def test_membership_that_is_active_at_once_is_requested_as_it_is_decided(
    facilitator, team, organization
):
    added = add_member(
        "nora@rush.example", full_name="Nora", organization=organization, team=team, by=facilitator
    )
    assert added.requested_at == added.decided_at


def test_approve_membership_activates_it_and_sends_an_email(request_, facilitator, queued_emails):
    approved = approve_membership(request_, by=facilitator)
    assert (approved.is_active, approved.decided_by) == (True, facilitator)
    assert last_line(approved) == (facilitator, "approved")
    assert [(email.to, email.subject) for email in queued_emails()] == [
        (["maria@rush.example"], "You joined Careers")
    ]


def test_decline_membership_stores_the_reason(request_, facilitator, queued_emails):
    declined = decline_membership(request_, reason="  Full until May.\n", by=facilitator)
    assert (declined.status, declined.reason) == ("declined", "Full until May.")
    assert (declined.decided_by, last_line(declined)) == (facilitator, (facilitator, "declined"))
    (email,) = queued_emails()
    assert "Full until May." in email.message


def test_decision_refuses_the_second_naming_the_first(request_, facilitator, administrator, today):
    approve_membership(request_, by=facilitator)
    words = f"Maria Member and Careers: already active on {today} by Fay Facilitator. Nothing was"
    refused(words, approve_membership, request_, by=administrator)
    refused(words, decline_membership, request_, reason="No.", by=administrator)


def test_decision_refuses_a_declined_request(request_, facilitator, administrator, today):
    decline_membership(request_, reason="No.", by=facilitator)
    words = f"already declined on {today} by Fay Facilitator"
    refused(words, approve_membership, request_, by=administrator)
    refused(words, decline_membership, request_, reason="No.", by=administrator)


def test_decision_refuses_a_withdrawn_request(request_, facilitator, today):
    withdraw_request(request_)
    words = f"already withdrawn on {today} by Maria Member"
    refused(words, approve_membership, request_, by=facilitator)
    refused(words, decline_membership, request_, reason="No.", by=facilitator)


def test_decision_refuses_an_ended_membership(member, team, facilitator, today):
    membership = membership_of(member, team)
    leave_team(membership)
    words = f"already ended on {today} by Maria Member"
    refused(words, approve_membership, membership, by=facilitator)
    refused(words, decline_membership, membership, reason="No.", by=facilitator)
    refused(words, end_membership, membership, reason="No.", by=facilitator)


def test_approve_membership_refuses_before_the_organization_is_recognized(
    applicant, team, facilitator
):
    refused(
        "Recognize Lakeview Health first; Wanda Waiting waits for that",
        approve_membership,
        membership_of(applicant, team),
        by=facilitator,
    )


def test_approve_membership_refuses_without_an_organization(team, facilitator):
    person = make_member("h@mailbox.example", name="Hob")
    join_teams(person, [team])
    refused(
        "Recognize an organization first",
        approve_membership,
        membership_of(person, team),
        by=facilitator,
    )


def test_approve_membership_refuses_before_the_affiliation_is_confirmed(
    organization, team, facilitator
):
    person = unsure("u@mailbox.example", organization, team)
    refused(
        "Confirm first that u@mailbox.example works for Rush Example Hospital",
        approve_membership,
        membership_of(person, team),
        by=facilitator,
    )


def test_decline_membership_needs_no_confirmation(applicant, team, facilitator):
    assert decline_membership(membership_of(applicant, team), reason="No.", by=facilitator)


@pytest.mark.parametrize("reason", ["", "  \n\t"])
def test_decline_and_end_membership_refuse_without_reason(
    request_, member, team, facilitator, reason
):
    refused("Give a reason", decline_membership, request_, reason=reason, by=facilitator)
    refused(
        "Give a reason", end_membership, membership_of(member, team), reason=reason, by=facilitator
    )


def test_end_membership_stores_the_reason_and_sends_an_email(
    member, team, facilitator, queued_emails
):
    ended = end_membership(membership_of(member, team), reason=" Moved. ", by=facilitator)
    assert (ended.status, ended.reason, ended.ended_by) == ("ended", "Moved.", facilitator)
    assert last_line(ended) == (facilitator, "ended")
    assert [email.subject for email in queued_emails()] == [
        "Your membership in Education has ended"
    ]


def test_end_membership_refuses_a_request(request_, facilitator):
    refused("already waiting", end_membership, request_, reason="No.", by=facilitator)


# Rule 6: recognize once, confirm all ----------------------------------------------------------


def test_recognize_organization_opens_requests_with_one_email_each(
    team, other_team, approval_team, facilitator, queued_emails
):
    people = [
        ask("a@kappa.example", "Kappa Clinic", team, other_team),
        ask("b@mailbox.example", "The KAPPA clinic", team, approval_team),
        ask("c@mail.kappa.example", "Kapa Clinic", team),  # a typo; the domain decides
        ask("d@kappa.example", "Kappa Clinic"),  # asked for no team
    ]
    outside = ask("e@notkappa.example", "Kapa Clinic", team)
    kappa = Organization.objects.named("Kappa Clinic").get()

    recognition = recognize_organization(kappa, domain="kappa.example", by=facilitator)
    assert len(recognition.confirmed) == 4

    for person in people[:3]:
        membership = membership_of(person, team)
        assert (membership.is_active, membership.decided_by) == (True, facilitator)
        assert last_line(membership) == (facilitator, "opened with the affiliation")
    assert membership_of(people[0], other_team).is_active
    request = membership_of(people[1], approval_team)
    assert (request.is_waiting, request.waits_for) == (True, "approval")
    assert membership_of(outside, team).is_waiting
    assert [(email.to, email.subject) for email in queued_emails()] == [
        (["a@kappa.example"], "You joined 2 action teams"),
        (["b@mailbox.example"], "You joined Education"),
        (["c@mail.kappa.example"], "You joined Education"),
    ]


def test_recognize_organization_opens_no_team_by_approval_or_closed(
    team, approval_team, facilitator, queued_emails
):
    person = ask("a@kappa.example", "Kappa Clinic", team, approval_team)
    ActionTeam.objects.filter(pk=team.pk).update(join_policy="closed")
    recognize_organization(person.organization, by=facilitator)
    assert membership_of(person, team).is_waiting
    assert membership_of(person, approval_team).is_waiting
    (email,) = queued_emails()
    assert email.subject == "Your organization is confirmed"


def test_recognize_organization_leaves_what_is_decided(
    applicant, team, other_team, facilitator, queued_emails
):
    join_teams(applicant, [other_team])
    withdraw_request(membership_of(applicant, team))
    decline_membership(membership_of(applicant, other_team), reason="No.", by=facilitator)
    Email.objects.all().delete()
    recognize_organization(applicant.organization, by=facilitator)
    assert membership_of(applicant, team).status == "withdrawn"
    assert membership_of(applicant, other_team).status == "declined"
    assert queued_emails() == []


def test_confirm_affiliation_opens_the_requests_of_one_person(
    organization, team, approval_team, facilitator, queued_emails
):
    person = unsure("u@mailbox.example", organization, team, approval_team)
    waiting = unsure("v@mailbox.example", organization, team)
    confirm_affiliation(person, by=facilitator)
    assert membership_of(person, team).is_active
    assert membership_of(person, approval_team).is_waiting
    assert membership_of(waiting, team).is_waiting
    assert len(queued_emails()) == 1


def test_recognize_organization_needs_few_queries_for_many_people(
    team, other_team, administrator, django_assert_max_num_queries
):
    kappa = Organization.objects.create(name="Kappa Clinic")
    for number in range(3):
        unsure(f"p{number}@kappa.example", kappa, team, other_team)
    # Per person: one update and line of history, the same for two memberships, one email.
    with django_assert_max_num_queries(20 + 3 * 8):
        recognize_organization(kappa, domain="kappa.example", by=administrator)


def test_decline_organization_declines_requests_with_the_reason(
    applicant, team, other_team, facilitator, queued_emails
):
    second = ask("w@lakeview.example", "Lakeview Health", team, other_team)
    decline_organization(applicant.organization, reason="Not in healthcare.", by=facilitator)
    for membership in Membership.objects.all():
        assert (membership.status, membership.reason) == ("declined", "Not in healthcare.")
        assert (membership.decided_by, last_line(membership)) == (
            facilitator,
            (facilitator, "declined"),
        )
    assert [(email.to, email.subject) for email in queued_emails()] == [
        ([applicant.email], "Your request for Education was declined"),
        ([second.email], "Your requests for 2 action teams were declined"),
    ]


def test_recognize_organization_after_it_was_declined_and_proposed_again(
    applicant, team, facilitator, queued_emails
):
    organization = applicant.organization
    decline_organization(organization, reason="No.", by=facilitator)
    ask(applicant.email, "Lakeview Health", team)
    organization.refresh_from_db()
    assert organization.status == "proposed"
    recognize_organization(organization, by=facilitator)
    assert membership_of(applicant, team).is_active
    assert [email.to for email in queued_emails()] == [[applicant.email]]


# All requests of a person -------------------------------------------------------------------------


def test_decline_all_requests_declines_in_own_teams_with_one_email(
    applicant, facilitator, administrator, team, other_team, approval_team, queued_emails
):
    join_teams(applicant, [other_team, approval_team])
    set_facilitators(approval_team, [facilitator], by=administrator)
    count = len(queued_emails())
    declined = decline_all_requests(applicant, reason=" Unknown there. ", by=facilitator)
    assert {membership.team for membership in declined} == {team, approval_team}
    for membership in declined:
        membership.refresh_from_db()
        assert (membership.status, membership.decided_by) == ("declined", facilitator)
        assert membership.reason == "Unknown there."
        assert last_line(membership) == (facilitator, "declined")
    assert membership_of(applicant, other_team).is_waiting
    (email,) = queued_emails()[count:]
    assert email.subject == "Your requests for 2 action teams were declined"
    assert "Unknown there." in email.message


def test_decline_all_requests_by_an_administrator_declines_in_all_teams(
    applicant, administrator, other_team
):
    join_teams(applicant, [other_team])
    assert len(decline_all_requests(applicant, reason="No.", by=administrator)) == 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_decline_all_requests_refuses_without_reason(applicant, facilitator, reason):
    refused("Give a reason", decline_all_requests, applicant, reason=reason, by=facilitator)


def test_decline_all_requests_refuses_without_requests_and_to_others(
    applicant, member, facilitator, other_facilitator, colleague
):
    refused("No request", decline_all_requests, member, reason="No.", by=facilitator)
    refused("No request", decline_all_requests, applicant, reason="No.", by=other_facilitator)
    refused("No request", decline_all_requests, applicant, reason="No.", by=colleague)


# Adding directly --------------------------------------------------------------------------------


def add(email, organization, team, by, name="Nora New") -> Membership:
    return add_member(email, full_name=name, organization=organization, team=team, by=by)


def test_add_member_creates_an_account_and_sends_an_email(
    organization, team, facilitator, queued_emails
):
    membership = add("Nora@elsewhere.example", organization, team, facilitator)
    person = membership.member
    assert (membership.is_active, membership.decided_by) == (True, facilitator)
    assert (person.email, person.full_name) == ("nora@elsewhere.example", "Nora New")
    assert (person.organization, person.affiliation_confirmed_by) == (organization, facilitator)
    assert last_line(membership) == (facilitator, "added by a facilitator")
    assert [email.subject for email in queued_emails()] == ["You were added to Education"]


def test_add_member_changes_nothing_else_of_an_existing_account(
    outsider, organization, team, facilitator
):
    add(outsider.email, organization, team, facilitator, name="Mallory")
    outsider.refresh_from_db()
    assert outsider.full_name == "Olga Outsider"
    assert outsider.organization.name == "Loop Example Clinic"


def test_add_member_confirms_nobody_of_other_teams(
    organization, team, other_team, facilitator, queued_emails
):
    person = unsure("u@mailbox.example", organization, other_team)
    assert add(person.email, organization, team, facilitator).is_active
    person.refresh_from_db()
    assert not person.is_affiliation_confirmed
    assert membership_of(person, other_team).is_waiting
    assert [email.subject for email in queued_emails()] == ["You were added to Education"]


def test_add_member_approves_a_waiting_request(request_, approval_team, facilitator, queued_emails):
    added = add(request_.member.email, request_.member.organization, approval_team, facilitator)
    assert added.pk == request_.pk
    assert added.is_active
    assert len(queued_emails()) == 1


def test_add_member_confirms_and_opens_other_requests(
    organization, team, other_team, approval_team, facilitator, queued_emails
):
    person = unsure("u@mailbox.example", organization, team, other_team, approval_team)
    add(person.email, organization, team, facilitator)
    assert membership_of(person, other_team).is_active
    assert membership_of(person, approval_team).waits_for == "approval"
    assert [email.subject for email in queued_emails()] == [
        "You were added to Education",
        "You joined Hiring",
    ]


def test_add_member_refuses_an_account_that_is_merged_meanwhile(
    outsider, member, organization, team, facilitator, administrator
):
    """Another request merges it between the look-up of the address and the lock."""
    merged = []

    def merge_after(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if '"email" = ' in sql and not merged:
            merged.append(sql)
            account = Member.objects.get(pk=outsider.pk)
            changes = {"is_active": False, "merged_into": member}
            save_with_history(account, administrator, "merged", **changes)
        return result

    with connection.execute_wrapper(merge_after):
        refused("Something has just", add, outsider.email, organization, team, facilitator)
    assert merged


def test_add_member_refuses_members_unrecognized_and_closed_accounts(
    member, organization, proposed_organization, team, facilitator
):
    refused("member of Education already", add, member.email, organization, team, facilitator)
    refused(
        "Recognize Lakeview Health first",
        add,
        "x@kappa.example",
        proposed_organization,
        team,
        facilitator,
    )
    Member.objects.filter(pk=member.pk).update(is_active=False)
    refused("account is closed", add, member.email, organization, team, facilitator)
