"""Decisions: previewed, processed item by item, continued after their process was killed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, membership_of
from members.history.changesets import ChangeSource
from members.models import DecisionItem, EmailDomain, Member, Organization
from members.services import Refused, preview_action, undo_decision
from members.tests.decisions import approve_step, decide, end_step, outcomes, process
from teams.models import Membership
from teams.services import (
    add_domain,
    confirm_affiliation,
    decline_membership,
    recognize_organization,
    withdraw_request,
)

# Foreseeing --------------------------------------------------------------------------------


def test_preview_action_says_what_happens_and_stores_nothing(
    applicant, proposed_organization, administrator, team, queued_emails
):
    def step(key):
        recognize_organization(proposed_organization, domain="lakeview.example", by=administrator)
        return "done"

    versions = Membership.history.count()
    preview = preview_action(step, [proposed_organization.pk])
    assert preview.confirmed_count == 1
    assert preview.count("teams.membership", "status", "active") == 1
    assert [email.to for email in preview.emails] == [[applicant.email]]
    proposed_organization.refresh_from_db()
    assert not proposed_organization.is_recognized
    assert membership_of(applicant, team).is_waiting
    assert queued_emails() == []
    assert not EmailDomain.objects.exists()
    assert Membership.history.count() == versions


def test_preview_action_leaves_out_what_is_refused(requests, administrator, member):
    withdraw_request(requests[0])
    Email.objects.all().delete()
    preview = preview_action(
        approve_step(administrator), [membership.pk for membership in requests]
    )
    assert len(preview.refusals) == 1
    assert preview.count("teams.membership", "status", "active") == 1
    assert len(preview.emails) == 1


# Taking ------------------------------------------------------------------------------------


def test_process_decision_processes_each_item_once(approved, requests):
    assert outcomes(approved) == ["done", "done"]
    assert [item.result_message for item in approved.items.all()] == [
        f"yes {membership.pk}" for membership in requests
    ]
    assert process(approved, lambda key: pytest.fail("taken twice"))


def test_process_decision_holds_emails_until_undoing_ends(approved, queued_emails):
    assert len(queued_emails()) == 2
    for email in queued_emails():
        assert email.scheduled_time > approved.undo_until
        assert email.scheduled_time < approved.undo_until + timedelta(minutes=1)


def test_process_decision_without_undo_holds_no_emails(requests, administrator, queued_emails):
    decision = decide(administrator, Membership, [requests[0].pk], can_be_undone=False)
    process(decision, approve_step(administrator))
    assert [email.scheduled_time for email in queued_emails()] == [None]
    with pytest.raises(Refused, match="too late"):
        undo_decision(decision, by=administrator)


def test_process_decision_reports_a_refused_item_and_continues(
    requests, administrator, queued_emails
):
    decision = decide(administrator, Membership, [membership.pk for membership in requests])
    withdraw_request(requests[0])
    Email.objects.all().delete()
    assert process(decision, approve_step(administrator))
    refused, done = decision.items.all()
    assert (refused.outcome, done.outcome) == ("refused", "done")
    assert "withdrawn" in refused.result_message
    assert refused.changes == []
    assert len(queued_emails()) == 1


def test_process_decision_reports_an_item_that_breaks_and_continues(
    requests, administrator, caplog, queued_emails
):
    broken = requests[0].pk

    def step(key):
        message = approve_step(administrator)(key)
        if key == broken:
            raise ZeroDivisionError
        return message

    decision = decide(administrator, Membership, [membership.pk for membership in requests])
    assert process(decision, step)
    assert outcomes(decision) == ["refused", "done"]
    assert "error is in the log" in decision.items.first().result_message
    assert "ZeroDivisionError" in caplog.text
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(queued_emails()) == 1


def test_process_decision_continues_after_its_time_is_over(requests, administrator):
    decision = decide(administrator, Membership, [membership.pk for membership in requests])
    assert not process(decision, approve_step(administrator), seconds=0)
    assert outcomes(decision) == ["done", "waiting"]
    assert decision.finished_at is None
    # Not even an hour's delay lets an email of an unfinished decision out before the others.
    assert Email.objects.get().scheduled_time > timezone.now() + timedelta(minutes=50)
    while not process(decision, approve_step(administrator), seconds=0):
        pass
    assert outcomes(decision) == ["done", "done"]
    assert {email.scheduled_time < timezone.now() + timedelta(minutes=3) for email in
            Email.objects.all()} == {True}  # fmt: skip


def test_process_decision_writes_the_change_source(requests, approved, administrator):
    assert {version.source for version in Membership.history.filter(status="active", team=requests[
        0].team)} == {ChangeSource.BULK}  # fmt: skip
    decision = decide(administrator, Membership, [requests[0].pk])
    process(decision, end_step(administrator))
    assert Membership.history.first().source == ChangeSource.HAND


# What the database refuses -----------------------------------------------------------------


def test_decision_item_is_unique_per_decision(administrator, member):
    decision = decide(administrator, Member, [member.pk, member.pk])
    assert decision.items.count() == 1
    with pytest.raises(Exception, match="UNIQUE|unique"):
        DecisionItem.objects.create(decision=decision, object_id=member.pk)


def test_undo_removes_a_domain_that_the_decision_added(organization, administrator):
    def step(key):
        add_domain(Organization.objects.get(pk=key), domain="more.example", by=administrator)
        return "added"

    decision = decide(administrator, Organization, [organization.pk])
    process(decision, step)
    undo_decision(decision, by=administrator)
    process(decision, step)
    assert [domain.domain for domain in organization.domains.all()] == ["rush.example"]


def test_undo_removes_a_confirmation(organization, administrator):
    person = make_member("pat@personal.example", organization, "Pat", confirmed=False)

    def step(key):
        confirm_affiliation(Member.objects.get(pk=key), by=administrator)
        return "confirmed"

    decision = decide(administrator, Member, [person.pk])
    process(decision, step)
    undo_decision(decision, by=administrator)
    process(decision, step)
    person.refresh_from_db()
    assert not person.is_affiliation_confirmed
    assert person.organization == organization


def test_undo_of_a_decline_removes_the_reason(requests, administrator, queued_emails):
    def step(key):
        decline_membership(Membership.objects.get(pk=key), reason="No room.", by=administrator)
        return "declined"

    decision = decide(administrator, Membership, [requests[0].pk])
    process(decision, step)
    undo_decision(decision, by=administrator)
    process(decision, step)
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert requests[0].reason == ""
    assert queued_emails() == []
