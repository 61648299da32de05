"""What to check before a meeting is announced or moved, though no rule refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.text import get_text_list

from members.models import Member
from members.wording import end_sentence
from teams.meeting_times import day_in_words, hours, last_day
from teams.models import ActionTeam, Meeting, MeetingQuerySet
from teams.services.visibility import visible_meetings
from teams.workdays import is_working_day

SHORT_NOTICE = timedelta(hours=48)
MAX_OVERLAPPING = 3


def meeting_warnings(meeting: Meeting, teams: Sequence[ActionTeam], *, reader: Member) -> list[str]:
    """Return sentences on what is unusual about the time of `meeting`, which may be unsaved: it is
    over, soon, on a weekend or holiday, or at the same time as another meeting of its teams that
    `reader` sees. One query."""
    warnings = []
    until_start = meeting.starts_at - timezone.now()
    if until_start <= timedelta(0):
        warnings.append("This time is in the past.")
    elif until_start < SHORT_NOTICE:
        warnings.append("It begins within 48 hours. Calendars may not show it in time.")
    days = {meeting.day, last_day(meeting)}
    if free := sorted(day for day in days if not is_working_day(day)):
        names = get_text_list([day_in_words(day) for day in free], "and")
        warnings.append(f"{names} is a weekend or a holiday.")
    overlapping = _overlapping(meeting, teams, reader)[:MAX_OVERLAPPING]
    warnings += [
        f"“{other}” is at the same time, on {day_in_words(other.day)}, {end_sentence(hours(other))}"
        for other in overlapping
    ]
    return warnings


def _overlapping(meeting: Meeting, teams: Sequence[ActionTeam], reader: Member) -> MeetingQuerySet:
    """Return other meetings at the time of `meeting` that some of the same people attend."""
    others: MeetingQuerySet = (
        visible_meetings(reader)
        .filter(starts_at__lt=meeting.ends_at, ends_at__gt=meeting.starts_at)
        .exclude(pk=meeting.pk)
        .exclude(status=Meeting.Status.CANCELLED)
    )
    if teams:
        through = Meeting.teams.through.objects.filter(meeting=OuterRef("pk"))
        shared = through.filter(actionteam__in=teams)
        others = others.filter(Q(Exists(shared)) | ~Q(Exists(through)))
    return others.order_by("starts_at", "pk")
