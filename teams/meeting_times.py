"""When meetings are, in words: always with the weekday and "Central Time".

Hours as the Associated Press writes them: "9:00 a.m.", "noon", "midnight". Pages, emails and
calendars call these functions, so that no time is written in two ways.
"""

from datetime import date, datetime, timedelta
from typing import Protocol

from django.utils import timezone
from django.utils.formats import date_format

ZONE = "Central Time"


class Timed(Protocol):
    """A meeting, or what it was before: anything with a beginning and an end in UTC."""

    @property
    def starts_at(self) -> datetime: ...

    @property
    def ends_at(self) -> datetime: ...


def day_in_words(day: date, *, year: bool = True) -> str:
    """Return a day, or that of a moment in Central Time, as "Wednesday, December 9, 2026"; without
    the year as "Wednesday, December 9"."""
    if isinstance(day, datetime):
        day = timezone.localdate(day)
    return date_format(day, "l, F j, Y" if year else "l, F j")


def hour_in_words(moment: datetime) -> str:
    """Return the hour of a moment in Central Time: "9:00 a.m.", "noon", "midnight". Of an hour that
    comes twice, when the clocks go back in November, the second one says so."""
    hour, half = _hour(moment)
    return " ".join(filter(None, [hour, half]))


def moment_in_words(moment: datetime, *, year: bool = True) -> str:
    """Return a moment as "Wednesday, December 9, 2026, 9:00 a.m. Central Time"."""
    return f"{day_in_words(moment, year=year)}, {hour_in_words(moment)} {ZONE}"


def last_day(meeting: Timed) -> date:
    """Return the day on which a meeting ends, in Central Time; midnight belongs to the day that it
    ends."""
    return timezone.localdate(meeting.ends_at - timedelta(microseconds=1))


def hours(meeting: Timed) -> str:
    """Return the hours of a one-day meeting, without the zone: "9:00 to 10:30 a.m."."""
    (start, half), (_, end_half) = _hour(meeting.starts_at), _hour(meeting.ends_at)
    first = start if half and half == end_half else hour_in_words(meeting.starts_at)
    return f"{first} to {hour_in_words(meeting.ends_at)}"


def time_range(meeting: Timed, *, year: bool = True) -> str:
    """Return when a meeting is: "Wednesday, December 9, 2026, 9:00 to 10:30 a.m. Central Time"; of
    several days "Wednesday, December 9, 9:00 a.m., to Thursday, December 10, 2026, 4:00 p.m.
    Central Time"."""
    first, last = timezone.localdate(meeting.starts_at), last_day(meeting)
    if first == last:
        return f"{day_in_words(first, year=year)}, {hours(meeting)} {ZONE}"
    start = day_in_words(first, year=year and first.year != last.year)
    return f"{start}, {hour_in_words(meeting.starts_at)}, to {_end(meeting, year=year)}"


def time_range_beside_date(meeting: Timed) -> str:
    """Return the time beside a tile with the month and day: "Wednesday, 9:00 to 10:30 a.m. Central
    Time"; of several days "Wednesday, 9:00 a.m., to Thursday, December 10, 4:00 p.m. Central
    Time"."""
    first = timezone.localdate(meeting.starts_at)
    weekday = date_format(first, "l")
    if first == last_day(meeting):
        return f"{weekday}, {hours(meeting)} {ZONE}"
    return f"{weekday}, {hour_in_words(meeting.starts_at)}, to {_end(meeting, year=False)}"


def _end(meeting: Timed, *, year: bool) -> str:
    day = day_in_words(last_day(meeting), year=year)
    return f"{day}, {hour_in_words(meeting.ends_at)} {ZONE}"


def _hour(moment: datetime) -> tuple[str, str]:
    """Return an hour and the half of the day, which noon and midnight do not need."""
    local = timezone.localtime(moment)
    if (local.hour, local.minute) in {(0, 0), (12, 0)}:
        return ("noon" if local.hour else "midnight"), ""
    half = "p.m." if local.hour >= 12 else "a.m."
    if local.fold:
        half += " (after the clocks go back)"
    return f"{local.hour % 12 or 12}:{local.minute:02}", half
