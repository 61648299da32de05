"""Working days skip weekends and the holidays of Illinois; what is late follows from them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teams.models import Membership, Question
from teams.workdays import (
    add_working_days,
    first_day_on_time,
    is_late,
    is_working_day,
    late_before,
    working_days_since,
)

CHICAGO = ZoneInfo("America/Chicago")
dates = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.fixture
def today(monkeypatch):
    """Set what day it is in Chicago."""

    def set_today(day: date) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: noon_of(day))

    return set_today


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=CHICAGO)


@pytest.mark.parametrize(
    "holiday",
    [
        date(2026, 1, 19),  # Martin Luther King Jr. Day
        date(2026, 2, 12),  # Lincoln's Birthday, a holiday of Illinois
        date(2028, 2, 11),  # Lincoln's Birthday, observed on the Friday
        date(2026, 2, 16),  # Washington's Birthday
        date(2026, 3, 2),  # Casimir Pulaski Day, a holiday of Illinois
        date(2026, 5, 25),  # Memorial Day
        date(2026, 6, 19),  # Juneteenth
        date(2026, 7, 3),  # Independence Day, observed on the Friday
        date(2027, 7, 5),  # Independence Day, observed on the Monday
        date(2026, 9, 7),  # Labor Day
        date(2026, 10, 12),  # Columbus Day, in Illinois Indigenous Peoples' Day
        date(2026, 11, 3),  # general election, a holiday of Illinois in even years
        date(2028, 11, 10),  # Veterans Day, observed on the Friday
        date(2026, 11, 26),  # Thanksgiving Day
        date(2026, 11, 27),  # the day after Thanksgiving, a holiday of Illinois
        date(2029, 11, 23),  # the same, where the month begins on a Thursday
        date(2028, 11, 24),
        date(2022, 12, 26),  # Christmas Day, observed on the Monday
        date(2027, 1, 1),
        date(2027, 6, 18),  # Juneteenth, observed on the Friday
        date(2027, 12, 24),  # Christmas Day, observed on the Friday
        date(2027, 12, 31),  # New Year's Day of 2028, observed in the year before
        date(2027, 3, 6),  # a Saturday
        date(2027, 3, 7),
    ],
)
def test_is_working_day_refuses_weekends_and_holidays(holiday):
    assert not is_working_day(holiday)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 11, 25),
        date(2026, 12, 24),
        date(2026, 12, 31),
        date(2027, 3, 31),
        date(2027, 11, 2),  # no general election in an odd year
        date(2028, 1, 3),  # New Year's Day was observed on the Friday before
        date(2027, 7, 2),
        date(2024, 11, 22),  # a week before the day after Thanksgiving
    ],
)
def test_is_working_day_accepts_all_other_days(day):
    assert is_working_day(day)


STEPS = [
    (date(2027, 3, 8), 2, date(2027, 3, 10)),
    (date(2027, 3, 4), 2, date(2027, 3, 8)),
    (date(2027, 3, 6), 1, date(2027, 3, 8)),
    (date(2027, 3, 7), 0, date(2027, 3, 7)),
    (date(2027, 3, 5), 10, date(2027, 3, 19)),
    (date(2026, 11, 25), 1, date(2026, 11, 30)),
    (date(2026, 11, 25), 2, date(2026, 12, 1)),
    (date(2026, 7, 2), 1, date(2026, 7, 6)),
    (date(2027, 7, 2), 1, date(2027, 7, 6)),
    (date(2026, 6, 18), 1, date(2026, 6, 22)),
    (date(2026, 2, 11), 1, date(2026, 2, 13)),
    (date(2026, 12, 31), 1, date(2027, 1, 4)),
    (date(2027, 12, 30), 1, date(2028, 1, 3)),
    (date(2027, 12, 23), 2, date(2027, 12, 28)),
]


@pytest.mark.parametrize(("start", "days", "end"), STEPS)
def test_add_working_days_skips_weekends_and_holidays(start, days, end):
    assert add_working_days(start, days) == end


@pytest.mark.parametrize(("start", "days", "end"), STEPS)
def test_working_days_since_counts_what_add_working_days_adds(start, days, end):
    assert working_days_since(start, end) == days


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2026, 11, 25), date(2026, 11, 26), 0),
        (date(2026, 11, 25), date(2026, 11, 30), 1),
        (date(2027, 12, 23), date(2028, 1, 2), 4),
        (date(2027, 3, 8), date(2027, 3, 5), 0),
        (date(2026, 1, 1), date(2026, 12, 31), 246),
    ],
)
def test_working_days_since_counts_no_free_days(start, end, days):
    assert working_days_since(start, end) == days


@given(dates, st.integers(0, 15))
def test_first_day_on_time_parts_late_from_on_time(today, days):
    first = first_day_on_time(today, days)
    assert add_working_days(first, days) >= today
    assert add_working_days(first - timedelta(days=1), days) < today


def test_answer_expected_on_counts_working_days_of_chicago(settings):
    settings.ANSWER_WORKING_DAYS = 2
    # Friday evening in Chicago is Saturday in UTC.
    asked = datetime(2027, 3, 5, 22, tzinfo=CHICAGO)
    assert Membership(requested_at=asked).answer_expected_on == date(2027, 3, 9)
    assert Question(asked_at=asked).answer_expected_on == date(2027, 3, 9)


def test_is_late_not_before_a_holiday_is_over(settings, today):
    settings.ANSWER_WORKING_DAYS = 2
    asked = noon_of(date(2026, 11, 24))
    request, question = Membership(requested_at=asked), Question(asked_at=asked)
    today(date(2026, 11, 30))
    assert (is_late(asked), request.is_late, question.is_late) == (False, False, False)
    today(date(2026, 12, 1))
    assert (is_late(asked), request.is_late, question.is_late) == (True, True, True)


def test_is_late_only_while_it_waits(settings, today):
    today(date(2026, 11, 30))
    asked = noon_of(date(2026, 1, 5))
    assert not Membership(requested_at=asked, status="active").is_late
    assert not Question(asked_at=asked, status="answered").is_late


@pytest.mark.parametrize("days_ahead", range(12))
def test_late_before_agrees_with_is_late(settings, today, days_ahead):
    settings.ANSWER_WORKING_DAYS = 2
    today(date(2026, 11, 24) + timedelta(days=days_ahead))
    moment = late_before()
    assert is_late(moment - timedelta(seconds=1))
    assert not is_late(moment)
