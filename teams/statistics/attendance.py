"""Who came to the meetings of which team: by organization, and by quarter.

An organization is that of the person at the time of the meeting. A meeting whose attendance nobody
has recorded yet is counted as held, but says nothing about who was absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from members.dates import long_date
from members.wording import counted
from teams.models import ActionTeam, Attendance, AttendanceQuerySet, Meeting, MeetingQuerySet
from teams.statistics.periods import Period, add_months

# The column of meetings of the whole Collaborative, which have no team.
WHOLE_COLLABORATIVE = None


@dataclass(frozen=True)
class OrganizationAttendance:
    """To how many of the meetings people of one organization came, and how many people did at
    least once."""

    meetings: int = 0
    of: int = 0
    people: int = 0

    def __str__(self) -> str:
        return f"came to {self.meetings} of {self.of}" if self.of else "no meetings"


@dataclass(frozen=True)
class QuarterAttendance:
    """The meetings of one quarter: how many were held, of how many attendance is recorded, how
    many people and organizations came, and how many guests of no known organization."""

    period: Period
    meetings: int = 0
    recorded: int = 0
    people: int = 0
    organizations: int = 0
    guests: int = 0


def held_meetings(teams: Sequence[ActionTeam], period: Period) -> MeetingQuerySet:
    """Return the meetings of `teams` and of the whole Collaborative that took place in `period`."""
    through = Meeting.teams.through.objects.filter(meeting=OuterRef("pk"))
    own = through.filter(actionteam__in=[team.pk for team in teams])
    past = Meeting.objects.past().order_by()
    return past.filter(
        Exists(own) | ~Exists(through), starts_at__gte=period.start, starts_at__lt=period.end
    )


def attendance_by_organization(
    organizations: Sequence[int], teams: Sequence[ActionTeam], period: Period
) -> dict[int, dict[int | None, OrganizationAttendance]]:
    """Return, by the keys of `organizations` and of `teams` (None: the whole Collaborative), to
    how many of the meetings in `period` with recorded attendance their people came.

    A meeting of two teams counts for both. Two queries for any number of organizations. A guest
    without an address, as all are some time after the meeting, is another person each time.
    """
    recorded = _recorded(held_meetings(teams, period))
    columns = [*(team.pk for team in teams), WHOLE_COLLABORATIVE]
    totals = dict(recorded.values_list("teams").annotate(number=Count("pk")))
    attendance = {
        organization: {team: OrganizationAttendance(of=totals.get(team, 0)) for team in columns}
        for organization in organizations
    }
    came = _came_to(recorded).of_organizations(organizations)
    by_team = came.values_list("employer", "meeting__teams").annotate(
        meetings=Count("meeting", distinct=True), **_PEOPLE
    )
    for organization, team, meetings, members, guests, unnamed in by_team:
        # A meeting of one's own team may be one of another team, too.
        if team in columns:
            attendance[organization][team] = OrganizationAttendance(
                meetings, totals.get(team, 0), members + guests + unnamed
            )
    return attendance


def describe_attended(attendance: QuerySet[Any]) -> str:
    """Return to how many meetings the people of `attendance` came, and when last: "came to 3
    meetings, last on December 9, 2026". One query."""
    numbers = attendance.filter(came=True).aggregate(
        meetings=Count("meeting", distinct=True), last=Max("meeting__starts_at")
    )
    if not numbers["meetings"]:
        return "none so far"
    meetings = counted(numbers["meetings"], "meeting", "meetings")
    return f"came to {meetings}, last on {long_date(numbers['last'])}"


def attendance_by_quarter(teams: Sequence[ActionTeam], period: Period) -> list[QuarterAttendance]:
    """Return what took place in each calendar quarter of `period`, the first one first. Two
    queries for any number of quarters."""
    quarters = list(quarters_of(period))
    held = held_meetings(teams, period)
    is_recorded = Exists(Attendance.objects.filter(meeting=OuterRef("pk"), came=True))
    meetings = {
        number: (meetings, recorded)
        for number, meetings, recorded in held.annotate(
            quarter=_quarter("starts_at", quarters), is_recorded=is_recorded
        )
        .values_list("quarter")
        .annotate(meetings=Count("pk"), recorded=Count("pk", filter=Q(is_recorded=True)))
    }
    came = _came_to(held).with_employer().annotate(quarter=_quarter("meeting__starts_at", quarters))
    people = {
        number: numbers
        for number, *numbers in came.values_list("quarter").annotate(
            **_PEOPLE,
            organizations=Count("employer", distinct=True),
            without=Count("pk", filter=Q(member=None, organization=None)),
        )
    }
    result = []
    for number, quarter in enumerate(quarters):
        members, guests, unnamed, organizations, without = people.get(number, [0] * 5)
        result.append(
            QuarterAttendance(
                quarter,
                *meetings.get(number, (0, 0)),
                people=members + guests + unnamed,
                organizations=organizations,
                guests=without,
            )
        )
    return result


def quarters_of(period: Period) -> Iterator[Period]:
    """Yield the calendar quarters of `period`; the first and the last one only as far as they
    belong to it."""
    first = period.first
    while first <= period.last:
        last = add_months(first, 2 - (first.month - 1) % 3)
        yield Period(first, min(last, period.last))
        first = add_months(last, 1)


# How many different people are among some attendances.
_PEOPLE = {
    "members": Count("member", distinct=True),
    "guests": Count("guest_email", distinct=True, filter=Q(member=None) & ~Q(guest_email="")),
    "unnamed": Count("pk", filter=Q(member=None, guest_email="")),
}


def _recorded(meetings: MeetingQuerySet) -> MeetingQuerySet:
    came = Attendance.objects.filter(meeting=OuterRef("pk"), came=True)
    return meetings.filter(Exists(came))


def _came_to(meetings: MeetingQuerySet) -> AttendanceQuerySet:
    attendance: AttendanceQuerySet = Attendance.objects.filter(
        came=True, meeting__in=meetings.values("pk")
    )
    return attendance.order_by()


def _quarter(moment: str, quarters: Sequence[Period]) -> Case:
    """Return the place in `quarters` of the field `moment`."""
    return Case(
        *(
            When(
                **{f"{moment}__gte": quarter.start, f"{moment}__lt": quarter.end},
                then=Value(number),
            )
            for number, quarter in enumerate(quarters)
        ),
        output_field=IntegerField(),
    )
