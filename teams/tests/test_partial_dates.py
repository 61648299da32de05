"""Dates as people type them, of which only a part may be known."""

import pytest
from django.core.exceptions import ValidationError

from teams.models import Resource
from teams.partial_dates import parse_partial_date


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("2024", "2024"),
        (" 2024 ", "2024"),
        ("2024-03", "2024-03"),
        ("2024-3", "2024-03"),
        ("2024/03", "2024-03"),
        ("3/2024", "2024-03"),
        ("March 2024", "2024-03"),
        ("march, 2024", "2024-03"),
        ("Mar. 2024", "2024-03"),
        ("Sept 2024", "2024-09"),
        ("3/15/2024", "2024-03-15"),
        ("03-15-2024", "2024-03-15"),
        ("March 15, 2024", "2024-03-15"),
        ("March 1st 2024", "2024-03-01"),
        ("15 March 2024", "2024-03-15"),
        ("2024-03-15", "2024-03-15"),
        ("2/29/2024", "2024-02-29"),
        ("٢٠٢٤-٠٣", "2024-03"),
        ("May 2024", "2024-05"),
    ],
)
def test_parse_partial_date_accepts_what_people_type(typed, stored):
    assert parse_partial_date(typed) == stored
    # What a form shows of it can be sent back.
    assert parse_partial_date(Resource(published_on=stored).published_in_words) == stored


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("last year", "such as 2024, March 2024"),
        ("24", "such as 2024"),
        ("3/24", "such as 2024"),
        ("Foo 2024", "such as 2024"),
        ("2024-", "such as 2024"),
        ("15/3/2024", "does not exist"),
        ("2/30/2024", "does not exist"),
        ("13/2024", "does not exist"),
        ("2023-02-29", "does not exist"),
        ("0000", "does not exist"),
        ("2099", "Check the year: 2099"),
        ("March 1203", "Check the year: 1203"),
    ],
)
def test_parse_partial_date_says_what_to_enter(typed, message):
    with pytest.raises(ValidationError, match=message):
        parse_partial_date(typed)
