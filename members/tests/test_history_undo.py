"""Taking a decision back within two minutes, unless something was built on it."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import membership_of
from members.models import Decision, EmailDomain, Organization
from members.services import Refused, remove_domain, undo_decision
from members.services.organizations import create_domain
from members.tests.decisions import approve_step, decide, end_step, outcomes, process
from teams.models import Membership
from teams.services import (
    approve_membership,
    close_account,
    complete_join,
    join_teams,
    leave_team,
    recognize_organization,
)


def test_undo_restores_everything_and_drops_the_emails(
    approved, requests, administrator, queued_emails
):
    undo_decision(approved, by=administrator)
    assert process(approved, approve_step(administrator))
    assert outcomes(approved) == ["undone", "undone"]
    assert queued_emails() == []
    for membership in requests:
        before = {
            field.name: getattr(membership, field.attname)
            for field in membership._meta.concrete_fields
        }
        membership.refresh_from_db()
        after = {
            field.name: getattr(membership, field.attname)
            for field in membership._meta.concrete_fields
        }
        assert after == before
        assert membership.history.first().history_change_reason == "undone: Decide"
        assert membership.history.first().history_user == administrator


def test_undo_of_recognizing_restores_domain_people_and_requests(
    applicant, proposed_organization, administrator, team, queued_emails
):
    def step(key):
        recognize_organization(proposed_organization, domain="lakeview.example", by=administrator)
        return "done"

    decision = decide(administrator, Organization, [proposed_organization.pk])
    process(decision, step)
    assert membership_of(applicant, team).is_active
    undo_decision(decision, by=administrator)
    process(decision, step)
    applicant.refresh_from_db()
    proposed_organization.refresh_from_db()
    assert not applicant.is_affiliation_confirmed
    assert proposed_organization.status == "proposed"
    assert proposed_organization.decided_by is None
    assert membership_of(applicant, team).is_waiting
    assert not EmailDomain.objects.exists()
    assert queued_emails() == []


def test_undo_restores_a_removed_domain(organization, administrator):
    domain = organization.domains.get()

    def step(key):
        remove_domain(EmailDomain.objects.get(pk=key), by=administrator)
        return "gone"

    decision = decide(administrator, EmailDomain, [domain.pk])
    process(decision, step)
    assert not EmailDomain.objects.exists()
    undo_decision(decision, by=administrator)
    process(decision, step)
    returned = EmailDomain.objects.get(pk=domain.pk)
    assert (returned.domain, returned.organization) == (domain.domain, organization)


def test_undo_of_adding_a_domain_is_refused_after_it_was_removed(organization, administrator):
    def step(key):
        create_domain(organization, "two.example", administrator)
        return "added"

    decision = decide(administrator, type(organization), [organization.pk])
    process(decision, step)
    added = organization.domains.get(domain="two.example")
    remove_domain(added, by=administrator)
    undo_decision(decision, by=administrator)
    process(decision, step)
    assert "it is no longer there" in decision.items.get().result_message
    assert EmailDomain._base_manager.filter(pk=added.pk).exists()


def test_undo_is_refused_for_an_item_that_changed_since(
    approved, requests, administrator, queued_emails
):
    requests[0].refresh_from_db()
    leave_team(requests[0])
    undo_decision(approved, by=administrator)
    assert process(approved, approve_step(administrator))
    refused, undone = approved.items.all()
    assert (refused.outcome, undone.outcome) == ("undo_refused", "undone")
    assert "has changed in the meantime" in refused.result_message
    requests[0].refresh_from_db()
    assert requests[0].status == "ended"
    # Its email goes out, since what it says stands, but not before others would have.
    held, left = queued_emails()
    assert held.scheduled_time > approved.undo_until
    assert left.scheduled_time is None


def test_undo_of_an_end_is_refused_when_the_person_has_joined_again(member, team, administrator):
    membership = membership_of(member, team)
    decision = decide(administrator, Membership, [membership.pk])
    process(decision, end_step(administrator))
    join_teams(member, [team])
    undo_decision(decision, by=administrator)
    assert process(decision, end_step(administrator))
    assert outcomes(decision) == ["undo_refused"]
    assert Membership.objects.of(member).active().count() == 1


def test_undo_of_recognizing_is_refused_under_a_membership_approved_since(
    applicant, proposed_organization, administrator, approval_team, queued_emails
):
    join_teams(applicant, [approval_team])

    def step(key):
        recognize_organization(proposed_organization, by=administrator)
        return "done"

    decision = decide(administrator, Organization, [proposed_organization.pk])
    process(decision, step)
    approve_membership(membership_of(applicant, approval_team), by=administrator)
    undo_decision(decision, by=administrator)
    process(decision, step)
    (item,) = decision.items.all()
    assert item.outcome == "undo_refused"
    assert (
        "Wanda Waiting became a member of Careers since. Undo or end that first."
        in item.result_message
    )
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed
    assert membership_of(applicant, approval_team).is_active


def test_undo_of_recognizing_is_refused_under_a_member_confirmed_since(
    applicant, proposed_organization, administrator, team
):
    def step(key):
        recognize_organization(proposed_organization, domain="lakeview.example", by=administrator)
        return "done"

    decision = decide(administrator, Organization, [proposed_organization.pk])
    process(decision, step)
    complete_join(
        "newcomer@lakeview.example",
        full_name="Nell Newcomer",
        job_title="",
        organization="Whatever",
        team_ids=[team.pk],
    )
    undo_decision(decision, by=administrator)
    process(decision, step)
    (item,) = decision.items.all()
    assert item.outcome == "undo_refused"
    assert "Nell Newcomer was confirmed for Lakeview Health since." in item.result_message
    proposed_organization.refresh_from_db()
    assert proposed_organization.is_recognized


def test_undo_is_refused_for_an_account_closed_since(approved, requests, member, administrator):
    close_account(member, by=administrator)
    undo_decision(approved, by=administrator)
    process(approved, approve_step(administrator))
    closed, undone = approved.items.all()
    assert (closed.outcome, undone.outcome) == ("undo_refused", "undone")
    assert "an account that it was about is closed" in closed.result_message


def test_undo_decision_is_refused_after_two_minutes(approved, administrator, requests):
    Decision.objects.update(finished_at=F("finished_at") - timedelta(minutes=2))
    approved.refresh_from_db()
    with pytest.raises(Refused, match="too late"):
        undo_decision(approved, by=administrator)
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_undo_decision_is_refused_the_second_time(approved, administrator):
    undo_decision(approved, by=administrator)
    with pytest.raises(Refused, match="undone already"):
        undo_decision(approved, by=administrator)


def test_undo_decision_is_refused_to_other_facilitators(approved, facilitator, administrator):
    with pytest.raises(Refused, match="Only Ada Admin"):
        undo_decision(approved, by=facilitator)
    assert outcomes(approved) == ["done", "done"]


def test_undo_decision_drops_items_that_were_not_processed(requests, administrator, queued_emails):
    decision = decide(administrator, Membership, [membership.pk for membership in requests])
    process(decision, approve_step(administrator), seconds=0)
    undo_decision(decision, by=administrator)
    assert process(decision, approve_step(administrator))
    assert outcomes(decision) == ["undone", "undone"]
    assert Membership.objects.waiting().count() == 2
    assert queued_emails() == []


def test_undo_decision_holds_the_emails_until_it_is_finished(
    approved, administrator, queued_emails
):
    undo_decision(approved, by=administrator)
    assert all(
        email.scheduled_time > timezone.now() + timedelta(minutes=50) for email in queued_emails()
    )


def test_undo_keeps_an_email_that_was_sent(approved, administrator, queued_emails):
    """It cannot be: clocks may differ, and the queue is what counts."""
    Email.objects.update(status=STATUS.sent)
    undo_decision(approved, by=administrator)
    process(approved, approve_step(administrator))
    assert len(queued_emails()) == 2
    assert "no email was sent" not in approved.items.first().result_message


def test_undoable_returns_decisions_of_the_last_two_minutes(approved, administrator, facilitator):
    assert list(Decision.objects.of(administrator).undoable()) == [approved]
    assert not Decision.objects.of(facilitator).undoable()
    Decision.objects.update(finished_at=timezone.now() - timedelta(minutes=2, seconds=1))
    assert not Decision.objects.of(administrator).undoable()
