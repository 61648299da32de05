"""Members from a file: all of them at once, in a few queries for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from members.batches import batched
from members.emails import bulk_queue
from members.models import Member, Organization
from members.normalize import normalize_person_name
from members.services import Refused, bulk_save_with_history, one_line, store_all
from teams import emails
from teams.models import ActionTeam, Membership

Stays = dict[tuple[int, int], Membership]  # by member and team


@dataclass(frozen=True)
class MemberRow:
    """What a file says of one person."""

    email: str
    full_name: str
    job_title: str
    organization: Organization  # recognized
    teams: Sequence[ActionTeam]


@dataclass
class Imported:
    """What an import did, or would do."""

    new: list[Member] = field(default_factory=list)
    known: set[int] = field(default_factory=set)  # keys of the accounts that were there
    elsewhere: set[int] = field(default_factory=set)  # of these: confirmed for somewhere else
    confirmed: dict[int, Organization] = field(default_factory=dict)  # of these: for what, now
    begun: list[Membership] = field(default_factory=list)
    opened: dict[int, Membership] = field(default_factory=dict)  # requests that had waited

    @property
    def changes_nothing(self) -> bool:
        return not (self.new or self.begun or self.opened)


def accounts_of(addresses: Iterable[str]) -> dict[str, Member]:
    """The accounts that these addresses open, closed or not, locked until the transaction ends:
    that of a merged account is the one that goes on."""
    found: dict[str, int] = {}
    for part in batched(sorted(set(addresses))):
        rows = Member.objects.filter(email__in=part).order_by()
        for email, pk, into in rows.values_list("email", "pk", "merged_into"):
            found[email] = into or pk
    locked: dict[int, Member] = {}
    for keys in batched(sorted(set(found.values()))):
        people = Member.objects.filter(pk__in=keys).order_by("pk")
        locked.update({row.pk: row for row in people.select_for_update(no_key=True)})
    return {email: locked[pk] for email, pk in found.items()}


def import_members(
    rows: Sequence[MemberRow], accounts: dict[str, Member], *, by: Member, with_mail: bool = False
) -> Imported:
    """Make the people in `rows` active members of the teams named there; `by` vouches for them.

    `accounts` are theirs as `accounts_of` locked them. A new person gets an account, confirmed
    for the organization, and one email to claim it if `with_mail`; nobody else is told. Of a known
    person nothing is changed, but an affiliation that nobody had confirmed is, as soon as a
    membership begins. A waiting request is approved, an active membership stays. Refuses closed
    accounts, and an address that somebody has joined with meanwhile.
    """
    with transaction.atomic():
        for account in accounts.values():
            if not account.is_active:
                raise Refused(f"{account}: the account is closed.")
        people = {account.pk: account for account in accounts.values()}
        done = Imported(new=_make_accounts(rows, accounts, by), known=set(people))
        everyone = {**accounts, **{member.email: member for member in done.new}}
        stays = _current_stays(people)
        for row in rows:
            _place(row, everyone[row.email], stays, done, by)
        _confirm(done, people, by)
        store_all(done.begun, by, "added by a facilitator")
        bulk_save_with_history(list(done.opened.values()), by, "approved", **_active(by))
        _open_what_waits(done, stays, by)
        if with_mail:
            _tell(done, by)
    return done


def _make_accounts(
    rows: Sequence[MemberRow], accounts: dict[str, Member], by: Member
) -> list[Member]:
    """The new people, each as the first of their rows says."""
    made: dict[str, Member] = {}
    for row in rows:
        if row.email not in accounts and row.email not in made:
            made[row.email] = Member(
                email=row.email,
                full_name=one_line(row.full_name),
                normalized_name=normalize_person_name(row.full_name),
                job_title=one_line(row.job_title),
                **_confirmed(row.organization, by),
            )
    new = list(made.values())
    try:
        with transaction.atomic():
            store_all(new, by, "account made, affiliation confirmed by a facilitator")
    except IntegrityError as error:
        raise Refused("Somebody in the file has just joined. Check the file again.") from error
    return new


def _place(row: MemberRow, member: Member, stays: Stays, done: Imported, by: Member) -> None:
    """Note which memberships of `member` begin, and whether `by` vouches for that."""
    begins = False
    for team in row.teams:
        stay = stays.get((member.pk, team.pk))
        if stay is None:
            stay = stays[member.pk, team.pk] = Membership(member=member, team=team, **_active(by))
            done.begun.append(stay)
        elif stay.is_waiting:
            done.opened[stay.pk] = stay
        else:
            continue
        begins = True
    if member.pk not in done.known:
        return
    if member.is_affiliation_confirmed and member.organization_id != row.organization.pk:
        done.elsewhere.add(member.pk)
    elif begins and not member.is_affiliation_confirmed:
        done.confirmed.setdefault(member.pk, row.organization)


def _confirm(done: Imported, people: dict[int, Member], by: Member) -> None:
    by_organization: dict[Organization, list[Member]] = defaultdict(list)
    for pk, organization in done.confirmed.items():
        by_organization[organization].append(people[pk])
    for organization, members in by_organization.items():
        why = "affiliation confirmed by a facilitator"
        bulk_save_with_history(members, by, why, **_confirmed(organization, by))


def _open_what_waits(done: Imported, stays: Stays, by: Member) -> None:
    """Open what those who are confirmed now have asked of other open teams, as ever."""
    opened = [
        stay
        for (member, _), stay in stays.items()
        if member in done.confirmed and stay.is_waiting and stay.team.is_open
    ]
    bulk_save_with_history(opened, by, "opened with the affiliation", **_active(by))
    done.opened.update({stay.pk: stay for stay in opened})


def _tell(done: Imported, by: Member) -> None:
    joined: dict[int, list[Membership]] = defaultdict(list)
    for stay in done.begun:
        joined[stay.member_id].append(stay)
    with bulk_queue():
        for member in done.new:
            emails.account_claim(member, joined[member.pk], by)


def _current_stays(members: Iterable[int]) -> Stays:
    """The open requests and active memberships of these people, locked."""
    found: Stays = {}
    for part in batched(sorted(members)):
        rows = Membership.objects.current().filter(member__in=part).select_related("team")
        for stay in rows.select_for_update(of=("self",), no_key=True).order_by("pk"):
            found[stay.member_id, stay.team_id] = stay
    return found


def _confirmed(organization: Organization, by: Member) -> dict[str, Any]:
    return {
        "organization": organization,
        "affiliation_confirmed_at": timezone.now(),
        "affiliation_confirmed_via": Member.ConfirmedVia.FACILITATOR,
        "affiliation_confirmed_by": by,
    }


def _active(by: Member) -> dict[str, Any]:
    return {
        "status": Membership.Status.ACTIVE,
        "decided_at": timezone.now(),
        "decided_by": by,
    }
