"""Limits on what may be asked for again and again, by network and by a key such as an address.

Sliding windows in the shared cache: they hold over any number of worker processes. The rates are
`settings.RATE_LIMITS`; docs/operating.md says what they are for and what of them can be seen.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from members.auth.allauth_internals import ratelimit

# The clocks of web hosts differ by some seconds. What was counted further ahead than this was
# counted before a clock went back, and would lock people out until the clock is there again.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=15)
# A customer of a provider gets a /64 at least, and one who asks gets a /48 (RFC 6177, BCP 157).
IPV6_PREFIXES = (64, 48)
# Neighbors share a /48 as they may share an IPv4 address, and each has room in a /64.
WIDE_NETWORK_FACTOR = 2


class TooManyRequestsError(Exception):
    """A limit is used up; `retry_at` (aware) is when there is room again."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"Too many requests, again from {retry_at:%H:%M:%S} UTC")
        self.retry_at = retry_at


def count_or_raise(request: HttpRequest, action: str, key: str = "") -> None:
    """Count one `action` of this request, for `key` where its rate has one.

    Raises TooManyRequestsError, which becomes the 429 page, when a rate is used up.
    """
    _count(_windows(request, action, key))


@contextmanager
def rate_limited(request: HttpRequest, action: str, key: str = "") -> Iterator[None]:
    """Count as `count_or_raise` does, but only if what is done inside succeeds: nobody is locked
    out by what failed while the database was away."""
    counted = _count(_windows(request, action, key))
    try:
        yield
    except BaseException:
        for window, counted_at in counted:
            window.take_back(counted_at)
        raise


def networks(request: HttpRequest) -> list[str]:
    """Return the networks that the request counts for, the smallest first: its IPv4 address, or
    those of IPV6_PREFIXES around its IPv6 address."""
    address = ip_address(get_adapter().get_client_ip(request))
    if isinstance(address, IPv6Address):
        return [str(ip_network((address, prefix), strict=False)) for prefix in IPV6_PREFIXES]
    return [str(address)]


@dataclass(frozen=True)
class Window:
    """When one thing was counted within the last `seconds`; it may be `amount` times."""

    cache_key: str
    amount: int
    seconds: float

    def counts(self) -> list[float]:
        """Return the times (Unix seconds) that count now."""
        now = time.time()
        first, last = now - self.seconds, now + MAX_CLOCK_DIFFERENCE.total_seconds()
        return [at for at in cache.get(self.cache_key, []) if first < at <= last]

    def count(self) -> float | None:
        """Return the time that was counted; None if there is no room."""
        with ratelimit.cache_lock(self.cache_key) as is_locked:
            if not is_locked:
                return None
            counts, now = self.counts(), time.time()
            if len(counts) >= self.amount:
                return None
            cache.set(self.cache_key, [now, *counts], self.seconds)
            return now

    def take_back(self, counted_at: float) -> None:
        """Remove what `count` returned."""
        with ratelimit.cache_lock(self.cache_key) as is_locked:
            # Otherwise it stays, and the limit is one stricter.
            if is_locked:
                counts = [at for at in self.counts() if at != counted_at]
                cache.set(self.cache_key, counts, self.seconds)


def _windows(request: HttpRequest, action: str, key: str) -> list[Window]:
    """Return the windows of `action`, in the order of its rates: for each one by "ip" those of the
    networks, for each one by "key" that of `key`."""
    windows = []
    for rate in ratelimit.parse_rates(settings.RATE_LIMITS[action]):
        if rate.per == "key":
            windows.append(_window(action, rate, f"key {key}", rate.amount))
            continue
        for number, network in enumerate(networks(request)):
            amount = rate.amount * (WIDE_NETWORK_FACTOR if number else 1)
            windows.append(_window(action, rate, f"network {network}", amount))
    return windows


def _window(action: str, rate: ratelimit.Rate, counted: str, amount: int) -> Window:
    digest = hashlib.sha256(counted.encode()).hexdigest()
    return Window(f"limit:{action}:{rate}:{digest}", amount, rate.duration)


def _count(windows: list[Window]) -> list[tuple[Window, float]]:
    """Count in each window, in order, until one has no room; return what was counted."""
    counted = []
    for window in windows:
        counted_at = window.count()
        if counted_at is None:
            raise TooManyRequestsError(_retry_at(windows))
        counted.append((window, counted_at))
    return counted


def _retry_at(windows: list[Window]) -> datetime:
    """Return when the last of the full windows has room again."""
    room_at = [time.time() + 1]
    for window in windows:
        counts = window.counts()
        if len(counts) >= window.amount:
            room_at.append(min(counts) + window.seconds)
    return datetime.fromtimestamp(max(room_at), UTC)


def delete_expired_counters() -> None:
    """Delete what has expired from a cache in the database, which does so itself only when it is
    full."""
    cache_settings = settings.CACHES["default"]
    if cache_settings["BACKEND"].endswith(".DatabaseCache"):
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(cache_settings["LOCATION"])
            now = connection.ops.adapt_datetimefield_value(timezone.now())
            cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])  # noqa: S608  # from the settings


def too_many_requests(
    request: HttpRequest,
    refused: TooManyRequestsError,
    template_name: str = "429.html",
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Return the 429 page, with Retry-After in seconds.

    A form that was refused is shown on its own page, `template_name` with its `context`: what was
    entered is on it, to be sent again, and nowhere else.
    """
    seconds = max(1, math.ceil(refused.retry_at.timestamp() - time.time()))
    waiting = {"retry_at": refused.retry_at, "retry_minutes": math.ceil(seconds / 60)}
    response = render(request, template_name, {**(context or {}), **waiting}, status=429)
    response["Retry-After"] = str(seconds)
    return response


class RateLimitMiddleware:
    """Answers TooManyRequestsError with the 429 page, which says when to try again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the 429 page, or None for other exceptions."""
        if not isinstance(exception, TooManyRequestsError):
            return None
        # Opened as a link, the address leads back to the form.
        return too_many_requests(request, exception, context={"back_url": request.path})
