"""Who came to a meeting: recorded by its facilitators, each for the people whom they see.

Corrected at any time: no email follows from it. What others have recorded is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from members.batches import batched
from members.email_addresses import normalize_address
from members.models import Member, MemberQuerySet, Organization
from members.services import Refused, bulk_create, bulk_save_with_history
from members.services.moving import employer_shown_by
from teams.models import ActionTeam, Attendance, AttendanceQuerySet, Meeting, Membership
from teams.services.meetings import hold_meeting

# Someone who may have come: a member, who need not have answered, or a guest by their answer.
Attendee: TypeAlias = Member | Attendance

# Reasons in the history.
CAME = "attendance recorded: came"
ABSENT = "attendance recorded: did not come"


@dataclass(frozen=True)
class NewGuest:
    """A person without an account who came without having answered."""

    name: str
    email: str = ""
    organization: Organization | None = None


@dataclass(frozen=True)
class AttendanceCounts:
    """How many people answered or came, how many came, how many said they would come and did not,
    and how many of those who said they would come are not recorded yet."""

    people: int
    came: int
    absent: int
    unmarked: int


@dataclass(frozen=True)
class RecordedAttendance:
    """How many people were marked now: only those of whom something changed."""

    came: int
    absent: int


def possible_attendees(meeting: Meeting, by: Member) -> MemberQuerySet:
    """Return the members whom `by` sees, staff included, who may come to `meeting`: for whom it
    exists, or who have answered. Nobody whose account is closed."""
    members: MemberQuerySet = Member.objects.filter(is_active=True)
    if not by.is_superuser:
        seen = Membership.objects.listed_for(by).filter(member=OuterRef("pk"))
        members = members.filter(Exists(seen) | Q(is_staff=True))
    if meeting.audience == Meeting.Audience.PUBLIC:
        return members
    active = Membership.objects.active().filter(member=OuterRef("pk"))
    facilitated = ActionTeam.facilitators.through.objects.filter(member=OuterRef("pk"))
    teams = list(meeting.teams.order_by().values_list("pk", flat=True))
    if meeting.audience == Meeting.Audience.TEAMS and teams:
        active = active.filter(team__in=teams)
        facilitated = facilitated.filter(actionteam__in=teams)
    answered = Attendance.objects.filter(meeting=meeting, member=OuterRef("pk"))
    return members.filter(Exists(active) | Exists(facilitated) | Exists(answered))


def visible_attendance(meeting: Meeting, by: Member) -> AttendanceQuerySet:
    """Return the answers and marks of the people whom `by` sees, and of guests, who answered to
    the meeting itself. A closed account has no name, and is seen by all."""
    attendance = Attendance.objects.filter(meeting=meeting)
    if by.is_superuser:
        return attendance
    seen = Membership.objects.listed_for(by).filter(member=OuterRef("member"))
    shared = Q(member=None) | Q(member__is_staff=True) | Q(member__closed_at__isnull=False)
    return attendance.filter(Exists(seen) | shared)


def attendance_counts(meeting: Meeting) -> AttendanceCounts:
    """Return the counts of all people, also of those whom a facilitator does not see."""
    numbers = Attendance.objects.filter(meeting=meeting).aggregate(
        number_people=Count("pk"),
        number_came=Count("pk", filter=Q(came=True)),
        number_absent=Count("pk", filter=Q(came=False)),
        number_unmarked=Count("pk", filter=Q(came=None, answer__in=Attendance.COMING)),
    )
    return AttendanceCounts(
        people=numbers["number_people"],
        came=numbers["number_came"],
        absent=numbers["number_absent"],
        unmarked=numbers["number_unmarked"],
    )


def unanswered_members(meeting: Meeting, by: Member | None = None) -> MemberQuerySet:
    """Return the active members of the teams of `meeting` (of the whole Collaborative: of any)
    who have not answered; with `by` only those whom `by` sees."""
    active = Membership.objects.active().filter(member=OuterRef("pk"))
    if teams := list(meeting.teams.order_by().values_list("pk", flat=True)):
        active = active.filter(team__in=teams)
    answered = Attendance.objects.filter(meeting=meeting, member=OuterRef("pk")).exclude(answer="")
    members: MemberQuerySet = Member.objects.filter(
        Exists(active), ~Exists(answered), is_active=True
    )
    if by is None or by.is_superuser:
        return members
    seen = Membership.objects.listed_for(by).filter(member=OuterRef("pk"))
    return members.filter(Exists(seen))


def attendee_key(attendee: Attendee) -> str:
    """Return what names `attendee` in forms: "member-3", "guest-7"."""
    kind = "member" if isinstance(attendee, Member) else "guest"
    return f"{kind}-{attendee.pk}"


def attendees_by_key(meeting: Meeting, keys: Iterable[str], by: Member) -> dict[str, Attendee]:
    """Return the people named by `keys` whom `by` may mark for `meeting`; of other keys nothing."""
    numbers: dict[str, set[int]] = {"member": set(), "guest": set()}
    for key in keys:
        kind, _, number = key.partition("-")
        if kind in numbers and number.isascii() and number.isdecimal() and len(number) < 19:
            numbers[kind].add(int(number))
    attendees: dict[str, Attendee] = {}
    listed = visible_attendance(meeting, by).filter(member__isnull=False).values("member")
    for batch in batched(numbers["member"]):
        may_come = possible_attendees(meeting, by).filter(pk__in=batch).values("pk")
        members = Member.objects.filter(Q(pk__in=may_come) | Q(pk__in=listed), pk__in=batch)
        for member in members.select_related("organization"):
            attendees[attendee_key(member)] = member
    for batch in batched(numbers["guest"]):
        for guest in Attendance.objects.filter(meeting=meeting, member=None, pk__in=batch):
            attendees[attendee_key(guest)] = guest
    return attendees


@transaction.atomic
def record_attendance(
    meeting: Meeting,
    came: Collection[Attendee],
    absent: Collection[Attendee] = (),
    *,
    by: Member,
    new_guests: Collection[NewGuest] = (),
    absent_unless_marked: Collection[Attendee] = (),
) -> RecordedAttendance:
    """Store that these people came to `meeting`, or did not; return how many that changed.

    Those of `absent_unless_marked` who said they would come did not, unless someone has meanwhile
    recorded that they did. The organization of those who came is their present one, unless one was
    recorded before. The meeting is then held. Refuses a meeting that has not begun, is a draft or
    cancelled, or that `by` does not plan, and people whom `by` does not see.
    """
    meeting = hold_meeting(meeting, by=by)
    everyone = {attendee_key(person) for person in (*came, *absent, *absent_unless_marked)}
    seen = attendees_by_key(meeting, everyone, by)
    if everyone - seen.keys():
        raise Refused(
            "Someone on the list is not in your teams, or was removed. Reload the page and try "
            "again. Nothing was changed."
        )
    stored = _stored_attendance(meeting, everyone)
    present = {attendee_key(person) for person in came}
    number_came = _mark_present(meeting, [seen[key] for key in sorted(present)], stored, by)
    number_came += _add_guests(meeting, new_guests, by)
    missing = {attendee_key(person) for person in absent} - present
    unmarked = {attendee_key(person) for person in absent_unless_marked} - present
    rows = [row for key in sorted(missing) if (row := stored.get(key)) and row.came is not False]
    rows += [
        row for key in sorted(unmarked - missing) if (row := stored.get(key)) and row.came is None
    ]
    bulk_save_with_history(rows, by, ABSENT, came=False)
    return RecordedAttendance(number_came, len(rows))


def _stored_attendance(meeting: Meeting, keys: Collection[str]) -> dict[str, Attendance]:
    """Return what is stored of the people named by `keys`."""
    members = {int(key[7:]) for key in keys if key.startswith("member-")}
    guests = {int(key[6:]) for key in keys if key.startswith("guest-")}
    stored: dict[str, Attendance] = {}
    for batch in batched(members):
        for row in Attendance.objects.filter(meeting=meeting, member__in=batch):
            stored[f"member-{row.member_id}"] = row
    for batch in batched(guests):
        for row in Attendance.objects.filter(meeting=meeting, member=None, pk__in=batch):
            stored[f"guest-{row.pk}"] = row
    return stored


def _mark_present(
    meeting: Meeting, attendees: list[Attendee], stored: dict[str, Attendance], by: Member
) -> int:
    """Mark `attendees` as having come; return of how many that was new."""
    new: list[Attendance] = []
    same_organization: list[Attendance] = []
    by_organization: dict[Organization, list[Attendance]] = {}
    for person in attendees:
        row = stored.get(attendee_key(person))
        employer = person.organization
        if row is None:
            new.append(
                Attendance(meeting=meeting, member_id=person.pk, organization=employer, came=True)
            )
        elif not row.came and employer and row.came is None and isinstance(person, Member):
            by_organization.setdefault(employer, []).append(row)
        elif not row.came:
            same_organization.append(row)
    bulk_create(new, by, CAME)
    bulk_save_with_history(same_organization, by, CAME, came=True)
    for employer, rows in by_organization.items():
        bulk_save_with_history(rows, by, CAME, came=True, organization=employer)
    changed = len(new) + len(same_organization)
    return changed + sum(len(rows) for rows in by_organization.values())


def _add_guests(meeting: Meeting, new_guests: Iterable[NewGuest], by: Member) -> int:
    """Store guests who came; return how many. The address of one who has answered is that guest."""
    guests: dict[str, Attendance] = {}
    for number, guest in enumerate(new_guests):
        email = normalize_address(guest.email) if guest.email else ""
        employer = guest.organization or (employer_shown_by(email) if email else None)
        guests[email or str(number)] = Attendance(
            meeting=meeting,
            guest_name=guest.name,
            guest_email=email,
            organization=employer,
            answered_at=timezone.now(),
            came=True,
        )
    addresses = [guest.guest_email for guest in guests.values() if guest.guest_email]
    answered = Attendance.objects.filter(meeting=meeting, guest_email__in=addresses)
    marked = [row for row in answered if not row.came]
    bulk_save_with_history(marked, by, CAME, came=True)
    for row in answered:
        guests.pop(row.guest_email)
    bulk_create(list(guests.values()), by, CAME)
    return len(marked) + len(guests)
