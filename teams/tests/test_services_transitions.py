"""The state machine of memberships: every step that is allowed, and every one that is not."""

from itertools import product

import pytest
from django.utils import timezone

from conftest import membership_of
from members.services import Refused
from members.tests.steps import last_line, refused
from teams.models import Membership
from teams.services import leave_team
from teams.services.transitions import (
    TRANSITIONS,
    end_or_withdraw,
    lock_membership,
    new_membership,
    start_membership,
    transition,
    transition_all,
)

Status = Membership.Status
Origin = Membership.Origin

ALLOWED = {
    ("requested", "active"),
    ("requested", "declined"),
    ("requested", "withdrawn"),
    ("active", "ended"),
    # After a move.
    ("active", "requested"),
}
PAIRS = list(product(Status.values, Status.values))


@pytest.fixture
def stored(outsider, team):
    """`stored(status)`: a membership of `outsider` in `team` with this status."""

    def create(status: str) -> Membership:
        now = timezone.now()
        fields = {"reason": "Full."} if status == "declined" else {}
        if status in {"active", "declined", "ended"}:
            fields["decided_at"] = now
        if status in {"withdrawn", "ended"}:
            fields["ended_at"] = now
        return Membership.objects.create(member=outsider, team=team, status=status, **fields)

    return create


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair in ALLOWED])
def test_transition_moves_to_every_allowed_status(stored, facilitator, old, new):
    membership = stored(old)
    transition(membership, Status(new), by=facilitator, why="tried", reason="Because.")
    membership.refresh_from_db()
    assert (membership.status, membership.reason) == (new, "Because.")
    assert last_line(membership) == (facilitator, "tried")
    if new in {"active", "declined"}:
        assert membership.decided_by == facilitator
    elif new == "requested":
        assert (membership.waits_again, membership.ended_by) == (True, None)
    else:
        assert membership.ended_by == facilitator


@pytest.mark.parametrize("old", Status.values)
def test_transition_refuses_every_other_status(stored, facilitator, old):
    membership = stored(old)
    fields = {"by": facilitator, "why": "tried", "reason": "Because."}
    for new in Status:
        if (old, new) not in ALLOWED:
            refused("already .* Nothing was changed", transition, membership, new, **fields)


def test_transitions_know_every_status():
    assert set(TRANSITIONS) == {None, *Status}


def test_transition_refuses_by_the_stored_status_and_not_by_a_stale_copy(member, team, facilitator):
    stale = membership_of(member, team)
    leave_team(membership_of(member, team))
    assert stale.is_active
    refused("already ended", transition, stale, Status.ENDED, by=facilitator, why="tried")


def test_transition_all_moves_the_allowed_and_leaves_the_others(
    member, colleague, team, facilitator
):
    memberships = [membership_of(member, team), membership_of(colleague, team)]
    leave_team(memberships[0])
    moved = transition_all(memberships, Status.ENDED, by=facilitator, why="closed")
    assert moved == [memberships[1]]
    assert last_line(membership_of(colleague, team)) == (facilitator, "closed")
    assert last_line(membership_of(member, team)) == (member, "left")


def test_transition_all_needs_the_same_queries_for_one_and_for_two(
    member, colleague, outsider, team, other_team, facilitator, django_assert_num_queries
):
    one = [membership_of(member, team)]
    two = [membership_of(colleague, team), membership_of(outsider, other_team)]
    for memberships in (one, two):
        # Lock, update, history, answers to meetings.
        with django_assert_num_queries(4):
            transition_all(memberships, Status.ENDED, by=facilitator, why="closed")


def test_end_or_withdraw_depends_on_the_status(member, applicant, team, administrator):
    for person, status in ((member, "ended"), (applicant, "withdrawn")):
        end_or_withdraw(membership_of(person, team), by=administrator, why="closed")
        assert membership_of(person, team).status == status


@pytest.mark.parametrize("status", [Status.DECLINED, Status.WITHDRAWN, Status.ENDED])
def test_new_membership_refuses_to_begin_at_the_end(member, other_team, facilitator, status):
    with pytest.raises(Refused, match="does not begin as"):
        new_membership(member, other_team, status, origin=Origin.ADDED, by=facilitator)


@pytest.mark.parametrize(
    ("origin", "is_decided"),
    [(Origin.REQUESTED, False), (Origin.ADDED, True), (Origin.IMPORTED, True)],
)
def test_start_membership_notes_who_decided_unless_it_was_requested(
    member, other_team, facilitator, origin, is_decided
):
    membership = start_membership(
        member, other_team, Status.ACTIVE, origin=origin, by=facilitator, why="tried"
    )
    membership.refresh_from_db()
    assert membership.origin == origin
    assert membership.decided_by == (facilitator if is_decided else None)
    assert last_line(membership) == (facilitator, "tried")


def test_lock_membership_returns_what_is_stored(member, team):
    stale = membership_of(member, team)
    leave_team(membership_of(member, team))
    assert lock_membership(stale).status == Status.ENDED
