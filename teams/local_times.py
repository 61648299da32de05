"""Times as people type them, in Central Time, and the moments that they mean.

Twice a year the clocks change: an hour that does not exist is refused, of one that comes twice the
first is taken.
"""

from __future__ import annotations

import re
from calendar import monthcalendar
from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from teams.meeting_times import day_in_words, hour_in_words

TYPED_TIME = re.compile(
    r"(?P<hour>\d{1,2}) ?(?:[:.h]? ?(?P<minute>\d{2}))? ?(?P<half>[ap]\.? ?m?\.?)?",
    re.IGNORECASE,
)
NAMED_TIMES = {"noon": time(12), "midday": time(12), "midnight": time(0)}
HOW_TO_TYPE = "Enter a time such as 9:30 a.m. or 2 p.m."
# No one meets at two in the morning: 7 to 12 is clear without a.m. or p.m.
CLEAR_HOURS = range(7, 13)


def parse_time(text: str) -> time:
    """Return the time of day that `text` says: "9", "9am", "9:30 a.m.", "14:00", "noon".

    Raises ValidationError for anything else, and where only a.m. or p.m. would say which is meant.
    """
    words = " ".join(text.lower().removesuffix("central time").split())
    if words in NAMED_TIMES:
        return NAMED_TIMES[words]
    words = re.sub(r"(?<=\d) ?(noon|midnight)$", lambda m: "pm" if m[1] == "noon" else "am", words)
    typed = TYPED_TIME.fullmatch(words)
    if not typed:
        raise ValidationError(HOW_TO_TYPE)
    digits, minute, half = typed["hour"], int(typed["minute"] or 0), typed["half"]
    hour = int(digits)
    if minute > 59 or hour > 23 or (half and not 1 <= hour <= 12):
        raise ValidationError(HOW_TO_TYPE)
    if half:
        return time(hour % 12 + (12 if half.startswith("p") else 0), minute)
    if not (digits.startswith("0") or hour in CLEAR_HOURS or hour > 12):
        shown = f"{hour}:{minute:02}" if minute else f"{hour}"
        raise ValidationError(f"Enter whether it is {shown} a.m. or {shown} p.m.")
    return time(hour, minute)


def moment_at(day: date, local_time: time) -> tuple[datetime, str]:
    """Return the moment of `local_time` on `day` in Central Time, in UTC, and a remark.

    The remark is empty but where the clocks go back: then this time comes twice, and the moment is
    the first. Raises ValidationError for a time that does not exist as the clocks go forward.
    """
    zone = timezone.get_default_timezone()
    local = datetime.combine(day, local_time, zone)
    moment = local.astimezone(UTC)
    second = local.replace(fold=1).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValidationError(_does_not_exist(local, moment, second))
    if second == moment:
        return moment, ""
    return moment, (
        f"{_clock(local_time)} comes twice on {day_in_words(day)}, because the clocks go back. "
        "We use the first one."
    )


def _does_not_exist(local: datetime, before: datetime, after: datetime) -> str:
    # Read by the clock before the change and by that after it, the time is off by the part of the
    # day that is left out; `fold` says by which clock (PEP 495).
    change = _clock_change(local)
    first = _clock((change + (before - after)).time())
    last = _clock(change.time())
    return (
        f"{_clock(local.time())} does not exist on {day_in_words(local.date())}: the clocks go "
        f"forward from {last} to {first} Choose a time before {last}, or from {first} on."
    )


def _clock_change(local: datetime) -> datetime:
    """Return the local time, without a zone, at which the clocks go forward on the day of
    `local`."""
    midnight = local.replace(hour=0, minute=0)
    moment = start = midnight.astimezone(UTC)
    while moment.astimezone(local.tzinfo).utcoffset() == midnight.utcoffset():
        moment += timedelta(minutes=15)
    return midnight.replace(tzinfo=None) + (moment - start)


def same_weekday_later(day: date, months: int = 3) -> date:
    """Return the day `months` later with the same weekday and its place in the month: after a
    second Tuesday the second Tuesday, after a fifth the last."""
    years, month = divmod(day.month - 1 + months, 12)
    weeks = monthcalendar(day.year + years, month + 1)
    days = [week[day.weekday()] for week in weeks if week[day.weekday()]]
    number = (day.day - 1) // 7
    return date(day.year + years, month + 1, days[min(number, len(days) - 1)])


def _clock(local_time: time) -> str:
    """Return a local time in words; on a day on which the clocks do not change."""
    some_day = date(2026, 1, 1)
    return hour_in_words(datetime.combine(some_day, local_time, timezone.get_default_timezone()))
