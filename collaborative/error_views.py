"""What a request is told that cannot be served: the portal is down for a short while, or it asks
for too much.

While the database (or the cache) is away, every page answers 503 with Retry-After, and nothing
on that page needs a database. This is done by the error handlers of ROOT_URLCONF and by no
middleware: Django turns an error into an answer in the very layer where it came up, so that a
middleware never hears of one in the middleware around it, such as a session that cannot be read.
"""

import sqlite3
import sys
from collections.abc import Iterator

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, NotSupportedError, OperationalError
from django.db.utils import InternalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.cache import add_never_cache_headers
from django.views import defaults

RETRY_SECONDS = 10
TOO_MUCH = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
TOO_COMPLEX = "54"  # class of SQLSTATE: the statement is to blame, not the server
REDIS_AWAY = {"ConnectionError", "TimeoutError", "ReadOnlyError"}
# A prepared statement from before a column was altered; the next time it is prepared anew.
OUTDATED_PLAN = "cached plan must not change result type"
READ_ONLY = "25006"  # the server that we were connected to is a standby now


def server_error(request: HttpRequest) -> HttpResponse:
    """The handler of 500: 503 if the error is that the database is away."""
    if is_away(sys.exc_info()[1]):
        return _away()
    answer: HttpResponse = defaults.server_error(request)
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The handler of 400: 413 for too large a request; 503 for a session that could not be kept
    because the database is away, which Django takes for one that somebody has deleted."""
    if is_away(exception):
        return _away()
    if isinstance(exception, TOO_MUCH):
        return render(request, "413.html", status=413)
    return render(request, "400.html", status=400)


def _away() -> HttpResponse:
    answer = HttpResponse(loader.render_to_string("503.html"), status=503)
    answer["Retry-After"] = str(RETRY_SECONDS)
    add_never_cache_headers(answer)
    return answer


def is_away(error: BaseException | None) -> bool:
    """Whether `error`, or what led to it, says that the database or the cache cannot work now:
    stopped, unreachable, locked, read-only, without disk, just migrated. False where a statement is
    to blame."""
    return any(_says_away(found) for found in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _says_away(error: BaseException) -> bool:
    if type(error).__module__ == "redis.exceptions":  # not imported for this: it may not be used
        return any(kind.__name__ in REDIS_AWAY for kind in type(error).__mro__)
    if isinstance(error, NotSupportedError):
        return OUTDATED_PLAN in str(error)
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # SQLITE_ERROR stands for a mistake in the statement; all others for the file and its disk.
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF != sqlite3.SQLITE_ERROR
    state = getattr(cause, "sqlstate", None) or ""
    if isinstance(error, InternalError):
        return state == READ_ONLY
    return not state.startswith(TOO_COMPLEX)
