"""Telling an outage of the database or the cache from a mistake in a statement."""

import sqlite3

from django.db import InterfaceError, NotSupportedError, OperationalError
from django.db.utils import InternalError

REDIS_OUTAGES = {"ConnectionError", "TimeoutError", "ReadOnlyError"}
# A statement prepared before a column was altered; it is prepared again for the next request.
OUTDATED_PLAN = "cached plan must not change result type"
# Of PostgreSQL: the connected server has become a standby.
SQLSTATE_READ_ONLY = "25006"
# The class of PostgreSQL's errors about a statement that is too complex or too large.
SQLSTATE_CLASS_LIMIT_EXCEEDED = "54"


def is_outage(error: BaseException | None) -> bool:
    """Return whether `error`, or an error that led to it, means that the database or the cache
    cannot work for now: stopped, unreachable, locked, read-only, its disk full, just migrated.

    False where the statement is to blame.
    """
    while error is not None:
        if _means_outage(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _means_outage(error: BaseException) -> bool:
    # By its name: redis is not imported where it is not used.
    if type(error).__module__ == "redis.exceptions":
        return any(kind.__name__ in REDIS_OUTAGES for kind in type(error).__mro__)
    if isinstance(error, NotSupportedError):
        return OUTDATED_PLAN in str(error)
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # SQLITE_ERROR is a mistake in the statement; all others are about the file and its disk.
        return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF != sqlite3.SQLITE_ERROR
    sqlstate = getattr(cause, "sqlstate", None) or ""
    if isinstance(error, InternalError):
        return sqlstate == SQLSTATE_READ_ONLY
    return not sqlstate.startswith(SQLSTATE_CLASS_LIMIT_EXCEEDED)
