"""The part of a text that a result of a search shows."""

import pytest

from teams.excerpts import EXCERPT_WORDS, excerpt

LONG = " ".join(f"w{number}" for number in range(100))


@pytest.mark.parametrize(
    ("text", "terms", "shown"),
    [
        ("", {"a"}, ""),
        ("Two\n\nlines.", set(), "Two lines."),
        ("One match here.", {"match"}, "One match here."),
    ],
)
def test_excerpt_shows_a_short_text_in_full(text, terms, shown):
    assert excerpt(text, frozenset(terms)) == shown


def test_excerpt_shows_where_most_of_the_words_stand():
    text = f"zebra {LONG} the zebras’ (Éxit) {LONG}"
    shown = excerpt(text, frozenset(["zebra", "exit"]))
    assert "zebras’ (Éxit)" in shown
    assert (shown[:2], shown[-2:]) == ("… ", " …")
    assert len(shown.split()) == EXCERPT_WORDS + 2


def test_excerpt_without_a_match_is_the_beginning():
    assert excerpt(LONG, frozenset(["zebra"])).startswith("w0 w1 ")
