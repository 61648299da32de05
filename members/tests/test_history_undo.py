"""Taking a decision back within two minutes, unless something was built on it."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import membership_of
from members.models import Decision, EmailDomain, Organization
from members.services import (
    Refused,
    recognize_organization,
    remove_domain,
    undo_decision,
)
from members.tests.decisions import approve_step, decide, end_step, outcomes, process
from teams.models import Membership
from teams.services import (
    approve_membership,
    close_account,
    complete_join,
    join_teams,
    leave_team,
)


def test_undone_in_time_all_is_as_before_and_no_mail_is_ever_sent(
    approved, requests, administrator, mails
):
    undo_decision(approved, by=administrator)
    assert process(approved, approve_step(administrator))
    assert outcomes(approved) == ["undone", "undone"]
    assert mails() == []
    for row in requests:
        before = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
        row.refresh_from_db()
        after = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
        assert after == before
        assert row.history.first().history_change_reason == "undone: Decide"
        assert row.history.first().history_user == administrator


def test_recognizing_is_undone_with_domain_people_and_requests(
    applicant, proposed_organization, administrator, team, mails
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
    assert mails() == []


def test_removed_row_comes_back_under_its_key(organization, administrator):
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


def test_row_that_changed_since_stays_and_the_others_are_undone(
    approved, requests, administrator, mails
):
    requests[0].refresh_from_db()
    leave_team(requests[0])
    undo_decision(approved, by=administrator)
    assert process(approved, approve_step(administrator))
    kept, undone = approved.items.all()
    assert (kept.outcome, undone.outcome) == ("undo_refused", "undone")
    assert "has changed meanwhile" in kept.result_message
    requests[0].refresh_from_db()
    assert requests[0].status == "ended"
    # Its email goes out, since what it says stands, but not before others would have.
    held, left = mails()
    assert held.scheduled_time > approved.undo_until
    assert left.scheduled_time is None


def test_end_is_not_undone_when_the_person_has_joined_again(member, team, administrator):
    stay = membership_of(member, team)
    decision = decide(administrator, Membership, [stay.pk])
    process(decision, end_step(administrator))
    join_teams(member, [team])
    undo_decision(decision, by=administrator)
    assert process(decision, end_step(administrator))
    assert outcomes(decision) == ["undo_refused"]
    assert Membership.objects.of(member).active().count() == 1


def test_recognizing_is_not_undone_under_a_membership_that_was_approved_since(
    applicant, proposed_organization, administrator, approval_team, mails
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
    (row,) = decision.items.all()
    assert row.outcome == "undo_refused"
    assert (
        "Wanda Waiting became a member of Careers since. Undo or end that first."
        in row.result_message
    )
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed
    assert membership_of(applicant, approval_team).is_active


def test_recognizing_is_not_undone_under_somebody_who_joined_by_the_domain_since(
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
    (row,) = decision.items.all()
    assert row.outcome == "undo_refused"
    assert "Nell Newcomer was confirmed for Lakeview Health since." in row.result_message
    proposed_organization.refresh_from_db()
    assert proposed_organization.is_recognized


def test_nothing_is_undone_of_an_account_that_was_closed_since(
    approved, requests, member, administrator
):
    close_account(member, by=administrator)
    undo_decision(approved, by=administrator)
    process(approved, approve_step(administrator))
    closed, undone = approved.items.all()
    assert (closed.outcome, undone.outcome) == ("undo_refused", "undone")
    assert "an account that it was about is closed" in closed.result_message


def test_too_late_to_undo(approved, administrator, requests):
    Decision.objects.update(finished_at=F("finished_at") - timedelta(minutes=2))
    approved.refresh_from_db()
    with pytest.raises(Refused, match="too late"):
        undo_decision(approved, by=administrator)
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_undone_once_only(approved, administrator):
    undo_decision(approved, by=administrator)
    with pytest.raises(Refused, match="undone already"):
        undo_decision(approved, by=administrator)


def test_only_who_decided_or_an_administrator_undoes(approved, facilitator, administrator):
    with pytest.raises(Refused, match="Only Ada Admin"):
        undo_decision(approved, by=facilitator)
    assert outcomes(approved) == ["done", "done"]


def test_undo_while_rows_are_left_takes_those_out(requests, administrator, mails):
    decision = decide(administrator, Membership, [row.pk for row in requests])
    process(decision, approve_step(administrator), seconds=0)
    undo_decision(decision, by=administrator)
    assert process(decision, approve_step(administrator))
    assert outcomes(decision) == ["undone", "undone"]
    assert Membership.objects.waiting().count() == 2
    assert mails() == []


def test_undo_that_was_asked_holds_the_mails_until_it_is_done(approved, administrator, mails):
    undo_decision(approved, by=administrator)
    assert all(mail.scheduled_time > timezone.now() + timedelta(minutes=50) for mail in mails())


def test_mail_that_went_out_is_not_taken_back(approved, administrator, mails):
    """It cannot be: clocks may differ, and the queue is what counts."""
    Email.objects.update(status=STATUS.sent)
    undo_decision(approved, by=administrator)
    process(approved, approve_step(administrator))
    assert len(mails()) == 2
    assert "no email was sent" not in approved.items.first().result_message


def test_undoable_are_those_of_the_last_two_minutes(approved, administrator, facilitator):
    assert list(Decision.objects.of(administrator).undoable()) == [approved]
    assert not Decision.objects.of(facilitator).undoable()
    Decision.objects.update(finished_at=timezone.now() - timedelta(minutes=2, seconds=1))
    assert not Decision.objects.of(administrator).undoable()
