"""Dates of which only the year, or only the month, is known: as people type them, and as they are
stored, in ISO 8601."""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone

HOW_TO_TYPE = "Enter a year, a month, or a day, such as 2024, March 2024 or 3/15/2024."
FIRST_YEAR = 1500
_MONTHS = {
    name.lower(): number
    for names in (month_name, month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}
_FORMS = (
    re.compile(r"(?P<year>\d{4})"),
    # ISO 8601, and other separators.
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?"),
    # As in the United States: month first.
    re.compile(r"(?P<month>\d{1,2})[-/.](?:(?P<day>\d{1,2})[-/.])?(?P<year>\d{4})"),
    re.compile(r"(?P<name>[a-z]+)\.? (?:(?P<day>\d{1,2})(?:st|nd|rd|th)? )?(?P<year>\d{4})"),
    re.compile(r"(?P<day>\d{1,2})(?:st|nd|rd|th)? (?P<name>[a-z]+)\.? (?P<year>\d{4})"),
)


def parse_partial_date(text: str) -> str:
    """Return the date that `text` says, as "2024", "2024-03" or "2024-03-15".

    Raises ValidationError for anything else, for a day that does not exist, and for the future.
    """
    words = " ".join(text.lower().replace(",", " ").split())
    typed = next((match for form in _FORMS if (match := form.fullmatch(words))), None)
    if typed is None:
        raise ValidationError(HOW_TO_TYPE)
    parts = typed.groupdict()
    month = parts.get("month") or _MONTHS.get(parts.get("name") or "")
    if parts.get("name") and not month:
        raise ValidationError(HOW_TO_TYPE)
    year, month, day = int(parts["year"]), int(month or 1), int(parts.get("day") or 1)
    try:
        first = date(year, month, day)
    except ValueError as error:
        raise ValidationError("This day does not exist. Check the day and the month.") from error
    if not year >= FIRST_YEAR or first > timezone.localdate():
        raise ValidationError(f"Check the year: {year}. Enter a date from {FIRST_YEAR} to today.")
    known = 1 + bool(parts.get("month") or parts.get("name")) + bool(parts.get("day"))
    return "-".join(first.isoformat().split("-")[:known])
