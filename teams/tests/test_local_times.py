"""Times as people type them, and the moments that they are in Central Time."""

from datetime import UTC, date, datetime, time

import pytest
from django.core.exceptions import ValidationError

from teams.local_times import moment_at, parse_time, same_weekday_later


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9", time(9)), ("9am", time(9)), ("9 AM", time(9)), ("9a", time(9)),
        ("9:30 a.m.", time(9, 30)), ("9:30 a. m.", time(9, 30)), ("9.30", time(9, 30)),
        ("930", time(9, 30)), ("0930", time(9, 30)), ("14:00", time(14)), ("1400", time(14)),
        ("2 p.m.", time(14)), ("2pm", time(14)), ("12", time(12)), ("12:15", time(12, 15)),
        ("12 a.m.", time(0)), ("12 p.m.", time(12)), ("noon", time(12)), ("12 noon", time(12)),
        ("Midnight", time(0)), ("12 midnight", time(0)), ("00:30", time(0, 30)),
        ("01:30", time(1, 30)), ("  9:00   a.m.  ", time(9)), ("9:00 a.m. Central Time", time(9)),
    ],
)  # fmt: skip
def test_parse_time_takes_what_people_type(text, expected):
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "nine", "24:00", "9:60", "9:3", "13 p.m.", "0 a.m.", "9 to 10", "-9", "9:30:15", "9x"],
)
def test_parse_time_refuses_what_is_no_time(text):
    with pytest.raises(ValidationError, match=r"Enter a time such as 9:30 a\.m\. or 2 p\.m\."):
        parse_time(text)


@pytest.mark.parametrize(("text", "shown"), [("1", "1"), ("6:45", "6:45")])
def test_parse_time_asks_for_the_half_of_the_day(text, shown):
    with pytest.raises(ValidationError, match=rf"{shown} a\.m\. or {shown} p\.m\."):
        parse_time(text)


@pytest.mark.parametrize(
    ("day", "local", "expected"),
    [
        # Before and after the clocks go forward it is nine o'clock by another hour of UTC.
        (date(2026, 3, 7), time(9), datetime(2026, 3, 7, 15, tzinfo=UTC)),
        (date(2026, 4, 4), time(9), datetime(2026, 4, 4, 14, tzinfo=UTC)),
        (date(2026, 3, 8), time(1, 59), datetime(2026, 3, 8, 7, 59, tzinfo=UTC)),
        (date(2026, 3, 8), time(3), datetime(2026, 3, 8, 8, tzinfo=UTC)),
        (date(2026, 11, 1), time(0, 59), datetime(2026, 11, 1, 5, 59, tzinfo=UTC)),
        (date(2026, 11, 1), time(2), datetime(2026, 11, 1, 8, tzinfo=UTC)),
        (date(2026, 12, 9), time(0), datetime(2026, 12, 9, 6, tzinfo=UTC)),
    ],
)
def test_moment_at_is_the_moment_in_utc(day, local, expected):
    assert moment_at(day, local) == (expected, "")


@pytest.mark.parametrize("local", [time(2), time(2, 30), time(2, 59)])
@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2027, 3, 14)])
def test_moment_at_refuses_a_time_that_does_not_exist(day, local):
    with pytest.raises(ValidationError) as refusal:
        moment_at(day, local)
    (message,) = refusal.value.messages
    assert f"does not exist on Sunday, March {day.day}, {day.year}" in message
    assert "forward from 2:00 a.m. to 3:00 a.m. Choose a time before 2:00 a.m." in message
    assert message.endswith("or from 3:00 a.m. on.")


@pytest.mark.parametrize("local", [time(1), time(1, 30), time(1, 59)])
def test_moment_at_takes_the_first_of_a_time_that_comes_twice(local):
    moment, remark = moment_at(date(2026, 11, 1), local)
    assert moment == datetime(2026, 11, 1, 6, local.minute, tzinfo=UTC)
    assert remark.startswith(f"1:{local.minute:02} a.m. comes twice on Sunday, November 1, 2026")
    assert remark.endswith("We use the first one.")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 12, 8), 3, date(2027, 3, 9)),
        (date(2026, 12, 1), 3, date(2027, 3, 2)),
        (date(2026, 9, 22), 3, date(2026, 12, 22)),
        # A fifth one, where there is no fifth: the last.
        (date(2026, 10, 29), 3, date(2027, 1, 28)),
        (date(2026, 9, 29), 3, date(2026, 12, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 25)),
        (date(2027, 11, 30), 12, date(2028, 11, 28)),
    ],
)
def test_same_weekday_later_keeps_weekday_and_place_in_the_month(day, months, expected):
    assert same_weekday_later(day, months) == expected
    assert day.weekday() == expected.weekday()
