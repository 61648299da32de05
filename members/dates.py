"""Dates in words."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format


def long_date(day: date) -> str:
    """Return a day, or that of a moment in the portal's time zone, as "November 23, 2026"."""
    return date_format(_local_day(day), "DATE_FORMAT")


def short_date(day: date) -> str:
    """Return a day, or that of a moment, as "Nov 23, 2026": in the columns of a list."""
    return date_format(_local_day(day), "M j, Y")


def _local_day(day: date) -> date:
    return timezone.localdate(day) if isinstance(day, datetime) else day
