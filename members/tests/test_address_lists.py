"""Addresses in pasted text: every way in which people have them, and what is wrong with a line."""

import pytest

from members.address_lists import read_addresses

ANA, BEN = "ana@x.example", "ben@x.example"


@pytest.mark.parametrize(
    "text",
    [
        f"{ANA}\n{BEN}",
        f"{ANA}\r\n\r\n  {BEN}  \r\n",
        f"{ANA}, {BEN}",
        f"{ANA};{BEN};",
        f"{ANA} {BEN}",
        f"Ana Example <{ANA}>, Ben Example <{BEN}>",
        f"Ana Example <{ANA}>; Ben <{BEN}>;",
        f'"Example, Ana" <{ANA}>; "Example; Ben" <{BEN}>',
        f"Example, Ana <{ANA}>; Example, Ben <{BEN}>",
        f"Example, Ana <{ANA}>, Example, Ben <{BEN}>",
        f"Ana\tExample\t{ANA}\nBen\tExample\t{BEN}",
        f"{ANA}, Ben <{BEN}>",
        f"<{ANA}> {BEN}",
        f"mailto:{ANA}\n<mailto:{BEN}>",
        f"{ANA.upper()}\n{BEN}",
    ],
)
def test_addresses_are_read_however_they_are_separated(text):
    result = read_addresses(text)
    assert result.addresses == [ANA, BEN]
    assert (result.duplicates, result.problems) == (0, [])


def test_duplicates_are_counted():
    result = read_addresses(f"{ANA}\nAna <{ANA}>, ANA@x.example\n{ANA} <{ANA}>")
    assert result.addresses == [ANA]
    assert result.duplicates == 3


def test_invalid_entries_are_named_with_their_line():
    text = f"{ANA}\nana@\nBen Example\n\n<>, b@c\n{'x' * 70}@x.example"
    result = read_addresses(text)
    assert result.addresses == [ANA]
    assert [(line, entry) for line, entry, _ in result.problems] == [
        (2, "ana@"),
        (3, "Ben Example"),
        (5, ""),
        (5, "b@c"),
        (6, f"{'x' * 70}@x.example"),
    ]
    assert "Enter an email address, like name@hospital.org" in result.problems[0][2]


def test_empty_text_has_none():
    assert read_addresses(" \n ,; \n").addresses == []


def test_long_text_without_an_address_is_read_at_once():
    assert read_addresses("<" * 20_000 + ', "x' * 5000).problems
