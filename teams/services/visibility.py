"""Whom a facilitator sees at the desk, and of whom adding to a team confirms the affiliation."""

from collections.abc import Collection, Mapping

from members.batches import batched
from members.models import Member
from teams.models import Membership


def seen_accounts(accounts: Mapping[str, Member], by: Member) -> dict[str, Member]:
    """Return those of `accounts`, by email address, that `by` sees under this very address.

    An administrator sees all; a facilitator those with a membership or request, of any status, in
    the teams of `by`, but not the addresses of accounts that were merged into them.
    """
    if by.is_superuser:
        return dict(accounts)
    keys = _with_memberships(accounts.values(), by)
    return {
        email: account
        for email, account in accounts.items()
        if account.pk in keys and account.email == email
    }


def seen_account(email: str, by: Member) -> Member | None:
    """Return the account that `email`, a normalized address, opens if `by` sees it."""
    account = Member.objects.account_of(email)
    return seen_accounts({email: account}, by).get(email) if account else None


def confirmable_accounts(accounts: Collection[Member], by: Member) -> set[int]:
    """Return the keys of those whose affiliation is confirmed by adding them to a team of `by`.

    For a facilitator, of people who asked for one of the teams themselves: a membership that a
    facilitator gave them is no reason, or giving it twice would be one. Never of administrators.
    """
    members = [account for account in accounts if not account.is_superuser]
    if by.is_superuser:
        return {member.pk for member in members}
    return _with_memberships(members, by, origin=Membership.Origin.REQUESTED)


def _with_memberships(accounts: Collection[Member], by: Member, **lookups: str) -> set[int]:
    """Return the keys of those with a membership or request in the teams that `by` sees."""
    keys: set[int] = set()
    for batch in batched(sorted({account.pk for account in accounts})):
        memberships = Membership.objects.listed_for(by).filter(member__in=batch, **lookups)
        keys.update(memberships.order_by().values_list("member", flat=True))
    return keys
