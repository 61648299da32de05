"""Dates in words."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format


def long_date(day: date) -> str:
    """Return a day, or that of a moment in the portal's time zone, as "November 23, 2026"."""
    if isinstance(day, datetime):
        day = timezone.localdate(day)
    return date_format(day, "DATE_FORMAT")
