"""Decisions worked off row by row: foretold, taken once, undone in time, gone on with."""

from datetime import timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import ChangeSource, DecisionItem, EmailDomain, Member, Organization
from members.services import (
    Refused,
    add_domain,
    confirm_affiliation,
    preview_action,
    recognize_organization,
    undo_decision,
)
from members.tests.decisions import approve_step, decide, end_step, outcomes, process
from teams.models import Membership
from teams.services import (
    decline_membership,
    withdraw_request,
)

# Foreseeing --------------------------------------------------------------------------------


def test_foreseen_is_what_happens_and_nothing_is_stored(
    applicant, proposed_organization, administrator, team, mails
):
    def step(key):
        recognize_organization(proposed_organization, domain="lakeview.example", by=administrator)
        return "done"

    versions = Membership.history.count()
    preview = preview_action(step, [proposed_organization.pk])
    assert preview.confirmed_count == 1
    assert preview.count("teams.membership", "status", "active") == 1
    assert [mail.to for mail in preview.emails] == [[applicant.email]]
    proposed_organization.refresh_from_db()
    assert not proposed_organization.is_recognized
    assert membership_of(applicant, team).is_waiting
    assert mails() == []
    assert not EmailDomain.objects.exists()
    assert Membership.history.count() == versions


def test_foreseen_refusal_counts_for_nothing(requests, administrator, member):
    withdraw_request(requests[0])
    Email.objects.all().delete()
    preview = preview_action(approve_step(administrator), [row.pk for row in requests])
    assert len(preview.refusals) == 1
    assert preview.count("teams.membership", "status", "active") == 1
    assert len(preview.emails) == 1


# Taking ------------------------------------------------------------------------------------


def test_each_row_is_taken_once_and_told(approved, requests):
    assert outcomes(approved) == ["done", "done"]
    assert [row.result_message for row in approved.items.all()] == [
        f"yes {row.pk}" for row in requests
    ]
    assert process(approved, lambda key: pytest.fail("taken twice"))


def test_mails_wait_until_it_can_no_longer_be_undone(approved, mails):
    assert len(mails()) == 2
    for mail in mails():
        assert mail.scheduled_time > approved.undo_until
        assert mail.scheduled_time < approved.undo_until + timedelta(minutes=1)


def test_what_cannot_be_undone_lets_its_mails_go_at_once(requests, administrator, mails):
    decision = decide(administrator, Membership, [requests[0].pk], can_be_undone=False)
    process(decision, approve_step(administrator))
    assert [mail.scheduled_time for mail in mails()] == [None]
    with pytest.raises(Refused, match="too late"):
        undo_decision(decision, by=administrator)


def test_row_that_changed_meanwhile_is_told_and_stops_no_other(requests, administrator, mails):
    decision = decide(administrator, Membership, [row.pk for row in requests])
    withdraw_request(requests[0])
    Email.objects.all().delete()
    assert process(decision, approve_step(administrator))
    refused, done = decision.items.all()
    assert (refused.outcome, done.outcome) == ("refused", "done")
    assert "withdrawn" in refused.result_message
    assert refused.changes == []
    assert len(mails()) == 1


def test_row_that_breaks_is_told_changes_nothing_and_stops_no_other(
    requests, administrator, caplog, mails
):
    broken = requests[0].pk

    def step(key):
        told = approve_step(administrator)(key)
        if key == broken:
            raise ZeroDivisionError
        return told

    decision = decide(administrator, Membership, [row.pk for row in requests])
    assert process(decision, step)
    assert outcomes(decision) == ["refused", "done"]
    assert "error is in the log" in decision.items.first().result_message
    assert "ZeroDivisionError" in caplog.text
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(mails()) == 1


def test_what_is_left_when_the_time_is_over_goes_on_later(requests, administrator):
    decision = decide(administrator, Membership, [row.pk for row in requests])
    assert not process(decision, approve_step(administrator), seconds=0)
    assert outcomes(decision) == ["done", "waiting"]
    assert decision.finished_at is None
    # Not even an hour's delay lets an email of an unfinished decision out before the others.
    assert Email.objects.get().scheduled_time > timezone.now() + timedelta(minutes=50)
    while not process(decision, approve_step(administrator), seconds=0):
        pass
    assert outcomes(decision) == ["done", "done"]
    assert {mail.scheduled_time < timezone.now() + timedelta(minutes=3) for mail in
            Email.objects.all()} == {True}  # fmt: skip


def test_history_says_in_bulk_of_many_and_by_hand_of_one(requests, approved, administrator):
    assert {version.how for version in Membership.history.filter(status="active", team=requests[
        0].team)} == {ChangeSource.BULK}  # fmt: skip
    decision = decide(administrator, Membership, [requests[0].pk])
    process(decision, end_step(administrator))
    assert Membership.history.first().how == ChangeSource.HAND


# What the database refuses -----------------------------------------------------------------


def test_row_stands_once_in_a_decision(administrator, member):
    decision = decide(administrator, Member, [member.pk, member.pk])
    assert decision.items.count() == 1
    with pytest.raises(Exception, match="UNIQUE|unique"):
        DecisionItem.objects.create(decision=decision, object_id=member.pk)


def test_domain_added_in_a_trail_is_taken_back_with_it(organization, administrator):
    def step(key):
        add_domain(Organization.objects.get(pk=key), domain="more.example", by=administrator)
        return "added"

    decision = decide(administrator, Organization, [organization.pk])
    process(decision, step)
    undo_decision(decision, by=administrator)
    process(decision, step)
    assert [row.domain for row in organization.domains.all()] == ["rush.example"]


def test_confirmation_is_undone(organization, administrator):
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


def test_decline_is_undone_with_its_reason(requests, administrator, mails):
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
    assert mails() == []
