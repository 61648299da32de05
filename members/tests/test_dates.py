from datetime import UTC, date, datetime

import pytest

from members.dates import long_date, short_date


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 11, 3),
        datetime(2026, 11, 3, 12, tzinfo=UTC),
        datetime(2026, 11, 4, 5, tzinfo=UTC),
    ],
)
def test_date_is_the_day_in_chicago(day):
    assert (long_date(day), short_date(day)) == ("November 3, 2026", "Nov 3, 2026")
