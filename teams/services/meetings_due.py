"""What is due about meetings, for those who plan them: to announce, to prepare, to finish."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from members.models import Member
from members.wording import counted
from teams.models import Attendance, Meeting, MeetingQuerySet

# Drafts that begin within this time are due to be announced.
ANNOUNCE_WITHIN = timedelta(days=14)
# After this time no one is reminded of what is missing.
FINISH_WITHIN = timedelta(days=30)

Status = Meeting.Status


def meetings_due(planner: Member) -> MeetingQuerySet:
    """Return the meetings about which `planner` has something to do, in the order of their
    beginning: drafts that begin soon, those of tomorrow, those with a waiting list, and, from the
    day after on for 30 days, those without attendance or minutes. One query."""
    now = timezone.now()
    today = _start_of(now)
    # A day has 23 to 25 hours: 36 hours after midnight is always in the next one.
    tomorrow = _start_of(today + timedelta(hours=36))
    day_after = _start_of(tomorrow + timedelta(hours=36))
    attendance = Attendance.objects.filter(meeting=OuterRef("pk"))
    is_recorded = Exists(attendance.filter(came__isnull=False))
    # A subquery for each meeting, where a join would group the attendance of all.
    waiting = attendance.filter(waiting_since__isnull=False).order_by().values("meeting")
    number_waiting = Subquery(waiting.annotate(number=Count("pk")).values("number"))
    meetings = Meeting.objects.editable_by(planner).annotate(
        is_recorded=is_recorded, number_waiting=Coalesce(number_waiting, 0)
    )
    to_announce = Q(status=Status.DRAFT, starts_at__gt=now, starts_at__lte=now + ANNOUNCE_WITHIN)
    is_tomorrow = Q(status=Status.ANNOUNCED, starts_at__gte=tomorrow, starts_at__lt=day_after)
    has_waiting = Q(status=Status.ANNOUNCED, starts_at__gt=now, number_waiting__gt=0)
    to_finish = Q(
        Q(is_recorded=False) | Q(minutes=""),
        status__in=[Status.ANNOUNCED, Status.HELD],
        ends_at__lte=today,
        ends_at__gt=now - FINISH_WITHIN,
    )
    # No index serves the whole condition; it serves these bounds.
    recent = meetings.filter(ends_at__gt=now - FINISH_WITHIN)
    due: MeetingQuerySet = recent.filter(to_announce | is_tomorrow | has_waiting | to_finish)
    return due.order_by("starts_at", "pk")


def describe_due(meeting: Meeting) -> list[str]:
    """Return what is due about `meeting`, one of `meetings_due`, in sentences."""
    number_waiting: int = meeting.number_waiting  # type: ignore[attr-defined]
    if meeting.status == Status.DRAFT:
        return ["Not announced yet."]
    if not meeting.has_begun:
        days = (meeting.day - timezone.localdate()).days
        due = ["Takes place tomorrow."] if days == 1 else []
        if number_waiting:
            waits = "waits" if number_waiting == 1 else "wait"
            due.append(f"{counted(number_waiting, 'person', 'people')} {waits} for a place.")
        return due
    due = []
    if not meeting.is_recorded:  # type: ignore[attr-defined]
        due.append("Attendance is not recorded.")
    if not meeting.minutes:
        due.append("There are no minutes.")
    return due


def is_due_now(meeting: Meeting) -> bool:
    """Return whether what is due about `meeting` does not wait for the first day of the week: it
    is tomorrow, or ended within the last three days."""
    days = (meeting.day - timezone.localdate()).days
    ended = timezone.localdate(meeting.ends_at)
    return days == 1 or 0 <= (timezone.localdate() - ended).days <= 3


def _start_of(moment: datetime) -> datetime:
    """Return the midnight with which the day of `moment` begins, in Central Time."""
    return timezone.make_aware(datetime.combine(timezone.localdate(moment), time.min))
