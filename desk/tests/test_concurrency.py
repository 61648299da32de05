"""Decisions by many processes at once: each membership is processed once, undone whole."""

import pytest
from post_office.models import Email

from conftest import make_member, make_membership
from desk.imports import runs
from desk.imports.members import MemberImport
from desk.imports.reader import TableRow
from members.models import Decision
from members.services import Refused, undo_decision
from members.tests.decisions import decide
from teams.actions import process_decision
from teams.models import Membership
from teams.services import withdraw_request
from teams.tests.test_concurrency import ROUNDS, _room_for_all, at_once  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)
MEMBERS = 6


@pytest.fixture
def waiting(organization, approval_team) -> list[Membership]:
    return [
        make_membership(
            make_member(f"p{number}@rush.example", organization, f"Person {number}"),
            approval_team,
            Membership.Status.REQUESTED,
        )
        for number in range(MEMBERS)
    ]


def approve_all(requests, by) -> Decision:
    return decide(by, Membership, [membership.pk for membership in requests], "approve")


def working(decision: Decision):
    """Return what one process does until nothing is left."""
    own = Decision.objects.select_related("by").get(pk=decision.pk)
    return lambda: process_decision(own, seconds=60)


def test_process_decision_by_many_processes_processes_each_record_once(waiting, administrator):
    decision = approve_all(waiting, administrator)
    at_once(*[working(decision) for _ in range(4)])
    # The last process saw an item that another one still held.
    working(decision)()
    assert [item.outcome for item in decision.items.all()] == ["done"] * MEMBERS
    assert Membership.history.filter(history_change_reason="approved").count() == MEMBERS
    assert Email.objects.count() == MEMBERS
    decision.refresh_from_db()
    times = {email.scheduled_time for email in Email.objects.all()}
    assert len(times) == 1
    assert min(times) > decision.undo_until


def test_import_started_by_many_at_once_is_stored_once(organization, team, facilitator):
    cells = ["nora@rush.example", "Nora", "", organization.name, team.name]
    rows = [TableRow(2, dict(zip(MemberImport.columns, cells, strict=True)))]
    record = runs.create_import("members", rows, by=facilitator)
    at_once(*[lambda: runs.start_import(record, version=1, send_email=True)] * 4)
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("done", 1)
    assert Membership.history.filter(member__email="nora@rush.example").count() == 1
    assert Email.objects.count() == 1


def test_undo_while_others_process_restores_every_record(waiting, administrator):
    for _ in range(ROUNDS):
        decision = approve_all(waiting, administrator)
        at_once(
            working(decision),
            working(decision),
            lambda one=decision: undo_decision(one, by=administrator),
        )
        while not working(decision)():
            pass
        assert {item.outcome for item in decision.items.all()} == {"undone"}
        assert Membership.objects.waiting().count() == MEMBERS
        assert not Email.objects.exists()


def test_undo_twice_at_once_undoes_once(waiting, administrator):
    decision = approve_all(waiting[:2], administrator)
    working(decision)()
    undo = lambda: undo_decision(  # noqa: E731
        Decision.objects.get(pk=decision.pk), by=administrator
    )
    results = at_once(undo, undo)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Refused"]


def test_withdraw_against_approve_has_one_winner(waiting, administrator):
    for membership in waiting[:ROUNDS]:
        decision = approve_all([membership], administrator)
        _, withdrawn = at_once(working(decision), lambda one=membership: withdraw_request(one))
        membership.refresh_from_db()
        outcome = decision.items.get().outcome
        if isinstance(withdrawn, Refused):
            assert (membership.status, outcome) == ("active", "done")
        else:
            assert (membership.status, outcome) == ("withdrawn", "refused")
