"""The cache of parts of pages."""

import pytest
from django.core.cache import caches

from members.fragments import cached_fragment

START = 1_000_000.0


@pytest.mark.parametrize(
    ("seconds", "stored_after", "valid_until"),
    [(1, 0, 1), (1, 0.7, 1), (1, 1, 2), (10, 0, 10), (10, 9.5, 10), (10, 12, 20)],
)
def test_cached_fragment_ends_at_a_whole_multiple_of_its_seconds(
    fragment_clock, seconds, stored_after, valid_until
):
    fragment_clock.now = START + stored_after
    assert cached_fragment("key", lambda: "old", seconds) == "old"
    fragment_clock.now = START + valid_until - 0.01
    assert cached_fragment("key", lambda: "new", seconds) == "old"
    fragment_clock.now = START + valid_until
    assert cached_fragment("key", lambda: "new", seconds) == "new"


def test_cached_fragment_made_of_another_is_no_older(fragment_clock):
    read = iter(["old", "new"])

    def outer() -> str:
        return cached_fragment("inner", lambda: next(read), 1)

    outer()
    fragment_clock.advance(0.9)
    assert cached_fragment("outer", outer, 1) == "old"
    fragment_clock.advance(0.1)
    assert cached_fragment("outer", outer, 1) == "new"


@pytest.mark.parametrize("timeout", [{}, {"timeout": None}])
def test_fragment_cache_keeps_other_timeouts(fragment_clock, timeout):
    fragment_clock.now = START + 0.5
    caches["fragments"].set("key", "value", **timeout)
    fragment_clock.advance(299)
    assert caches["fragments"].get("key") == "value"
