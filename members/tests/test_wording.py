"""Names and numbers as sentences need them."""

import pytest

from members.wording import counted, end_sentence, first_name


@pytest.mark.parametrize(
    ("full_name", "greeted"),
    [
        ("Ana Sample", "Ana"),
        ("Ana María de la Cruz", "Ana"),
        ("Dr. Ana Sample", "Ana"),
        ("Prof. Dr. Ana Sample", "Ana"),
        ("Mary-Ann O’Hara", "Mary-Ann"),
        ("Ana", "Ana"),
        ("Dr. Sample", "Dr. Sample"),
        ("J. Sample", "J. Sample"),
        ("Sample, Ana", "Sample, Ana"),
        ("", ""),
    ],
)
def test_first_name_is_returned_where_it_is_clear(full_name, greeted):
    assert first_name(full_name) == greeted


def test_counted_agrees_with_its_noun():
    assert [counted(number, "person", "people") for number in (0, 1, 2)] == [
        "0 people",
        "1 person",
        "2 people",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Open", "Open."),
        ("at 3:07 p.m.", "at 3:07 p.m."),
        ("for Prairie Example Health, Inc.", "for Prairie Example Health, Inc."),
        ("by Sam Sample Jr.", "by Sam Sample Jr."),
        (42, "42."),
    ],
)
def test_sentence_ends_with_one_period(text, sentence):
    assert end_sentence(text) == sentence
