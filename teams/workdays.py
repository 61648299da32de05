"""Counting in working days: Monday to Friday; holidays are not known."""

from datetime import date, timedelta
from functools import lru_cache


@lru_cache(maxsize=1000)  # a list holds few days, however many rows
def add_working_days(start: date, days: int) -> date:
    """The date `days` working days after `start`."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def working_days_since(start: date, today: date) -> int:
    """How many working days have passed from `start` to `today`; 0 if it was today."""
    if today <= start:
        return 0
    weeks, rest = divmod((today - start).days, 7)
    odd = sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, rest + 1))
    return weeks * 5 + odd


def answered_late_before(today: date, days: int) -> date:
    """What was asked before this date should have been answered by `today`, with an answer
    promised within `days` working days."""
    day = today
    while add_working_days(day, days) >= today:
        day -= timedelta(days=1)
    return day + timedelta(days=1)
