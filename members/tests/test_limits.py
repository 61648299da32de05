"""Limits that hold over several workers, and say when to try again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory

from members.limits import TooManyRequestsError, limit


@pytest.fixture
def shared_cache(settings, transactional_db):
    """The cache of production: the database, which all worker processes share."""
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "test_limits_cache",
        }
    }
    call_command("createcachetable")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_limits_cache")


def allowed(address: str) -> bool:
    """Whether one more code for `address` is allowed, asked from a thread of its own."""
    try:
        limit(RequestFactory().post("/"), "code", key=address)
    except TooManyRequestsError:
        return False
    finally:
        connection.close()
    return True


def test_limit_is_exact_over_workers(shared_cache, settings):
    settings.RATE_LIMITS = {"code": "5/15m/key"}
    with ThreadPoolExecutor(4) as workers:
        answers = list(workers.map(allowed, ["nora@rush.example"] * 12))
    assert answers.count(True) == 5
    with ThreadPoolExecutor(1) as workers:
        assert workers.submit(allowed, "other@rush.example").result()


def test_limit_says_when_the_window_has_room_again(settings):
    settings.RATE_LIMITS = {"code": "2/10m/key,9/1m/ip"}
    request = RequestFactory().post("/")
    for _ in range(2):
        limit(request, "code", key="nora@rush.example")
    with pytest.raises(TooManyRequestsError) as refused:
        limit(request, "code", key="nora@rush.example")
    wait = refused.value.retry_at - datetime.now(UTC)
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)


def test_limit_keeps_no_plain_address(settings):
    settings.RATE_LIMITS = {"code": "2/10m/key"}
    limit(RequestFactory().post("/"), "code", key="nora@rush.example")
    assert not [key for key in cache._cache if "nora" in key]
