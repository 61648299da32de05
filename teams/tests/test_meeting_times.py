from datetime import date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from teams.meeting_times import (
    Timed,
    day_in_words,
    hour_in_words,
    hours,
    last_day,
    moment_in_words,
    time_range,
    time_range_beside_date,
)

CHICAGO, UTC = ZoneInfo("America/Chicago"), ZoneInfo("UTC")


def at(words: str, *, fold: int = 0) -> datetime:
    """Return the moment in UTC of a time in Chicago."""
    return datetime.fromisoformat(words).replace(tzinfo=CHICAGO, fold=fold).astimezone(UTC)


def meeting(start: str, end: str) -> Timed:
    return SimpleNamespace(starts_at=at(start), ends_at=at(end))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-12-09 09:00", "2026-12-09 10:30", "9:00 to 10:30 a.m."),
        ("2026-12-09 13:00", "2026-12-09 14:30", "1:00 to 2:30 p.m."),
        ("2026-12-09 11:00", "2026-12-09 13:00", "11:00 a.m. to 1:00 p.m."),
        ("2026-12-09 11:00", "2026-12-09 12:00", "11:00 a.m. to noon"),
        ("2026-12-09 12:00", "2026-12-09 13:05", "noon to 1:05 p.m."),
        ("2026-12-09 12:30", "2026-12-09 13:30", "12:30 to 1:30 p.m."),
        ("2026-12-09 00:30", "2026-12-09 01:00", "12:30 to 1:00 a.m."),
        ("2026-12-09 20:00", "2026-12-10 00:00", "8:00 p.m. to midnight"),
        ("2026-12-09 00:00", "2026-12-09 12:00", "midnight to noon"),
        # In summer, and on the days on which the clocks change.
        ("2026-07-14 09:00", "2026-07-14 10:30", "9:00 to 10:30 a.m."),
        ("2027-03-14 01:30", "2027-03-14 03:30", "1:30 to 3:30 a.m."),
        ("2026-11-01 00:30", "2026-11-01 02:00", "12:30 to 2:00 a.m."),
    ],
)
def test_hours_name_the_half_of_the_day_once(start: str, end: str, words: str) -> None:
    assert hours(meeting(start, end)) == words


@pytest.mark.parametrize(
    ("start", "end", "words", "beside_date"),
    [
        (
            "2026-12-09 09:00",
            "2026-12-09 10:30",
            "Wednesday, December 9, 2026, 9:00 to 10:30 a.m. Central Time",
            "Wednesday, 9:00 to 10:30 a.m. Central Time",
        ),
        (
            "2026-12-09 20:00",
            "2026-12-10 00:00",
            "Wednesday, December 9, 2026, 8:00 p.m. to midnight Central Time",
            "Wednesday, 8:00 p.m. to midnight Central Time",
        ),
        (
            "2026-12-09 09:00",
            "2026-12-10 16:00",
            "Wednesday, December 9, 9:00 a.m., to Thursday, December 10, 2026, 4:00 p.m. "
            "Central Time",
            "Wednesday, 9:00 a.m., to Thursday, December 10, 4:00 p.m. Central Time",
        ),
        (
            "2026-12-31 18:00",
            "2027-01-01 01:00",
            "Thursday, December 31, 2026, 6:00 p.m., to Friday, January 1, 2027, 1:00 a.m. "
            "Central Time",
            "Thursday, 6:00 p.m., to Friday, January 1, 1:00 a.m. Central Time",
        ),
        (
            "2026-12-09 09:00",
            "2026-12-11 00:00",
            "Wednesday, December 9, 9:00 a.m., to Thursday, December 10, 2026, midnight "
            "Central Time",
            "Wednesday, 9:00 a.m., to Thursday, December 10, midnight Central Time",
        ),
    ],
)
def test_time_range_has_weekday_and_zone(
    start: str, end: str, words: str, beside_date: str
) -> None:
    assert time_range(meeting(start, end)) == words
    assert time_range_beside_date(meeting(start, end)) == beside_date


def test_time_range_without_year() -> None:
    one_day = meeting("2026-12-09 09:00", "2026-12-09 10:30")
    assert time_range(one_day, year=False) == (
        "Wednesday, December 9, 9:00 to 10:30 a.m. Central Time"
    )
    two_years = meeting("2026-12-31 18:00", "2027-01-01 01:00")
    assert time_range(two_years, year=False) == (
        "Thursday, December 31, 6:00 p.m., to Friday, January 1, 1:00 a.m. Central Time"
    )


def test_hour_in_words_tells_the_two_hours_of_november_apart() -> None:
    first, second = at("2026-11-01 01:30"), at("2026-11-01 01:30", fold=1)
    assert (second - first).seconds == 3600
    assert hour_in_words(first) == "1:30 a.m."
    assert hour_in_words(second) == "1:30 a.m. (after the clocks go back)"
    held = SimpleNamespace(starts_at=at("2026-11-01 01:45"), ends_at=second)
    assert hours(held) == "1:45 a.m. to 1:30 a.m. (after the clocks go back)"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-12-09T05:59:00+00:00", "Tuesday, December 8, 2026, 11:59 p.m. Central Time"),
        ("2026-12-09T06:00:00+00:00", "Wednesday, December 9, 2026, midnight Central Time"),
        ("2026-07-14T04:59:00+00:00", "Monday, July 13, 2026, 11:59 p.m. Central Time"),
        ("2027-03-14T08:00:00+00:00", "Sunday, March 14, 2027, 3:00 a.m. Central Time"),
    ],
)
def test_moment_in_words_is_in_central_time(moment: str, words: str) -> None:
    assert moment_in_words(datetime.fromisoformat(moment)) == words


def test_day_in_words_takes_days_and_moments() -> None:
    assert day_in_words(date(2026, 12, 9)) == "Wednesday, December 9, 2026"
    assert day_in_words(date(2026, 12, 9), year=False) == "Wednesday, December 9"
    assert day_in_words(at("2026-12-09 23:30")) == "Wednesday, December 9, 2026"


def test_last_day_ends_at_midnight() -> None:
    assert last_day(meeting("2026-12-09 20:00", "2026-12-10 00:00")) == date(2026, 12, 9)
    assert last_day(meeting("2026-12-09 20:00", "2026-12-10 00:01")) == date(2026, 12, 10)
