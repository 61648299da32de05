"""The months that figures are about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils import timezone
from django.utils.dateformat import format as formatted

LONGEST = 60  # months
YEARS = (2000, 2100)
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class Period:
    """Whole months, each known by its first day."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError("The first month comes after the last one.")
        if months_between(self.first, self.last) >= LONGEST:
            raise ValueError(f"Choose at most {LONGEST} months.")

    @classmethod
    def year_until(cls, today: date) -> Period:
        """The month of `today` and the 11 before."""
        last = today.replace(day=1)
        return cls(months_later(last, -11), last)

    @classmethod
    def read(cls, code: str) -> Period:
        """From its code, such as 2026-03 or 2026-01..2026-12. Raises ValueError."""
        first, _, last = code.partition("..")
        return cls(_month(first), _month(last or first))

    @property
    def code(self) -> str:
        """As in addresses, for `read`."""
        first, last = f"{self.first:%Y-%m}", f"{self.last:%Y-%m}"
        return first if first == last else f"{first}..{last}"

    @property
    def months(self) -> list[date]:
        """The first day of each month."""
        number = months_between(self.first, self.last) + 1
        return [months_later(self.first, n) for n in range(number)]

    @property
    def start(self) -> datetime:
        """Its first moment, in local time."""
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return timezone.make_aware(datetime.combine(months_later(self.last, 1), time.min))

    def __str__(self) -> str:
        last = formatted(self.last, "F Y")
        if self.first == self.last:
            return last
        same_year = self.first.year == self.last.year
        return f"{formatted(self.first, 'F' if same_year else 'F Y')} to {last}"


def months_later(month: date, number: int) -> date:
    """The first day of the month `number` months after `month`, before it where that is below 0."""
    years, rest = divmod(month.month - 1 + number, 12)
    return date(month.year + years, rest + 1, 1)


def months_between(first: date, last: date) -> int:
    """How many months `last` comes after `first`."""
    return (last.year - first.year) * 12 + last.month - first.month


def _month(code: str) -> date:
    found = MONTH.fullmatch(code)
    if found is None:
        raise ValueError("Write a month like 2026-03.")
    if not YEARS[0] <= int(found[1]) <= YEARS[1]:
        raise ValueError(f"Choose months from {YEARS[0]} to {YEARS[1]}.")
    return date(int(found[1]), int(found[2]), 1)
