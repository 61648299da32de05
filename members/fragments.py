"""Parts of pages and counts that every visitor may see, in the memory of each process."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache

T = TypeVar("T")


class FragmentCache(LocMemCache):
    """Entries for one second all end when the clock's second does, those for ten seconds with its
    tens: a part of a page that is made of other cached entries is no older than they are."""

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        """Return until when an entry for `timeout` seconds is valid, in seconds since 1970."""
        end: float | None = super().get_backend_timeout(timeout)
        if end is None or timeout == DEFAULT_TIMEOUT:
            return end
        return float(end - end % timeout)


def cached_fragment(key: str, query: Callable[[], T], seconds: int) -> T:
    """Return what `query` returned under `key` within the last `seconds`, or call it."""
    return cast(T, caches["fragments"].get_or_set(key, query, seconds))
