"""Working days, and by when an answer is promised.

Neither weekends nor public holidays of the United States and Illinois are working days. The
library `holidays` knows them, with the days on which one that falls on a weekend is observed;
all but the day after Thanksgiving, which is in the calendar of the State of Illinois.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from django.conf import settings
from django.utils import timezone
from holidays import country_holidays


@lru_cache(maxsize=100)
def _holidays_of(year: int) -> frozenset[date]:
    holidays = country_holidays("US", subdiv="IL", years=year)
    after_thanksgiving = {day + timedelta(days=1) for day in holidays.get_named("Thanksgiving Day")}
    return frozenset(holidays) | after_thanksgiving


def is_working_day(day: date) -> bool:
    """Return whether someone can be expected to answer on `day`."""
    return day.weekday() < 5 and day not in _holidays_of(day.year)


# A list shows few different days, however many rows it has.
@lru_cache(maxsize=1000)
def add_working_days(start: date, days: int) -> date:
    """Return the date `days` working days after `start`."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


@lru_cache(maxsize=1000)
def working_days_since(start: date, today: date) -> int:
    """Return how many working days have begun after `start`, up to `today`; 0 on the same day."""
    days = (start + timedelta(days=passed) for passed in range(1, (today - start).days + 1))
    return sum(map(is_working_day, days))


@lru_cache(maxsize=100)
def first_day_on_time(today: date, days: int) -> date:
    """Return the first date whose requests are not late `today`, where an answer is promised
    within `days` working days."""
    day = today
    while add_working_days(day - timedelta(days=1), days) >= today:
        day -= timedelta(days=1)
    return day


def answer_expected_on(asked_at: datetime) -> date:
    """Return the date by which an answer is promised to who asked at `asked_at`."""
    return add_working_days(timezone.localdate(asked_at), settings.ANSWER_WORKING_DAYS)


def is_late(asked_at: datetime) -> bool:
    """Return whether the promised date is over for what was asked at `asked_at`."""
    return answer_expected_on(asked_at) < timezone.localdate()


def late_before() -> datetime:
    """Return the moment before which everything asked `is_late`, for use in queries."""
    day = first_day_on_time(timezone.localdate(), settings.ANSWER_WORKING_DAYS)
    return timezone.make_aware(datetime.combine(day, time.min))
