"""Members from a file: all of them at once, in a few queries for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects

from members.batches import batched
from members.emails import bulk_queue
from members.models import Member, Organization
from members.normalize import clean_text, normalize_person_name
from members.services import (
    Refused,
    bulk_create,
    confirm_affiliations,
    confirmation_fields,
)
from teams import emails
from teams.models import ActionTeam, Membership
from teams.services.answer_changes import link_guest_answers
from teams.services.meeting_emails import NextMeetings
from teams.services.recognition import activate_requests_of_open_teams
from teams.services.transitions import new_membership, transition_all
from teams.services.visibility import confirmable_accounts, seen_accounts

# It does not say that someone has just joined: the importer may not see who did.
CHANGED_MEANWHILE = "Something has just changed here. Check the file again."
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
    """What an import of members did.

    All but the first three fields are about accounts that the importer sees. What is said about
    the other addresses is made of `unseen` alone, so that it does not tell who has an account.
    """

    created: list[Member] = field(default_factory=list)
    # Addresses that are new here or of accounts that the importer does not see, each with the keys
    # of the teams in the file.
    unseen: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    # What began for these addresses.
    unseen_memberships: list[Membership] = field(default_factory=list)
    # Keys of the accounts that were here before.
    existing: set[int] = field(default_factory=set)
    # Of these, the ones confirmed for another organization than the file says.
    with_other_organization: set[int] = field(default_factory=set)
    # Of these, the ones confirmed by the import, and for which organization.
    confirmed: dict[int, Organization] = field(default_factory=dict)
    created_memberships: list[Membership] = field(default_factory=list)
    # Requests that had waited, by key.
    approved_requests: dict[int, Membership] = field(default_factory=dict)
    # For taking the import back, and never said: all memberships that are new, all requests that
    # were approved, and the organization that each of those confirmed had before, by key.
    new_memberships: list[Membership] = field(default_factory=list)
    activated_requests: list[Membership] = field(default_factory=list)
    organizations_before: dict[int, int | None] = field(default_factory=dict)

    @property
    def new_membership_count(self) -> int:
        """Return how many memberships began without a request, for unseen addresses as the file
        says."""
        return len(self.created_memberships) + sum(map(len, self.unseen.values()))

    @property
    def joining(self) -> set[int]:
        """Return the keys of the accounts that were here before and join a team."""
        begun = [*self.created_memberships, *self.approved_requests.values()]
        return {membership.member_id for membership in begun}

    @property
    def changes_nothing(self) -> bool:
        return not (self.unseen or self.created_memberships or self.approved_requests)


def lock_accounts(addresses: Iterable[str]) -> dict[str, Member]:
    """Return the accounts of these email addresses, closed or not, locked until the transaction
    ends. The address of a merged account means the account that it was merged into. One that is
    merged or erased at the same time is left out."""
    unique = sorted(set(addresses))
    keys = _account_keys(unique)
    locked: dict[int, Member] = {}
    for pks in batched(sorted(set(keys.values()))):
        accounts = Member.objects.filter(pk__in=pks).order_by("pk")
        locked.update({member.pk: member for member in accounts.select_for_update(no_key=True)})
    keys_now = _account_keys(unique)
    return {email: locked[pk] for email, pk in keys.items() if keys_now.get(email) == pk}


def _account_keys(addresses: Sequence[str]) -> dict[str, int]:
    """Return the keys of the accounts that these addresses open."""
    keys: dict[str, int] = {}
    for batch in batched(addresses):
        members = Member.objects.filter(email__in=batch).order_by()
        for email, pk, merged_into in members.values_list("email", "pk", "merged_into"):
            keys[email] = merged_into or pk
    return keys


def import_members(
    people: Sequence[MemberData],
    accounts: dict[str, Member],
    *,
    by: Member,
    send_email: bool = False,
) -> MemberImportResult:
    """Make these people active members of their teams, confirmed by `by`; return what changed.

    `accounts` are theirs, as `lock_accounts` returned them. A new person gets an account,
    confirmed for the organization, and with `send_email` one email to claim it. Nothing of an
    existing account changes, except that an affiliation that no one had confirmed is confirmed as
    soon as a membership begins, if the person asked for a team of `by`. An account that `by` does
    not see is given the memberships, closed or not, and one email says so; no one else gets an
    email. A waiting request is approved, an active membership stays. Refuses closed accounts that
    `by` sees, and an address that someone has joined with in the meantime.
    """
    with transaction.atomic():
        result = MemberImportResult(created=_create_accounts(people, accounts, by))
        members = {**accounts, **{member.email: member for member in result.created}}
        memberships = _lock_current_memberships({account.pk for account in accounts.values()})
        begun: CurrentMemberships = {}
        seen = seen_accounts(accounts, by)
        confirmable = confirmable_accounts(accounts.values(), by)
        # Those seen first: what is said about them does not depend on the others.
        for data in sorted(people, key=lambda data: data.email not in seen):
            own = _begin_memberships(data, members[data.email], memberships, begun, by)
            if data.email in seen:
                _note_seen(result, seen[data.email], data, own, confirmable)
            else:
                result.unseen[data.email].update(team.pk for team in data.teams)
                result.unseen_memberships += own
        _confirm_affiliations(result, accounts.values(), by)
        _store_begun(result, list(begun.values()), by)
        _activate_open_requests(result, memberships, by)
        link_guest_answers({member.email: member for member in result.created}, by=by)
        _email_unseen(result, by, send_claims=send_email)
    return result


def _create_accounts(
    people: Sequence[MemberData], accounts: dict[str, Member], by: Member
) -> list[Member]:
    """Create accounts for the new people, each as the first of their rows says; what that leaves
    empty the others say."""
    created: dict[str, Member] = {}
    for data in people:
        if data.email in created:
            known = created[data.email]
            known.job_title = known.job_title or clean_text(data.job_title)
        elif data.email not in accounts:
            created[data.email] = Member(
                email=data.email,
                full_name=clean_text(data.full_name),
                normalized_name=normalize_person_name(data.full_name),
                job_title=clean_text(data.job_title),
                **confirmation_fields(
                    data.organization, via=Member.ConfirmedVia.FACILITATOR, by=by
                ),
            )
    members = list(created.values())
    try:
        with transaction.atomic():
            bulk_create(members, by, "account created, affiliation confirmed by a facilitator")
    except IntegrityError as error:
        raise Refused(CHANGED_MEANWHILE) from error
    return members


def _begin_memberships(
    data: MemberData,
    member: Member,
    memberships: CurrentMemberships,
    begun: CurrentMemberships,
    by: Member,
) -> list[Membership]:
    """Add to `begun`, and return, the memberships of `member` that begin with this row: new ones,
    and requests that are approved."""
    own: list[Membership] = []
    for team in data.teams:
        key = (member.pk, team.pk)
        membership = memberships.get(key)
        if key in begun or (membership and membership.is_active):
            continue
        if membership is None:
            origin = Membership.Origin.IMPORTED
            membership = new_membership(
                member, team, Membership.Status.ACTIVE, origin=origin, by=by
            )
        membership.member = member
        begun[key] = membership
        own.append(membership)
    return own


def _note_seen(
    result: MemberImportResult,
    account: Member,
    data: MemberData,
    begun: Sequence[Membership],
    confirmable: set[int],
) -> None:
    """Note what begins for an account that the importer sees, and whether that confirms the
    organization. Refuses a closed one."""
    if not account.is_active:
        raise Refused(f"{account}: the account is {account.inactive_reason}.")
    result.existing.add(account.pk)
    result.created_memberships += [membership for membership in begun if not membership.pk]
    result.approved_requests.update(
        {membership.pk: membership for membership in begun if membership.pk}
    )
    if account.is_affiliation_confirmed:
        if account.organization_id != data.organization.pk:
            result.with_other_organization.add(account.pk)
    elif begun and account.pk in confirmable:
        result.confirmed.setdefault(account.pk, data.organization)


def _confirm_affiliations(
    result: MemberImportResult, accounts: Iterable[Member], by: Member
) -> None:
    by_key = {account.pk: account for account in accounts}
    members: dict[Organization, list[Member]] = defaultdict(list)
    for pk, organization in result.confirmed.items():
        members[organization].append(by_key[pk])
        result.organizations_before[pk] = by_key[pk].organization_id
    for organization, confirmed in members.items():
        confirm_affiliations(confirmed, organization, via=Member.ConfirmedVia.FACILITATOR, by=by)


def _store_begun(result: MemberImportResult, memberships: Sequence[Membership], by: Member) -> None:
    """Store the new memberships among these, and approve the requests."""
    requests = [membership for membership in memberships if membership.pk]
    result.new_memberships = [membership for membership in memberships if not membership.pk]
    bulk_create(result.new_memberships, by, "added by a facilitator")
    approved = transition_all(requests, Membership.Status.ACTIVE, by=by, why="approved")
    result.activated_requests += approved


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
    result.activated_requests += opened


def _email_unseen(result: MemberImportResult, by: Member, *, send_claims: bool) -> None:
    """Tell those whose account the importer did not see which teams they are in now, and the new
    people, if `send_claims`, that they have an account."""
    joined: dict[int, list[Membership]] = defaultdict(list)
    for membership in result.unseen_memberships:
        joined[membership.member_id].append(membership)
    new_keys = {member.pk for member in result.created}
    existing = [memberships for pk, memberships in joined.items() if pk not in new_keys]
    prefetch_related_objects([memberships[0].member for memberships in existing], "organization")
    next_meetings = NextMeetings()
    with bulk_queue():
        for memberships in existing:
            emails.membership_added(memberships, by, next_meetings.of(memberships))
        for member in result.created if send_claims else []:
            memberships = joined[member.pk]
            emails.account_claim(member, memberships, by, next_meetings.of(memberships))


def _lock_current_memberships(members: Iterable[int]) -> CurrentMemberships:
    """Return the open requests and active memberships of these people, locked."""
    current: CurrentMemberships = {}
    for batch in batched(sorted(members)):
        memberships = Membership.objects.current().filter(member__in=batch).select_related("team")
        for membership in memberships.select_for_update(of=("self",), no_key=True).order_by("pk"):
            current[membership.member_id, membership.team_id] = membership
    return current
