"""Limits on what may be asked for again and again, by email address and by network address.

allauth's sliding windows in the shared cache: they hold over any number of worker processes.
The rates are `settings.RATE_LIMITS`.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from members.auth.allauth_internals import ratelimit


class TooManyRequestsError(Exception):
    """A limit is used up; `retry_at` (aware) is when there is room again."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"Too many requests, again from {retry_at:%H:%M:%S} UTC")
        self.retry_at = retry_at


def count_or_raise(request: HttpRequest, action: str, key: str | None = None) -> None:
    """Count one `action` of this request, for `key` where its rate has one.

    Raises TooManyRequestsError, which becomes the 429 page, when a rate is used up.
    """
    _count(request, action, key)


@contextmanager
def rate_limited(request: HttpRequest, action: str, key: str | None = None) -> Iterator[None]:
    """Count as `count_or_raise` does, but only if what is done inside succeeds: nobody is locked
    out by what failed while the database was away."""
    usage = _count(request, action, key)
    try:
        yield
    except BaseException:
        usage.rollback()
        raise


def _count(request: HttpRequest, action: str, key: str | None) -> Any:
    usage = ratelimit.consume(
        request, app="members", action=action, config=settings.RATE_LIMITS, key=key, limit_get=True
    )
    if not usage:
        raise TooManyRequestsError(_retry_at(request, action, key))
    return usage


def _retry_at(request: HttpRequest, action: str, key: str | None) -> datetime:
    """Return when the last of the used-up windows has room again."""
    room_at = [time.time() + 1]
    for rate in ratelimit.get_rates(app="members", action=action, config=settings.RATE_LIMITS):
        hits = cache.get(
            ratelimit.get_cache_key(request, app="members", action=action, rate=rate, key=key), []
        )
        if len(hits) >= rate.amount:
            room_at.append(hits[-1] + rate.duration)
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
