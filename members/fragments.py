"""Parts of pages and counts that every visitor may see, in the memory of each process."""

from collections.abc import Callable
from typing import TypeVar, cast

from django.core.cache import caches

T = TypeVar("T")


def cached_fragment(key: str, query: Callable[[], T], seconds: int) -> T:
    """Return what `query` returned under `key` within the last `seconds`, or call it."""
    return cast(T, caches["fragments"].get_or_set(key, query, seconds))
