"""Decisions about many rows: told on a page, gone on with in the background."""

from datetime import timedelta

from django.utils import timezone

from conftest import membership_of, messages_of, visible_text
from desk.actions import base
from desk.actions.log import step_of
from desk.admin import process_pending_decisions
from desk.tests.test_memberships import LIST, choose, page
from members.models import Decision, Member
from members.services import process_decision
from members.tests.decisions import decide
from teams.models import Membership
from teams.services import set_facilitators

DECISIONS = "/admin/members/decision/"


def test_many_are_told_on_the_page_of_the_decision_trouble_first(client_for, approver, crowd):
    client = client_for(approver)
    Membership.objects.filter(pk=crowd[5].pk).update(
        status="withdrawn", ended_at=timezone.now(), ended_by=crowd[5].member
    )
    shown = client.get(page("approve", *crowd[:5], *crowd[6:]))
    assert "21 requests" in visible_text(shown)
    response = client.post(page("approve", *crowd), follow=True)
    decision = Decision.objects.get()
    assert response.request["PATH_INFO"] == f"{DECISIONS}{decision.pk}/change/"
    told = visible_text(response)
    assert "Done 21" in told
    assert "Not done 1" in told
    first = response.context["page"].object_list[0]
    assert (first.object_id, first.outcome) == (crowd[5].pk, "refused")
    assert "Person 000 is an active member of Careers now." in told
    assert "Refresh" not in response


def test_page_of_a_decision_looks_again_until_it_is_finished(client_for, approver, crowd):
    decision = begun(approver, crowd)
    client = client_for(approver)
    shown = client.get(f"{DECISIONS}{decision.pk}/change/")
    assert shown["Refresh"] == "3"
    assert "Not yet 22" in visible_text(shown)
    response = client.post(f"{DECISIONS}{decision.pk}/continue/", follow=True)
    assert "Done 22" in visible_text(response)
    assert "Refresh" not in response


def begun(by: Member, rows: list[Membership]) -> Decision:
    """Pressed, in a process that was killed before its first row."""
    return decide(by, Membership, [row.pk for row in rows], "approve")


def test_background_goes_on_where_a_process_was_killed(approver, crowd, mails):
    count = len(mails())
    decision = begun(approver, crowd)
    process_decision(decision, step_of(decision), seconds=0)  # killed after the first row
    assert Membership.objects.active().filter(pk__in=[row.pk for row in crowd]).count() == 1
    process_pending_decisions()
    decision.refresh_from_db()
    assert decision.finished_at is None  # still the press's own
    Decision.objects.update(taken_at=timezone.now() - timedelta(seconds=11))
    for _ in range(30):
        process_pending_decisions()
    decision.refresh_from_db()
    assert decision.finished_at is not None
    assert Membership.objects.active().filter(pk__in=[row.pk for row in crowd]).count() == len(
        crowd
    )
    assert len(mails()) == count + len(crowd)


def test_background_refuses_what_its_author_may_not_decide_any_more(
    approver, crowd, approval_team, administrator
):
    decision = begun(approver, crowd[:2])
    set_facilitators(approval_team, [], by=administrator)
    decision = Decision.objects.get(pk=decision.pk)
    process_decision(decision, step_of(decision), seconds=60)
    assert {row.outcome for row in decision.rows.all()} == {"refused"}
    assert crowd[0].team.memberships.active().count() == 0


def test_more_than_an_address_carries_go_over_the_form(client_for, approver, crowd, monkeypatch):
    monkeypatch.setattr(base, "IN_ADDRESS", 10)
    client = client_for(approver)
    shown = client.post(LIST, choose("decline", *crowd))
    assert shown.status_code == 200
    assert "Decline 22 requests" in visible_text(shown)
    assert set(shown.context["carried"]) == {row.pk for row in crowd}
    assert Membership.objects.waiting().count() == 22
    sent = {"rows": ",".join(map(str, shown.context["carried"])), "reason": "No room this year."}
    again = client.post(f"{LIST}decline/", {**sent, "show": "mail"})
    assert "No room this year." in again.context["mail"].message
    response = client.post(f"{LIST}decline/", sent, follow=True)
    assert "Done 22" in visible_text(response)
    assert Membership.objects.waiting().count() == 0


def test_forged_rows_in_the_form_are_left_out(client_for, approver, requests, member, team):
    client = client_for(approver)
    own, foreign = requests[0].pk, membership_of(member, team).pk
    client.post(f"{LIST}decline/", {"rows": f"{own},{foreign},x", "reason": "No."})
    assert membership_of(member, team).is_active
    requests[0].refresh_from_db()
    assert requests[0].status == "declined"
    only = client.post(f"{LIST}decline/", {"rows": str(foreign), "reason": "No."})
    assert only.status_code == 404


def test_too_many_are_refused_in_words(client_for, approver, crowd, monkeypatch):
    monkeypatch.setattr(base, "MAX_DECISION_ROWS", 10)
    response = client_for(approver).post(LIST, choose("approve", *crowd), follow=True)
    assert messages_of(response) == ["Select at most 10 at a time. Nothing was changed."]
    assert Membership.objects.waiting().count() == 22
