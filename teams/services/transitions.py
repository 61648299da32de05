"""The only place that writes the status of a membership.

(new) --> REQUESTED --approve--> ACTIVE --leave / end--> ENDED
              |--decline--> DECLINED
              |--withdraw--> WITHDRAWN
ACTIVE --the import that approved it is taken back--> REQUESTED
ACTIVE --moved to an employer that is not recognized yet--> REQUESTED

Members who are no longer active give up their places in meetings that they may no longer see.
"""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from members.batches import batched
from members.dates import long_date
from members.models import Member
from members.services import Refused, bulk_save_with_history, save_with_history
from teams.models import ActionTeam, Membership
from teams.services.answers import withdraw_answers
from teams.services.visibility import name_for

Status = Membership.Status

# Of a new membership the key is None.
TRANSITIONS: dict[str | None, set[Status]] = {
    None: {Status.REQUESTED, Status.ACTIVE},
    Status.REQUESTED: {Status.ACTIVE, Status.DECLINED, Status.WITHDRAWN},
    Status.ACTIVE: {Status.ENDED, Status.REQUESTED},
    Status.DECLINED: set(),
    Status.WITHDRAWN: set(),
    Status.ENDED: set(),
}

# Of one that waited again after a move: when it was decided is the day on which it began.
REACTIVATED: dict[str, Any] = {"status": Status.ACTIVE}


def new_membership(
    member: Member,
    team: ActionTeam,
    status: Status,
    *,
    origin: Membership.Origin,
    by: Member,
    request_reason: str = "",
) -> Membership:
    """Return a membership that begins as `status`; it is not stored yet. Nobody has decided
    about one that a member requested and that is active at once."""
    if status not in TRANSITIONS[None]:
        raise Refused(f"A membership does not begin as {status.label.lower()}.")
    fields = _fields(status, by=None if origin == Membership.Origin.REQUESTED else by)
    fields["request_reason"] = request_reason
    # Nothing is decided before it is requested.
    fields["requested_at"] = fields.get("decided_at") or timezone.now()
    return Membership(member=member, team=team, origin=origin, **fields)


def start_membership(
    member: Member,
    team: ActionTeam,
    status: Status,
    *,
    origin: Membership.Origin,
    by: Member,
    why: str,
    request_reason: str = "",
) -> Membership:
    """Store a membership that begins as `status`, with a line of history; return it."""
    membership = new_membership(
        member, team, status, origin=origin, by=by, request_reason=request_reason
    )
    save_with_history(membership, by, why)
    return membership


def lock_membership(membership: Membership) -> Membership:
    """Return the stored `membership` with the people and the team it refers to, locked until the
    transaction ends."""
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    return Membership.objects.select_related(
        "member__organization", "team", "decided_by", "ended_by"
    ).get(pk=membership.pk)


def refuse_unless_allowed(membership: Membership, status: Status, *, by: Member | None) -> None:
    """Refuse `by` a step to `status` that the status of `membership` does not allow, saying what
    happened to it meanwhile."""
    if status in TRANSITIONS[membership.status]:
        return
    who, when = membership.decided_by, membership.decided_at
    if membership.waits_again:
        who, when = None, membership.requested_at
    elif membership.ended_at:
        who, when = membership.ended_by, membership.ended_at
    already = f"already {membership.get_status_display().lower()}"
    if when:
        already += f" on {long_date(when)}"
    if who:
        already += f" by {name_for(who, by)}"
    raise Refused(f"{membership.member} and {membership.team}: {already}. Nothing was changed.")


def transition(
    membership: Membership,
    status: Status,
    *,
    by: Member | None,
    why: str,
    reason: str = "",
    keeps_answers: bool = False,
) -> None:
    """Move `membership`, as `lock_membership` returned it in this transaction, to `status`, with
    a line of history.

    `by` is None where the email domain decided. `why` stands in the history, `reason` is what
    the member reads. `keeps_answers` to meetings: the same person is in the team with another
    membership, or the caller withdraws those of several memberships at once, so that meetings are
    locked in one order. Refuses, saying what happened, unless the stored status allows the step.
    """
    stored = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    refuse_unless_allowed(stored, status, by=by)
    fields = _fields(status, by=by, reason=reason)
    if stored.waits_again and status == Status.ACTIVE:
        fields = REACTIVATED
    elif status == Status.REQUESTED:
        fields["requested_at"] = timezone.now()
    save_with_history(membership, by, why, **fields)
    if stored.is_active and not keeps_answers:
        withdraw_answers([membership.member_id], by=by)


def end_or_withdraw(
    membership: Membership,
    *,
    by: Member,
    why: str,
    reason: str = "",
    keeps_answers: bool = False,
) -> None:
    """End a membership that is active, withdraw one that is still a request, as `transition`."""
    status = Status.ENDED if membership.is_active else Status.WITHDRAWN
    transition(membership, status, by=by, why=why, reason=reason, keeps_answers=keeps_answers)


def transition_all(
    memberships: Sequence[Membership],
    status: Status,
    *,
    by: Member | None,
    why: str,
    reason: str = "",
) -> list[Membership]:
    """Move `memberships` to `status`, in a few queries for any number of them; return those that
    were moved. One whose stored status does not allow the step is left as it is."""
    stored = _stored_statuses([membership.pk for membership in memberships])
    moved = [
        membership
        for membership in memberships
        if membership.pk in stored and status in TRANSITIONS[stored[membership.pk]]
    ]
    fields = _fields(status, by=by, reason=reason)
    if status == Status.ACTIVE:
        returning = [membership for membership in moved if membership.waits_again]
        bulk_save_with_history(returning, by, why, **REACTIVATED)
        first_time = [membership for membership in moved if membership not in returning]
        bulk_save_with_history(first_time, by, why, **fields)
    else:
        left = [membership.member_id for membership in moved if membership.is_active]
        bulk_save_with_history(moved, by, why, **fields)
        withdraw_answers(left, by=by)
    return moved


def restore_requests(memberships: Sequence[Membership], *, by: Member, why: str) -> None:
    """Let active `memberships`, locked by the caller, wait to be decided as they did before they
    were approved."""
    undecided = {"status": Status.REQUESTED, "decided_at": None, "decided_by": None}
    bulk_save_with_history(memberships, by, why, **undecided)
    withdraw_answers([membership.member_id for membership in memberships], by=by)


def _stored_statuses(keys: Sequence[int]) -> dict[int, str]:
    """Return the status of the memberships with these keys, which are locked, by key."""
    statuses: dict[int, str] = {}
    ordered = sorted(keys)
    for batch in batched(ordered):
        stored = Membership.objects.filter(pk__in=batch).order_by("pk")
        statuses.update(stored.select_for_update(no_key=True).values_list("pk", "status"))
    return statuses


def _fields(status: Status, *, by: Member | None, reason: str = "") -> dict[str, Any]:
    """Return the fields that go with `status`."""
    fields: dict[str, Any] = {"status": status}
    if status in {Status.ACTIVE, Status.DECLINED}:
        fields |= {"decided_at": timezone.now(), "decided_by": by}
    elif status in {Status.WITHDRAWN, Status.ENDED}:
        fields |= {"ended_at": timezone.now(), "ended_by": by}
    if reason:
        fields["reason"] = reason
    return fields
