"""Taking an import of members back: what it began ends, unless it has been used since.

Nobody gets an email, and no row is deleted. Of organizations `members.services` does the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone
from post_office.models import STATUS, Email

from members.batches import batched
from members.models import Member, Move, Organization
from members.services import (
    IMPORT_TAKEN_BACK,
    NOT_CONFIRMED,
    anonymize_unused_accounts,
    bulk_save_with_history,
    lock_records,
)
from teams.models import Attendance, Invitation, Membership
from teams.services.announcements import skip_closed_accounts
from teams.services.invitation_emails import erase_addresses
from teams.services.people import erase_reasons
from teams.services.transitions import restore_requests, transition_all
from teams.services.visibility import visible_keys


@dataclass(frozen=True)
class ImportedPeople:
    """What an import of members created or changed, by key."""

    members: Collection[int]
    # The known people whom it confirmed, and the organization that each had before.
    organizations_before: Mapping[int, int | None]
    memberships: Collection[int]
    # Requests that it approved.
    requests: Collection[int]
    emails: Collection[int]
    finished_at: datetime


@dataclass
class PeopleTakenBack:
    """What taking back an import of members did."""

    # Their accounts had been used, so they were left alone.
    used: set[int] = field(default_factory=set)
    ended: list[Membership] = field(default_factory=list)
    # Requests that wait as before.
    waiting: list[Membership] = field(default_factory=list)
    closed: list[Member] = field(default_factory=list)
    unconfirmed: list[Member] = field(default_factory=list)

    @property
    def keys(self) -> dict[type[Model], set[int]]:
        """Return the keys of the records that are taken back, by model."""
        return {
            Member: {member.pk for member in [*self.closed, *self.unconfirmed]},
            Membership: {membership.pk for membership in [*self.ended, *self.waiting]},
        }


def take_back_members(
    people: ImportedPeople, *, by: Member, end_used: bool = False
) -> PeopleTakenBack:
    """Take back what an import of members did, and return what that changed.

    Memberships end with the reason IMPORT_TAKEN_BACK, and requests that were approved wait again.
    Accounts that the import created are closed and erased, if they belong to no other team.
    Confirmations are removed from people who are in no team then. Left alone are people who have
    used their account since (unless `end_used`, their memberships), memberships of teams that `by`
    does not see, and what has changed since. Emails that still wait are deleted.
    """
    with transaction.atomic():
        keys = [*people.memberships, *people.requests]
        in_teams = {
            pk
            for batch in batched(keys)
            for pk in Membership.objects.filter(pk__in=batch).values_list("member", flat=True)
        }
        members = lock_records(Member, {*in_teams, *people.members, *people.organizations_before})
        memberships = lock_records(Membership, visible_keys(Membership, keys, by))
        result = PeopleTakenBack(used=_used_since(members, people))
        ending = [
            membership
            for membership in memberships.values()
            if membership.is_active and (end_used or membership.member_id not in result.used)
        ]
        requests = set(people.requests)
        result.waiting = [each for each in ending if each.pk in requests]
        result.ended = [each for each in ending if each.pk not in requests]
        restore_requests(result.waiting, by=by, why=IMPORT_TAKEN_BACK)
        transition_all(
            result.ended,
            Membership.Status.ENDED,
            by=by,
            why=IMPORT_TAKEN_BACK,
            reason=IMPORT_TAKEN_BACK,
        )
        unused = {pk: member for pk, member in members.items() if pk not in result.used}
        result.unconfirmed = _restore_affiliations(unused, people, by)
        _delete_waiting_emails(people.emails, [members[each.member_id] for each in ending])
        result.closed = _close(unused, people, by)
    return result


def _used_since(members: Mapping[int, Member], people: ImportedPeople) -> set[int]:
    """Return the keys of those of `members` who have signed in since the import, may use the desk,
    have been merged with another account, have asked for another address, have answered a
    meeting, which a link in an email does without signing in, or were seen at one."""
    created = set(people.members)
    used = {
        pk
        for pk, member in members.items()
        if (member.last_login and (pk in created or member.last_login > people.finished_at))
        or (pk in created and (member.is_staff or member.merged_into_id))
    }
    for batch in batched(sorted(members)):
        sessions = UserSession.objects.filter(last_seen_at__gt=people.finished_at)
        used.update(sessions.filter(user__in=batch).values_list("user", flat=True))
        merged = Member.objects.filter(merged_into__in=created.intersection(batch))
        used.update(merged.values_list("merged_into", flat=True))
        moves = Move.objects.filter(member__in=created.intersection(batch))
        used.update(moves.values_list("member", flat=True))
        has_answered = Q(answered_at__gt=people.finished_at)
        # Without an answer: checked by a facilitator, and nobody could before there was an account.
        was_seen = Q(answered_at=None, came=True, member__in=created.intersection(batch))
        answers = Attendance.objects.filter(has_answered | was_seen, member__in=batch)
        used.update(answers.values_list("member", flat=True))
    return used


def _restore_affiliations(
    members: Mapping[int, Member], people: ImportedPeople, by: Member
) -> list[Member]:
    """Remove the confirmations by the import from those of `members` who are in no team now, and
    give them back the organization that they had; return them."""
    confirmed = {
        pk
        for pk in people.organizations_before
        if pk in members and members[pk].is_affiliation_confirmed
    }
    active = Membership.objects.active()
    for batch in batched(sorted(confirmed)):
        confirmed.difference_update(
            active.filter(member__in=batch).values_list("member", flat=True)
        )
    before = {pk: people.organizations_before[pk] for pk in sorted(confirmed)}
    organizations = Organization.objects.select_related("merged_into").in_bulk(
        {key for key in before.values() if key}
    )
    by_organization: dict[Organization | None, list[Member]] = defaultdict(list)
    for pk, key in before.items():
        organization = organizations[key].canonical if key else None
        by_organization[organization].append(members[pk])
    for organization, restored in by_organization.items():
        bulk_save_with_history(
            restored, by, IMPORT_TAKEN_BACK, organization=organization, **NOT_CONFIRMED
        )
    return [member for restored in by_organization.values() for member in restored]


def _close(members: Mapping[int, Member], people: ImportedPeople, by: Member) -> list[Member]:
    """Close those of `members` whom the import created and who have nothing but what ended with
    it, or with another import; return them."""
    closing = {pk for pk in people.members if pk in members and members[pk].is_active}
    own = {*people.memberships, *people.requests}
    for batch in batched(sorted(closing)):
        ended_so = Q(status=Membership.Status.ENDED, reason=IMPORT_TAKEN_BACK)
        memberships = Membership.objects.filter(member__in=batch).exclude(ended_so).order_by()
        for pk, member_id, status in memberships.values_list("pk", "member", "status"):
            if pk not in own or status in Membership.CURRENT:
                closing.discard(member_id)
    for batch in batched(sorted(closing)):
        erase_reasons(batch)
    skip_closed_accounts(closing)
    closed = [members[pk] for pk in sorted(closing)]
    _erase_invitations(closed, by)
    anonymize_unused_accounts(closed, by=by, why=IMPORT_TAKEN_BACK)
    return closed


def _erase_invitations(members: Sequence[Member], by: Member) -> None:
    """Cancel the invitations of `members` to use their accounts, and erase the addresses."""
    for batch in batched(members):
        invitations = Invitation.objects.filter(
            role=Invitation.Role.MEMBER, email__in=[member.email for member in batch]
        )
        waiting = list(invitations.filter(accepted_at=None, cancelled_at=None))
        bulk_save_with_history(waiting, by, IMPORT_TAKEN_BACK, cancelled_at=timezone.now())
        erase_addresses(invitations)


def _delete_waiting_emails(keys: Collection[int], members: Iterable[Member]) -> None:
    """Delete those of the emails with these keys that still wait to be sent to `members`."""
    addresses = {member.email for member in members}
    for batch in batched(sorted(keys)):
        waiting = Email.objects.filter(pk__in=batch).filter(
            Q(status=STATUS.queued) | Q(status=STATUS.requeued)
        )
        to_members = [email.pk for email in waiting if addresses.issuperset(email.to)]
        Email.objects.filter(pk__in=to_members).delete()
