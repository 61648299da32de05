"""Decisions about many records: results on a page, continued in the background."""

from datetime import timedelta

from django.utils import timezone

from conftest import membership_of, messages_of, visible_text
from desk.actions import base
from desk.tests.action_pages import selection_url, ticked
from desk.tests.test_memberships import LIST
from members.models import Decision, Member
from members.tests.decisions import decide
from teams.actions import process_decision, process_pending_decisions
from teams.models import Membership
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
    withdrawn = many_requests[5]
    Membership.objects.filter(pk=withdrawn.pk).update(
        status="withdrawn", ended_at=timezone.now(), ended_by=withdrawn.member
    )
    path = selection_url(client, "approve", *many_requests)
    assert "21 requests" in visible_text(
        client.get(selection_url(client, "approve", *many_requests[:5], *many_requests[6:]))
    )
    response = client.post(path, follow=True)
    decision = Decision.objects.get()
    assert response.request["PATH_INFO"] == f"{DECISIONS}{decision.pk}/change/"
    text = visible_text(response)
    assert "Done 21" in text
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
    assert "Not yet 22" in visible_text(response)
    response = client.post(f"{DECISIONS}{decision.pk}/continue/", follow=True)
    assert "Done 22" in visible_text(response)
    assert "Refresh" not in response


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
    for _ in range(30):
        process_pending_decisions()
    decision.refresh_from_db()
    assert decision.finished_at is not None
    assert active_count(many_requests) == len(many_requests)
    assert len(queued_emails()) == email_count + len(many_requests)


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
    monkeypatch.setattr(base, "MAX_DECISION_ROWS", 10)
    response = client_for(approver).post(LIST, ticked("approve", *many_requests), follow=True)
    assert messages_of(response) == ["Select at most 10 at a time. Nothing was changed."]
    assert Membership.objects.waiting().count() == 22


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
