"""Decisions about many records: results on a page, continued in the background."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import make_member, make_membership, membership_of, messages_of, visible_text
from desk.actions import base
from desk.tests.action_pages import selection_url, ticked
from desk.tests.test_memberships import LIST
from members.models import Decision, Member, Organization
from members.services import undo_decision
from members.tests.decisions import decide
from teams.actions import process_decision, process_pending_decisions
from teams.models import FaqEntry, Goal, Membership
from teams.services import set_facilitators

DECISIONS = "/admin/members/decision/"


def unprocessed_decision(by: Member, requests: list[Membership]) -> Decision:
    """As a process leaves it that was killed before the first record."""
    return decide(by, Membership, [membership.pk for membership in requests], "approve")


def active_count(requests: list[Membership]) -> int:
    return (
        Membership.objects.active()
        .filter(pk__in=[membership.pk for membership in requests])
        .count()
    )


def test_results_of_many_are_on_the_page_of_the_decision_trouble_first(
    client_for, approver, many_requests
):
    client = client_for(approver)
    withdrawn = many_requests[2]
    Membership.objects.filter(pk=withdrawn.pk).update(
        status="withdrawn", ended_at=timezone.now(), ended_by=withdrawn.member
    )
    path = selection_url(client, "approve", *many_requests)
    assert "4 requests" in visible_text(
        client.get(selection_url(client, "approve", *many_requests[:2], *many_requests[3:]))
    )
    response = client.post(path, follow=True)
    decision = Decision.objects.get()
    assert response.request["PATH_INFO"] == f"{DECISIONS}{decision.pk}/change/"
    text = visible_text(response)
    assert "Done 4" in text
    assert "Not done 1" in text
    first = response.context["page"].object_list[0]
    assert (first.object_id, first.outcome) == (withdrawn.pk, "refused")
    assert "Person 000 is an active member of Careers now." in text
    assert "Refresh" not in response


def test_page_of_a_decision_reloads_until_it_is_finished(client_for, approver, many_requests):
    decision = unprocessed_decision(approver, many_requests)
    client = client_for(approver)
    response = client.get(f"{DECISIONS}{decision.pk}/change/")
    assert response["Refresh"] == "3"
    assert "Not yet 5" in visible_text(response)
    # On a slow machine one request may not be enough for all of them.
    while "Refresh" in response:
        response = client.post(f"{DECISIONS}{decision.pk}/continue/", follow=True)
    assert "Done 5" in visible_text(response)


@pytest.mark.both_databases
def test_process_pending_decisions_continues_what_a_killed_process_left(
    approver, many_requests, queued_emails
):
    email_count = len(queued_emails())
    decision = unprocessed_decision(approver, many_requests)
    # Killed after the first record.
    process_decision(decision, seconds=0)
    assert active_count(many_requests) == 1
    process_pending_decisions()
    decision.refresh_from_db()
    # Still young: its request may be working on it.
    assert decision.finished_at is None
    Decision.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    for _ in range(5):
        process_pending_decisions()
    decision.refresh_from_db()
    assert decision.finished_at is not None
    assert active_count(many_requests) == len(many_requests)
    assert len(queued_emails()) == email_count + len(many_requests)


@pytest.fixture
def move(approval_team, team, administrator) -> Callable[[Member], None]:
    """`move(facilitator)` moves a facilitator of `approval_team` to `team`."""

    def move_to_team(facilitator: Member) -> None:
        set_facilitators(team, [facilitator], by=administrator)
        set_facilitators(approval_team, [], by=administrator)

    return move_to_team


def results_of(decision: Decision) -> list[tuple[str, str]]:
    return [(item.outcome, item.result_message) for item in decision.items.all()]


def test_mail_worker_leaves_records_of_a_facilitator_who_was_moved_meanwhile(
    approver, many_requests, move
):
    decision = unprocessed_decision(approver, many_requests[:3])
    process_decision(decision, seconds=0)
    move(approver)
    Decision.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    process_pending_decisions()
    reason = (
        "One membership was left as it is: the person who decided this no longer sees it at the "
        "desk."
    )
    (first, _), *others = results_of(decision)
    assert first == "done"
    assert others == [("refused", reason)] * 2
    assert active_count(many_requests) == 1


def test_process_decision_reads_its_author_for_each_record(approver, requests, approval_team):
    """The author loses the desk after the decision was read, as between two of its records."""
    decision = unprocessed_decision(approver, requests)
    assert decision.by.is_staff
    Member.objects.filter(pk=approver.pk).update(is_staff=False)
    process_decision(decision, seconds=60)
    assert {outcome for outcome, _ in results_of(decision)} == {"refused"}
    assert active_count(requests) == 0


@pytest.mark.parametrize(
    ("action", "form_data"), [("decline", {"reason": "No."}), ("unconfirm", {"reason": "No."})]
)
def test_process_decision_leaves_members_whom_its_author_no_longer_sees(
    approver, organization, approval_team, move, action, form_data
):
    person = make_member("pia@rush.example", organization, "Pia")
    make_membership(person, approval_team, Membership.Status.REQUESTED)
    decision = decide(approver, Member, [person.pk], action, form_data=form_data)
    move(approver)
    process_decision(decision, seconds=60)
    ((outcome, message),) = results_of(decision)
    assert outcome == "refused"
    assert message.startswith("One member was left as it is")
    person.refresh_from_db()
    assert person.is_affiliation_confirmed
    assert membership_of(person, approval_team).is_waiting


@pytest.mark.parametrize("model", [Goal, FaqEntry])
def test_process_decision_leaves_what_another_team_publishes(approver, approval_team, move, model):
    if model is Goal:
        record = Goal.objects.create(team=approval_team, slug="a", title="A goal")
        form_data = {"state": "on_track", "sentence": "Done.", "value": None}
        decision = decide(approver, Goal, [record.pk], "report", form_data=form_data)
    else:
        record = FaqEntry.objects.create(team=approval_team, slug="a", question="Q?", answer="A.")
        decision = decide(approver, FaqEntry, [record.pk], "confirm")
    move(approver)
    process_decision(decision, seconds=60)
    ((outcome, message),) = results_of(decision)
    assert (outcome, "was left as it is" in message) == ("refused", True)


def test_process_decision_goes_on_with_what_all_facilitators_share(
    approver, proposed_organization, move
):
    decision = decide(approver, Organization, [proposed_organization.pk], "recognize")
    move(approver)
    process_decision(decision, seconds=60)
    assert [outcome for outcome, _ in results_of(decision)] == ["done"]


def test_undo_leaves_records_of_a_facilitator_who_was_moved_meanwhile(
    client_for, approver, many_requests, move
):
    decision = unprocessed_decision(approver, many_requests[:2])
    process_decision(decision, seconds=60)
    move(approver)
    response = client_for(approver).post(f"{DECISIONS}{decision.pk}/undo/", follow=True)
    assert "Not undone 2" in visible_text(response)
    assert "Person 00" not in visible_text(response)
    for outcome, message in results_of(decision):
        assert outcome == "undo_refused"
        assert message.endswith(
            "Not undone: the person who asked for it no longer sees this at the desk."
        )
    assert active_count(many_requests) == 2


def test_undo_by_an_administrator_goes_on_after_the_author_was_moved(
    client_for, approver, administrator, many_requests, move
):
    decision = unprocessed_decision(approver, many_requests[:2])
    process_decision(decision, seconds=60)
    move(approver)
    client_for(administrator).post(f"{DECISIONS}{decision.pk}/undo/")
    assert [outcome for outcome, _ in results_of(decision)] == ["undone", "undone"]
    assert active_count(many_requests) == 0
    version = many_requests[0].history.first()
    assert (version.history_change_reason, version.history_user) == (
        "undone: Approve",
        administrator,
    )


def test_undo_is_refused_for_one_who_lost_the_desk_after_asking(
    approver, requests, approval_team, administrator
):
    decision = unprocessed_decision(approver, requests)
    process_decision(decision, seconds=60)
    undo_decision(decision, by=approver)
    set_facilitators(approval_team, [], by=administrator)
    process_decision(decision, seconds=60)
    for outcome, message in results_of(decision):
        assert outcome == "undo_refused"
        assert message.endswith("Not undone: the person who asked for it may no longer do so.")


def test_undo_of_a_removed_domain_is_not_refused_because_it_is_gone(
    client_for, facilitator, organization
):
    domain = organization.domains.get()
    client = client_for(facilitator)
    client.post(f"/admin/members/emaildomain/{domain.pk}/take-back/")
    client.post(f"{DECISIONS}{Decision.objects.get().pk}/undo/")
    assert organization.domains.get() == domain


def test_selection_says_how_many_records_are_left_out(
    client_for, approver, many_requests, move, approval_team, team, administrator
):
    own = make_membership(many_requests[0].member, team, Membership.Status.REQUESTED)
    set_facilitators(team, [approver], by=administrator)
    client = client_for(approver)
    path = selection_url(client, "decline", *many_requests[:2], own)
    move(approver)
    words = "2 of the 3 records that you selected are left out: gone, or no longer yours to see."
    assert words in visible_text(client.get(path))
    response = client.post(path, {"reason": "No room."})
    assert words in messages_of(response)
    assert [item.object_id for item in Decision.objects.get().items.all()] == [own.pk]
    assert not membership_of(own.member, team).is_waiting


def test_step_of_refuses_what_its_author_may_no_longer_decide(
    approver, many_requests, approval_team, administrator
):
    decision = unprocessed_decision(approver, many_requests[:2])
    set_facilitators(approval_team, [], by=administrator)
    decision = Decision.objects.get(pk=decision.pk)
    process_decision(decision, seconds=60)
    assert {item.outcome for item in decision.items.all()} == {"refused"}
    assert active_count(many_requests) == 0


def test_step_of_refuses_an_administrators_action_when_the_author_is_no_longer_one(
    administrator, member
):
    decision = decide(administrator, Member, [member.pk], "close", can_be_undone=False)
    Member.objects.filter(pk=administrator.pk).update(is_superuser=False)
    process_decision(Decision.objects.get(pk=decision.pk), seconds=60)
    assert "may no longer do so" in decision.items.get().result_message
    member.refresh_from_db()
    assert member.is_active


def test_step_of_refuses_an_action_that_no_longer_exists(administrator, member):
    decision = decide(administrator, Member, [member.pk], "promote")
    process_decision(decision, seconds=60)
    assert decision.items.get().outcome == "refused"


def test_too_many_are_refused_in_words(client_for, approver, many_requests, monkeypatch):
    monkeypatch.setattr(base, "MAX_DECISION_ROWS", 4)
    response = client_for(approver).post(LIST, ticked("approve", *many_requests))
    assert messages_of(response) == ["Select at most 4 at a time. Nothing was changed."]
    assert Membership.objects.waiting().count() == 5


def test_record_that_the_list_does_not_show_cannot_be_ticked(
    client_for, approver, requests, member, team
):
    client = client_for(approver)
    foreign = membership_of(member, team)
    client.post(
        selection_url(client, "decline", *requests, foreign), {"reason": "No room this year."}
    )
    foreign.refresh_from_db()
    assert foreign.is_active
    assert Membership.objects.waiting().count() == 0
