"""The months that statistics are about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils import timezone
from django.utils.dateformat import format as format_date

MAX_MONTHS = 60
FIRST_YEAR, LAST_YEAR = 2000, 2100
MONTH_CODE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class Period:
    """Whole months, each given by its first day. Raises ValueError for an end before the start
    and for more than `MAX_MONTHS`."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError("The first month comes after the last one.")
        if months_between(self.first, self.last) >= MAX_MONTHS:
            raise ValueError(f"Choose at most {MAX_MONTHS} months.")

    @classmethod
    def year_until(cls, today: date) -> Period:
        """Return the month of `today` and the 11 months before."""
        last = today.replace(day=1)
        return cls(add_months(last, -11), last)

    @classmethod
    def parse(cls, code: str) -> Period:
        """Return the period of a code such as 2026-03 or 2026-01..2026-12. Raises ValueError."""
        first, _, last = code.partition("..")
        return cls(_parse_month(first), _parse_month(last or first))

    @property
    def code(self) -> str:
        """How addresses name it, for `parse`."""
        first, last = f"{self.first:%Y-%m}", f"{self.last:%Y-%m}"
        return first if first == last else f"{first}..{last}"

    @property
    def months(self) -> list[date]:
        """The first day of each month."""
        number = months_between(self.first, self.last) + 1
        return [add_months(self.first, index) for index in range(number)]

    @property
    def start(self) -> datetime:
        """Its first moment, in local time."""
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def end(self) -> datetime:
        """The first moment after it, in local time."""
        return timezone.make_aware(datetime.combine(add_months(self.last, 1), time.min))

    def __str__(self) -> str:
        last = format_date(self.last, "F Y")
        if self.first == self.last:
            return last
        same_year = self.first.year == self.last.year
        return f"{format_date(self.first, 'F' if same_year else 'F Y')} to {last}"


def add_months(month: date, number: int) -> date:
    """Return the first day of the month `number` months after `month`; before it if negative."""
    years, rest = divmod(month.month - 1 + number, 12)
    return date(month.year + years, rest + 1, 1)


def months_between(first: date, last: date) -> int:
    """Return how many months `last` is after `first`."""
    return (last.year - first.year) * 12 + last.month - first.month


def _parse_month(code: str) -> date:
    match = MONTH_CODE.fullmatch(code)
    if match is None:
        raise ValueError("Write a month like 2026-03.")
    year, month = int(match[1]), int(match[2])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"Choose months from {FIRST_YEAR} to {LAST_YEAR}.")
    return date(year, month, 1)
