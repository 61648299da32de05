"""Decisions by many processes at once: each row is taken by one, undone whole, never half."""

import pytest
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import Decision
from members.services import Refused, undo_decision
from members.tests.decisions import decide
from teams.actions import process_decision
from teams.models import Membership
from teams.services import join_teams, withdraw_request
from teams.tests.test_concurrency import ROUNDS, _room_for_all, at_once  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 12


@pytest.fixture
def waiting(organization, approval_team) -> list[Membership]:
    people = [
        make_member(f"p{n:02}@rush.example", organization, f"Person {n}") for n in range(ROWS)
    ]
    for person in people:
        join_teams(person, [approval_team])
    Email.objects.all().delete()
    return [membership_of(person, approval_team) for person in people]


def approve_all(rows, by) -> Decision:
    return decide(by, Membership, [row.pk for row in rows], "approve")


def working(decision: Decision):
    """What one process does until nothing is left."""
    own = Decision.objects.select_related("by").get(pk=decision.pk)
    return lambda: process_decision(own, seconds=60)


def test_many_processes_take_each_row_once(waiting, administrator):
    decision = approve_all(waiting, administrator)
    at_once(*[working(decision) for _ in range(4)])
    working(decision)()  # whoever came last saw a row in other hands
    assert [row.outcome for row in decision.items.all()] == ["done"] * ROWS
    assert Membership.history.filter(history_change_reason="approved").count() == ROWS
    assert Email.objects.count() == ROWS
    decision.refresh_from_db()
    times = {mail.scheduled_time for mail in Email.objects.all()}
    assert len(times) == 1
    assert min(times) > decision.undo_until


def test_undo_while_others_work_leaves_every_row_as_it_was(waiting, administrator):
    for _ in range(ROUNDS):
        decision = approve_all(waiting, administrator)
        at_once(
            working(decision),
            working(decision),
            lambda one=decision: undo_decision(one, by=administrator),
        )
        while not working(decision)():
            pass
        assert {row.outcome for row in decision.items.all()} == {"undone"}
        assert Membership.objects.waiting().count() == ROWS
        assert not Email.objects.exists()


def test_two_presses_of_undo_are_one(waiting, administrator):
    decision = approve_all(waiting[:2], administrator)
    working(decision)()
    press = lambda: undo_decision(  # noqa: E731
        Decision.objects.get(pk=decision.pk), by=administrator
    )
    told = at_once(press, press)
    assert sorted(type(one).__name__ for one in told) == ["NoneType", "Refused"]


def test_withdrawing_against_deciding_has_one_winner(waiting, administrator):
    for row in waiting[:ROUNDS]:
        decision = approve_all([row], administrator)
        _, withdrawn = at_once(working(decision), lambda one=row: withdraw_request(one))
        row.refresh_from_db()
        outcome = decision.items.get().outcome
        if isinstance(withdrawn, Refused):
            assert (row.status, outcome) == ("active", "done")
        else:
            assert (row.status, outcome) == ("withdrawn", "refused")
