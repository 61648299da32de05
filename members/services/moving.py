"""A member's move to another work address: the account, its employer, and who may read its emails.

What follows for memberships is in `teams.services.moving`, which calls these steps.
"""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from post_office.models import Email

from members.email_domains import domain_suffixes, email_domain
from members.history.decisions import erase_items
from members.history.saving import Refused, lock_open_account, save_with_history
from members.models import EmailDomain, Member, Move, Organization
from members.services.affiliations import (
    NOT_CONFIRMED,
    confirm_affiliations,
    confirmation_fields,
    find_employer,
    recognized_owner,
)
from members.services.bounces import settle_former_addresses
from members.services.sessions import end_sessions

State = Move.State

TRANSITIONS: dict[str, set[Move.State]] = {
    State.REQUESTED: {State.DONE, State.DECLINED},
    State.DONE: {State.HELD, State.RETURNED},
    State.HELD: {State.KEPT, State.RETURNED},
    State.KEPT: {State.RETURNED},
    State.RETURNED: set(),
    State.DECLINED: set(),
}

ADDRESS_TAKEN = "Another account has this address. Nothing was changed."
ADDRESS_UNCHANGED = "The account has this address already. Nothing was changed."


def employer_shown_by(email: str) -> Organization | None:
    """Return the recognized organization that the domain of `email` belongs to, or None."""
    owner = EmailDomain.objects.owner_of(email_domain(email))
    return owner if owner and owner.is_recognized else None


def may_have_no_employer(member: Member) -> bool:
    """Return whether `member` is an administrator who works for none of the organizations."""
    return member.is_superuser and member.organization_id is None


def change_address(
    member: Member,
    email: str,
    organization_name: str,
    *,
    by: Member,
    why: str,
    requested: Move | None = None,
) -> Move:
    """Give `member` the address `email`, which is proven, and the employer that it decides, as at
    joining; return the stored move, with the locked, stored member. Sessions stay.

    `requested` is the move that was asked for on the sign-in page. The domain of a recognized
    organization decides; else the organization of this name, which a facilitator confirms, unless
    one has for this member already and not because of the old address. Refuses a closed account,
    one on hold, an address that opens another account, and with EmployerUnknownError a missing
    name where it counts.
    """
    with transaction.atomic():
        owner, named = _find_employer(member, email, organization_name, by=by)
        member = lock_open_account(member)
        details: dict[str, Any] = {
            "old_email": member.email,
            "old_organization": member.organization,
            "was_confirmed": member.is_affiliation_confirmed,
            "changed_at": timezone.now(),
        }
        _set_address(member, email, _employer_fields(member, owner, named), by=by, why=why)
        if requested:
            decision: dict[str, Any] = {"decided_at": timezone.now(), "decided_by": by}
            transition_move(requested, State.DONE, by=by, why=why, **details, **decision)
            requested.member = member
            return requested
        move = Move(member=member, new_email=email, state=State.DONE, **details)
        save_with_history(move, by, why)
    return move


def return_address(move: Move, *, by: Member, why: str) -> Member:
    """Give the account of `move` its old address back, with the employer that this one decides,
    and remove what signs in besides a code to it; return the locked, stored member.

    Refuses an old address that opens another account now.
    """
    with transaction.atomic():
        name = move.old_organization.name if move.old_organization else ""
        owner = named = None
        if name or recognized_owner(email_domain(move.old_email)):
            owner, named = find_employer(move.old_email, name, by=by)
        member: Member = Member.objects.select_for_update(no_key=True).get(pk=move.member_id)
        fields = _employer_fields(member, owner, named)
        _set_address(member, move.old_email, fields, by=by, why=why)
        employer = member.organization
        was_confirmed_here = move.was_confirmed and move.old_organization_id == (
            employer.pk if employer else None
        )
        if was_confirmed_here and not member.is_affiliation_confirmed and employer:
            via = Member.ConfirmedVia.FACILITATOR
            confirm_affiliations([member], employer, via=via, by=by)
        # Who had the account in between may have set up a second factor.
        Authenticator.objects.filter(user=member).delete()
        end_sessions(member)
    return member


def _find_employer(
    member: Member, email: str, organization_name: str, *, by: Member
) -> tuple[Organization | None, Organization | None]:
    """Return what `find_employer` does; administrators may have no employer."""
    if may_have_no_employer(member) and not (
        organization_name or recognized_owner(email_domain(email))
    ):
        return None, None
    return find_employer(email, organization_name, by=by)


def _set_address(
    member: Member, email: str, changes: dict[str, Any], *, by: Member, why: str
) -> None:
    """Store the address and `changes` of `member`, locked by the caller."""
    if member.email == email:
        raise Refused(ADDRESS_UNCHANGED)
    if Member.objects.account_of(email) not in {None, member}:
        raise Refused(ADDRESS_TAKEN)
    for merged in member.merged_accounts.filter(email=email).select_for_update(no_key=True):
        released = f"merged-{merged.pk}@closed.invalid"
        save_with_history(merged, by, "the address became the account’s", email=released)
    try:
        with transaction.atomic():
            save_with_history(member, by, why, email=email, **changes)
    except IntegrityError as error:
        raise Refused(ADDRESS_TAKEN) from error
    settle_former_addresses(member)
    # allauth's own record of the old address; signing in makes one of the new.
    EmailAddress.objects.filter(user=member).delete()


def _employer_fields(
    member: Member, owner: Organization | None, named: Organization | None
) -> dict[str, Any]:
    """Return what changes in the affiliation of `member`, who still has the old address."""
    employer = owner or named
    if employer is None:
        return {}
    is_same = member.is_affiliation_confirmed and member.organization_id == employer.pk
    if is_same and (owner or not _shows(member.email, employer)):
        return {}
    if owner:
        return confirmation_fields(owner, via=Member.ConfirmedVia.DOMAIN, by=None)
    return {"organization": named, **NOT_CONFIRMED}


def _shows(email: str, organization: Organization) -> bool:
    """Return whether the domain of `email` is one of `organization`."""
    suffixes = domain_suffixes(email_domain(email))
    return organization.domains.filter(domain__in=suffixes).exists()


def transition_move(
    move: Move,
    state: Move.State,
    *,
    by: Member | None,
    why: str,
    waiting_as: Move.State | None = None,
    **changes: Any,
) -> None:
    """Put `move` into `state`, with `changes` of other fields, in one line of history. Refuses,
    saying what happened, unless the stored state allows the step, and is `waiting_as` if given."""
    stored = Move.objects.select_for_update(no_key=True).get(pk=move.pk)
    if state not in TRANSITIONS[stored.state] or waiting_as not in {None, stored.state}:
        raise Refused(already_decided(stored))
    save_with_history(move, by, why, state=state, **changes)


def already_decided(move: Move) -> str:
    """Return what is said to who comes too late to decide about `move`."""
    return (
        f"This has already been decided: {move.get_state_display().lower()}. Nothing was changed."
    )


def hold(member: Member, *, why: str) -> None:
    """Let nobody sign in to the account of `member`, locked by the caller, and end its sessions."""
    save_with_history(member, None, why, is_active=False, held_at=timezone.now())
    end_sessions(member)


def release(member: Member, *, by: Member, why: str) -> None:
    """Open the account of `member`, locked by the caller, that was on hold."""
    save_with_history(member, by, why, is_active=True, held_at=None)


def emails_to(member: Member) -> QuerySet[Email]:
    """Return the emails to `member`, at all addresses of the account, oldest first. Where two
    people had an address one after the other, each has the emails of their own time."""
    accounts = [member, *member.merged_accounts.order_by("pk")]
    emails = Q(pk__in=[])
    for account in accounts:
        earlier = Move.objects.former().filter(old_email=account.email).exclude(member=account)
        since = Q(created__gte=account.date_joined) if earlier.exists() else Q()
        emails |= Q(to=account.email) & since
    moves = Move.objects.former().filter(member__in=accounts)
    for address in set(moves.values_list("old_email", flat=True)):
        owner = Member.objects.filter(email=address).exclude(pk__in=[each.pk for each in accounts])
        joined_at = owner.values_list("date_joined", flat=True).first()
        emails |= Q(to=address) & (Q(created__lt=joined_at) if joined_at else Q())
    queued: QuerySet[Email] = Email.objects.filter(emails).order_by("pk")
    return queued


def erase_moves(accounts: Sequence[Member]) -> None:
    """Erase the former addresses of `accounts`, and what was asked for with them."""
    moves = Move.objects.filter(member__in=accounts)
    erase_items(Move, moves.values_list("pk", flat=True))
    moves.delete()
    Move.history.filter(member_id__in=[account.pk for account in accounts]).delete()
