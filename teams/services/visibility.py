"""Whom and what staff see at the desk. Text for a reader names nobody else: it says "a member".

Administrators see everything. Facilitators see the people with a membership or a request in their
teams, whatever became of it. Staff are named to all staff: they decide together about
organizations and questions, and each team's page shows who facilitates it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, Model, OuterRef, Q, QuerySet

from members.batches import batched
from members.models import Bounce, BounceQuerySet, Member, MemberQuerySet, Move, MoveQuerySet
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementQuerySet,
    FaqEntry,
    Goal,
    Invitation,
    InvitationQuerySet,
    Meeting,
    MeetingQuerySet,
    Membership,
    Resource,
    ResourceQuerySet,
    TargetArea,
)


def _sees_all(staff: Member) -> bool:
    return staff.is_staff and staff.is_superuser


def visible_members(staff: Member) -> MemberQuerySet:
    """Return the members whose records `staff` sees; for anyone who is not staff none."""
    members: MemberQuerySet = Member.objects.all()
    if _sees_all(staff):
        return members
    memberships = Membership.objects.listed_for(staff)
    return members.filter(Exists(memberships.filter(member=OuterRef("pk"))))


def visible_moves(staff: Member) -> MoveQuerySet:
    """Return the moves that `staff` sees and decides: of the members whom they see, and of staff
    only as an administrator."""
    moves: MoveQuerySet = Move.objects.all()
    if _sees_all(staff):
        return moves
    return moves.filter(member__in=visible_members(staff), member__is_staff=False)


def visible_bounces(staff: Member) -> BounceQuerySet:
    """Return the addresses from which emails came back of the members whom `staff` sees."""
    bounces: BounceQuerySet = Bounce.objects.all()
    return bounces if _sees_all(staff) else bounces.filter(member__in=visible_members(staff))


def _visible_goals(staff: Member) -> QuerySet[Goal]:
    return Goal.objects.filter(team__in=ActionTeam.objects.facilitated_by(staff))


def visible_meetings(staff: Member) -> MeetingQuerySet:
    """Return the meetings that `staff` sees at the desk: those of the teams that they facilitate,
    and of the whole Collaborative, which administrators plan."""
    meetings: MeetingQuerySet = Meeting.objects.all()
    if _sees_all(staff):
        return meetings
    if not staff.is_staff:
        return meetings.none()
    through = Meeting.teams.through.objects.filter(meeting=OuterRef("pk"))
    own = through.filter(actionteam__facilitators=staff)
    return meetings.filter(Exists(own) | ~Exists(through))


def visible_announcements(staff: Member) -> AnnouncementQuerySet:
    """Return the announcements that `staff` sees at the desk: those that they may write."""
    announcements: AnnouncementQuerySet = Announcement.objects.editable_by(staff)
    return announcements


def visible_invitations(staff: Member) -> InvitationQuerySet:
    """Return the invitations that `staff` sees at the desk: those of colleagues to the teams that
    they facilitate, and their own. `is_joined` tells them of nobody whom they do not see."""
    invitations: InvitationQuerySet = Invitation.objects.all()
    if _sees_all(staff):
        is_accepted = ExpressionWrapper(Q(accepted_at__isnull=False), BooleanField())
        return invitations.annotate(is_joined=is_accepted)
    if not staff.is_staff:
        return invitations.none()
    through = Invitation.teams.through.objects.filter(invitation=OuterRef("pk"))
    to_own_team = Exists(through.filter(actionteam__facilitators=staff))
    seen = invitations.of_colleagues().filter(to_own_team | Q(invited_by=staff))
    return seen.with_joined(Membership.objects.listed_for(staff))


def visible_resources(staff: Member) -> ResourceQuerySet:
    """Return the resources that `staff` sees at the desk: those that they may change."""
    resources: ResourceQuerySet = Resource.objects.editable_by(staff)
    return resources


# What is not shared by all staff.
_VISIBLE: dict[type[Model], Callable[[Member], QuerySet[Any]]] = {
    Announcement: visible_announcements,
    Bounce: visible_bounces,
    FaqEntry: lambda staff: FaqEntry.objects.editable_by(staff),
    Goal: _visible_goals,
    Invitation: visible_invitations,
    Meeting: visible_meetings,
    Member: visible_members,
    Membership: lambda staff: Membership.objects.visible_to(staff),
    Move: visible_moves,
    Resource: visible_resources,
    TargetArea: lambda staff: TargetArea.objects.editable_by(staff),
    ActionTeam: lambda staff: ActionTeam.objects.facilitated_by(staff),
}


def visible_keys(model: type[Model], keys: Iterable[int], staff: Member) -> set[int]:
    """Return those of `keys` whose records of `model` the list of `staff` shows. Where that is all
    of them, `keys` are returned unread: a removed record is not out of sight."""
    if model not in _VISIBLE or _sees_all(staff):
        return set(keys)
    visible: set[int] = set()
    for batch in batched(keys):
        visible.update(_VISIBLE[model](staff).filter(pk__in=batch).values_list("pk", flat=True))
    return visible


def seen_accounts(accounts: Mapping[str, Member], by: Member) -> dict[str, Member]:
    """Return those of `accounts`, by email address, that `by` sees under this very address: not
    under that of an account that was merged into one."""
    if _sees_all(by):
        return dict(accounts)
    keys = visible_keys(Member, {account.pk for account in accounts.values()}, by)
    return {
        email: account
        for email, account in accounts.items()
        if account.pk in keys and account.email == email
    }


def seen_former_addresses(addresses: Collection[str], by: Member) -> dict[str, Move]:
    """Return, for those of `addresses` that are former ones of members whom `by` sees, the newest
    move away from each, with its member. No account has one of `addresses` now."""
    former: dict[str, Move] = {}
    for batch in batched(sorted(addresses)):
        moves = visible_moves(by).former().filter(old_email__in=batch).select_related("member")
        former.update({move.old_email: move for move in moves.order_by("pk")})
    return former


def seen_account(email: str, by: Member) -> Member | None:
    """Return the account that `email`, a normalized address, opens if `by` sees it."""
    account = Member.objects.account_of(email)
    return seen_accounts({email: account}, by).get(email) if account else None


def confirmable_accounts(accounts: Collection[Member], by: Member) -> set[int]:
    """Return the keys of those whose affiliation is confirmed by adding them to a team of `by`.

    For a facilitator, of people who asked for one of the teams themselves: a membership that a
    facilitator gave them is no reason, or giving it twice would be one. Never of administrators.
    """
    members = {account.pk for account in accounts if not account.is_superuser}
    if _sees_all(by):
        return members
    requested = Membership.objects.listed_for(by).filter(origin=Membership.Origin.REQUESTED)
    keys: set[int] = set()
    for batch in batched(sorted(members)):
        keys.update(requested.filter(member__in=batch).order_by().values_list("member", flat=True))
    return keys


def mark_unseen(people: Iterable[Member | None], reader: Member | None) -> None:
    """Let text say "a member" for those of `people` whom `reader` does not see.

    A merged account is seen with the one that it is part of. Without a reader only staff are
    named. One query for any number on a page.
    """
    if reader and _sees_all(reader):
        return
    others = [person for person in people if person and not person.is_staff and person != reader]
    seen: set[int] = set()
    if reader and others:
        visible = Membership.objects.visible_to(reader)
        is_seen = Q(Exists(visible.filter(member=OuterRef("pk")))) | Q(
            Exists(visible.filter(member=OuterRef("merged_into")))
        )
        for keys in batched({person.pk for person in others}):
            seen.update(Member.objects.filter(is_seen, pk__in=keys).values_list("pk", flat=True))
    for person in others:
        person.is_unseen = person.pk not in seen


def name_for(person: Member, reader: Member | None) -> str:
    """Return the name of `person` in text for `reader`."""
    mark_unseen([person], reader)
    return str(person)


def describe_for(record: Model, reader: Member) -> str:
    """Return what text for `reader` calls `record`: neither people nor the teams of memberships
    that they do not see."""
    if isinstance(record, Member):
        return name_for(record, reader)
    if visible_keys(type(record), [record.pk], reader):
        return str(record)
    noun = str(record._meta.verbose_name)
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
