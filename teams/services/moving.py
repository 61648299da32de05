"""Moving to another work address or employer: what follows for memberships, and who is notified.

The former address can put the account on hold for a while; then staff decide. An account
never goes back without that. A person who has lost the old mailbox asks on the sign-in page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from members.models import Member, Move, Organization
from members.services import Refused, end_sessions, save_with_history
from members.services.moving import (
    already_decided,
    change_address,
    employer_shown_by,
    hold,
    may_have_no_employer,
    release,
    return_address,
    transition_move,
)
from teams import emails
from teams.models import Membership
from teams.services.answer_changes import link_guest_answers
from teams.services.answers import withdraw_answers
from teams.services.calendar_keys import end_calendar
from teams.services.recognition import activate_requests_of_open_teams
from teams.services.transitions import transition

State = Move.State
# Anyone with mailboxes of their own can ask; more would be a way to annoy the account's owner.
MAX_REQUEST_EMAILS_A_DAY = 3

# Stand in the history.
MOVED = "moved to another address"
WAITS_AGAIN = "waits until the new employer is confirmed"
RECOVERED = "moved to another address, by a facilitator"
OBJECTED = "the former address objected to the move"
KEPT = "the account stays with the new address"
MERGED = "This account has since been merged into another one. Nothing was changed."
RETURNED = "the account returned to its old address"


@dataclass(frozen=True)
class MovePreview:
    """What a move would do: the employer that the new address shows, if it shows one; whether the
    member has to name it; and which teams stay."""

    employer: Organization | None
    asks_employer: bool
    active: list[Membership]


def preview_move(member: Member, email: str) -> MovePreview:
    """Return what follows for `member` from moving to `email`."""
    active = Membership.objects.of(member).active().select_related("team")
    employer = employer_shown_by(email)
    asks_employer = employer is None and not may_have_no_employer(member)
    return MovePreview(employer, asks_employer, list(active.order_by("team__position")))


def move_member(
    member: Member, email: str, *, organization_name: str = "", session_key: str = ""
) -> list[Membership]:
    """Move `member` to the address `email`, proven by a code; return their active memberships and
    requests as they are now. All sessions but `session_key` end; both addresses get an email.

    The new address decides the employer. Memberships stay where it is recognized and confirmed;
    else each active one waits until it is. A request on the sign-in page to move to the same
    address is settled by it. Refuses as `change_address` does.
    """
    with transaction.atomic():
        requested = member.moves.filter(state=State.REQUESTED, new_email=email).first()
        move = change_address(
            member, email, organization_name, by=member, why=MOVED, requested=requested
        )
        memberships = _follow(move.member, by=member)
        end_sessions(move.member, except_key=session_key)
        _tell_both_addresses(move, memberships)
    return memberships


def request_move(
    old_email: str, new_email: str, *, full_name: str, organization_name: str, note: str
) -> None:
    """Store the request of a person who lost the mailbox `old_email` and has proven `new_email`.
    The address of the account gets an email, for the first few on one day. Nothing is done unless
    `old_email` opens an account, or did before it moved, and `new_email` opens none, or where the
    same was asked for already."""
    account = Member.objects.account_of(old_email)
    if former := Move.objects.at_former_address(old_email):
        account = former.member.merged_into or former.member
    if account is None or not (account.is_active or account.is_held):
        return
    with transaction.atomic():
        account = Member.objects.select_for_update(no_key=True).get(pk=account.pk)
        open_requests = account.moves.filter(state=State.REQUESTED, new_email=new_email)
        if Member.objects.account_of(new_email) or open_requests.exists():
            return
        move = Move(
            member=account,
            old_email=account.email,
            new_email=new_email,
            full_name=full_name,
            organization_name=organization_name,
            note=note.strip(),
            state=State.REQUESTED,
        )
        save_with_history(move, None, "asked on the sign-in page")
        since = timezone.now() - timedelta(days=1)
        if account.moves.filter(created_at__gt=since).count() <= MAX_REQUEST_EMAILS_A_DAY:
            emails.move_requested(move)


def approve_move(move: Move, *, by: Member) -> Move:
    """Move the member to the address that was asked for on the sign-in page; return the stored
    move. Sessions end, both addresses get an email, and the old one can object. Refuses one's own,
    and as `change_address` does."""
    with transaction.atomic():
        member = _account_of(move, State.REQUESTED, by)
        if member.pk != move.member_id:
            raise Refused(MERGED)
        move = change_address(
            member, move.new_email, move.organization_name, by=by, why=RECOVERED, requested=move
        )
        memberships = _follow(move.member, by=by)
        end_sessions(move.member)
        _tell_both_addresses(move, memberships)
    return move


def decline_move(move: Move, *, reason: str, by: Member) -> Move:
    """Decline what was asked for on the sign-in page; return the stored move. Both addresses read
    the reason."""
    with transaction.atomic():
        member = _account_of(move, State.REQUESTED, by)
        _decide(move, State.DECLINED, reason=reason, by=by, why="declined")
        for to in (move.new_email, member.email):
            emails.move_declined(move, to)
    return move


def object_to_move(move: Move) -> Move:
    """Do what the former address asks for by the link in its email; return the stored move.

    Nobody signs in to the account of a move that was made, until it is decided at the desk. Of one
    that was only asked for, the desk sees the objection. Nothing changes a second time, after the
    days for it, or after a decision.
    """
    with transaction.atomic():
        account = move.member.merged_into or move.member
        member = Member.objects.select_for_update(no_key=True).get(pk=account.pk)
        stored = Move.objects.select_for_update(no_key=True).get(pk=move.pk)
        now = timezone.now()
        if stored.is_requested and stored.objected_at is None:
            save_with_history(stored, None, OBJECTED, objected_at=now)
        elif stored.can_be_held:
            transition_move(stored, State.HELD, by=None, why=OBJECTED, objected_at=now)
            if not member.is_held:
                hold(member, why=OBJECTED)
            emails.account_held(member)
    return stored


def keep_move(move: Move, *, reason: str, by: Member) -> Move:
    """Open the account that was on hold, with its new address; return the stored move. Both
    addresses read the reason."""
    with transaction.atomic():
        account = _account_of(move, State.HELD, by)
        member = Member.objects.select_for_update(no_key=True).get(pk=account.pk)
        _decide(move, State.KEPT, reason=reason, by=by, why=KEPT, waiting_as=State.HELD)
        _release(member, by=by, why=KEPT)
        move.member = member
        for to in (member.email, move.old_email):
            emails.hold_decided(move, to)
    return move


def return_account(move: Move, *, reason: str, by: Member) -> Move:
    """Give the account that was on hold back to the old address; return the stored move.

    Memberships that waited since the move are active again. Who had the account in between no
    longer signs in, by no way. Moves after this one are taken back with it. Both addresses read the
    reason. Refuses an old address that is another account's now, and a merged account.
    """
    with transaction.atomic():
        account = _account_of(move, State.HELD, by)
        if account.pk != move.member_id:
            raise Refused(MERGED)
        member = return_address(move, by=by, why=RETURNED)
        end_calendar(member)
        _decide(move, State.RETURNED, reason=reason, by=by, why=RETURNED, waiting_as=State.HELD)
        for later in member.moves.former().filter(changed_at__gt=move.changed_at).order_by("pk"):
            _decide(later, State.RETURNED, reason=reason, by=by, why=RETURNED)
        _release(member, by=by, why=RETURNED)
        _follow(member, by=by)
        move.member = member
        for to in (member.email, account.email):
            emails.hold_decided(move, to)
    return move


def _account_of(move: Move, waiting_as: State, by: Member) -> Member:
    """Return the account that `move` is about, or that it was merged into. Refuses `by` what no
    longer waits in the state `waiting_as`, and one's own account."""
    stored = Move.objects.select_related("member__merged_into").get(pk=move.pk)
    if stored.state != waiting_as:
        raise Refused(already_decided(stored))
    account = stored.member.merged_into or stored.member
    if account == by:
        raise Refused("This is your own account. Another person at the desk has to decide.")
    return account


def _release(member: Member, *, by: Member, why: str) -> None:
    """Open the account of `member`, locked by the caller, unless another move holds it."""
    own = Q(member=member) | Q(member__merged_into=member)
    if not Move.objects.filter(own, state=State.HELD).exists():
        release(member, by=by, why=why)


def _decide(
    move: Move,
    state: State,
    *,
    reason: str,
    by: Member,
    why: str,
    waiting_as: State | None = None,
) -> None:
    if not reason.strip():
        raise Refused("Give a reason. Both addresses get it by email.")
    decision: dict[str, Any] = {
        "reason": reason.strip(),
        "decided_at": timezone.now(),
        "decided_by": by,
    }
    transition_move(move, state, by=by, why=why, waiting_as=waiting_as, **decision)


def _follow(member: Member, *, by: Member) -> list[Membership]:
    """Let the memberships of `member`, locked and with the new employer, follow; return the
    current ones, in the order of the teams."""
    current = Membership.objects.of(member).current().select_related("team")
    memberships = list(current.select_for_update(of=("self",), no_key=True).order_by("pk"))
    for membership in memberships:
        membership.member = member
    if member.may_join_at_once:
        waiting = [membership for membership in memberships if membership.is_waiting]
        activate_requests_of_open_teams(waiting, by=by)
    elif member.organization:
        for membership in memberships:
            if membership.is_active:
                status = Membership.Status.REQUESTED
                transition(membership, status, by=by, why=WAITS_AGAIN, keeps_answers=True)
        withdraw_answers([member.pk], by=by)
    link_guest_answers({member.email: member}, by=by)
    return sorted(memberships, key=lambda each: (each.team.position, each.team.name))


def _tell_both_addresses(move: Move, memberships: list[Membership]) -> None:
    emails.account_moved(
        move,
        [membership for membership in memberships if membership.is_active],
        [membership for membership in memberships if membership.is_waiting],
    )
    emails.address_replaced(move)
