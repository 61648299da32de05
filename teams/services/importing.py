"""Members from a file: all of them at once, in a few queries for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from members.batches import batched
from members.emails import bulk_queue
from members.models import Member, Organization
from members.normalize import normalize_person_name
from members.services import (
    Refused,
    bulk_create,
    confirm_affiliations,
    confirmation_fields,
    one_line,
)
from teams import emails
from teams.models import ActionTeam, Membership
from teams.services.recognition import activate_requests_of_open_teams
from teams.services.transitions import new_membership, transition_all

# By the keys of the member and the team.
CurrentMemberships = dict[tuple[int, int], Membership]


@dataclass(frozen=True)
class MemberData:
    """What a file says about one person."""

    email: str
    full_name: str
    job_title: str
    # Recognized.
    organization: Organization
    teams: Sequence[ActionTeam]


@dataclass
class MemberImportResult:
    """What an import of members did."""

    created: list[Member] = field(default_factory=list)
    # Keys of the accounts that were here before.
    existing: set[int] = field(default_factory=set)
    # Of these, the ones confirmed for another organization than the file says.
    with_other_organization: set[int] = field(default_factory=set)
    # Of these, the ones confirmed by the import, and for which organization.
    confirmed: dict[int, Organization] = field(default_factory=dict)
    created_memberships: list[Membership] = field(default_factory=list)
    # Requests that had waited, by key.
    approved_requests: dict[int, Membership] = field(default_factory=dict)

    @property
    def changes_nothing(self) -> bool:
        return not (self.created or self.created_memberships or self.approved_requests)


def lock_accounts(addresses: Iterable[str]) -> dict[str, Member]:
    """Return the accounts of these email addresses, closed or not, locked until the transaction
    ends. The address of a merged account means the account that it was merged into."""
    keys: dict[str, int] = {}
    for batch in batched(sorted(set(addresses))):
        members = Member.objects.filter(email__in=batch).order_by()
        for email, pk, merged_into in members.values_list("email", "pk", "merged_into"):
            keys[email] = merged_into or pk
    locked: dict[int, Member] = {}
    for pks in batched(sorted(set(keys.values()))):
        accounts = Member.objects.filter(pk__in=pks).order_by("pk")
        locked.update({member.pk: member for member in accounts.select_for_update(no_key=True)})
    return {email: locked[pk] for email, pk in keys.items()}


def import_members(
    people: Sequence[MemberData],
    accounts: dict[str, Member],
    *,
    by: Member,
    send_email: bool = False,
) -> MemberImportResult:
    """Make these people active members of their teams, confirmed by `by`; return what changed.

    `accounts` are theirs, as `lock_accounts` returned them. A new person gets an account,
    confirmed for the organization, and with `send_email` one email to claim it; no one else gets
    an email. Nothing of an existing account changes, except that an affiliation that no one had
    confirmed is confirmed as soon as a membership begins. A waiting request is approved, an
    active membership stays. Refuses closed accounts, and an address that someone has joined with
    in the meantime.
    """
    with transaction.atomic():
        for account in accounts.values():
            if not account.is_active:
                raise Refused(f"{account}: the account is closed.")
        existing = {account.pk: account for account in accounts.values()}
        created = _create_accounts(people, accounts, by)
        result = MemberImportResult(created=created, existing=set(existing))
        members = {**accounts, **{member.email: member for member in created}}
        memberships = _lock_current_memberships(existing)
        for data in people:
            _plan_memberships(data, members[data.email], memberships, result, by)
        _confirm_affiliations(result, existing, by)
        bulk_create(result.created_memberships, by, "added by a facilitator")
        approved = list(result.approved_requests.values())
        transition_all(approved, Membership.Status.ACTIVE, by=by, why="approved")
        _activate_open_requests(result, memberships, by)
        if send_email:
            _email_created(result, by)
    return result


def _create_accounts(
    people: Sequence[MemberData], accounts: dict[str, Member], by: Member
) -> list[Member]:
    """Create accounts for the new people, each as the first of their rows says."""
    created: dict[str, Member] = {}
    for data in people:
        if data.email not in accounts and data.email not in created:
            created[data.email] = Member(
                email=data.email,
                full_name=one_line(data.full_name),
                normalized_name=normalize_person_name(data.full_name),
                job_title=one_line(data.job_title),
                **confirmation_fields(
                    data.organization, via=Member.ConfirmedVia.FACILITATOR, by=by
                ),
            )
    members = list(created.values())
    try:
        with transaction.atomic():
            bulk_create(members, by, "account created, affiliation confirmed by a facilitator")
    except IntegrityError as error:
        raise Refused("Someone in the file has just joined. Check the file again.") from error
    return members


def _plan_memberships(
    data: MemberData,
    member: Member,
    memberships: CurrentMemberships,
    result: MemberImportResult,
    by: Member,
) -> None:
    """Note which memberships of `member` begin, and whether that confirms the organization."""
    begins = False
    for team in data.teams:
        membership = memberships.get((member.pk, team.pk))
        if membership is None:
            membership = new_membership(
                member,
                team,
                Membership.Status.ACTIVE,
                origin=Membership.Origin.IMPORTED,
                by=by,
            )
            memberships[member.pk, team.pk] = membership
            result.created_memberships.append(membership)
            begins = True
        elif membership.is_waiting:
            result.approved_requests[membership.pk] = membership
            begins = True
    if member.pk not in result.existing:
        return
    if member.is_affiliation_confirmed and member.organization_id != data.organization.pk:
        result.with_other_organization.add(member.pk)
    elif begins and not member.is_affiliation_confirmed:
        result.confirmed.setdefault(member.pk, data.organization)


def _confirm_affiliations(
    result: MemberImportResult, existing: dict[int, Member], by: Member
) -> None:
    members: dict[Organization, list[Member]] = defaultdict(list)
    for pk, organization in result.confirmed.items():
        members[organization].append(existing[pk])
    for organization, confirmed in members.items():
        confirm_affiliations(confirmed, organization, via=Member.ConfirmedVia.FACILITATOR, by=by)


def _activate_open_requests(
    result: MemberImportResult, memberships: CurrentMemberships, by: Member
) -> None:
    """Activate what those who are confirmed now have requested from other open teams."""
    requests = [
        membership
        for (member_id, _), membership in memberships.items()
        if member_id in result.confirmed and membership.is_waiting
    ]
    opened = activate_requests_of_open_teams(requests, by=by)
    result.approved_requests.update({membership.pk: membership for membership in opened})


def _email_created(result: MemberImportResult, by: Member) -> None:
    joined: dict[int, list[Membership]] = defaultdict(list)
    for membership in result.created_memberships:
        joined[membership.member_id].append(membership)
    with bulk_queue():
        for member in result.created:
            emails.account_claim(member, joined[member.pk], by)


def _lock_current_memberships(members: Iterable[int]) -> CurrentMemberships:
    """Return the open requests and active memberships of these people, locked."""
    current: CurrentMemberships = {}
    for batch in batched(sorted(members)):
        memberships = Membership.objects.current().filter(member__in=batch).select_related("team")
        for membership in memberships.select_for_update(of=("self",), no_key=True).order_by("pk"):
            current[membership.member_id, membership.team_id] = membership
    return current
