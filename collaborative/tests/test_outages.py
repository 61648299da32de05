"""Which errors are outages of the database or the cache, and which are mistakes."""

import sqlite3

import pytest
import redis
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
)

from collaborative.operations.outages import is_outage


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def sqlite_error(code: int) -> Exception:
    cause = sqlite3.OperationalError("from the file")
    cause.sqlite_errorcode = code
    return with_cause(OperationalError("from the file"), cause)


def postgres_error(kind: type[Exception], state: str) -> Exception:
    cause = Exception("from the server")
    cause.sqlstate = state
    return with_cause(kind("from the server"), cause)


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_BUSY),
        sqlite_error(sqlite3.SQLITE_FULL),
        sqlite_error(sqlite3.SQLITE_IOERR_WRITE),
        sqlite_error(sqlite3.SQLITE_CANTOPEN),
        postgres_error(OperationalError, "57P01"),  # stopped by its administrator
        postgres_error(OperationalError, "53100"),  # disk full
        postgres_error(InternalError, "25006"),  # a standby by now
        OperationalError("could not connect"),
        InterfaceError("the connection is closed"),
        redis.ConnectionError("refused"),
        redis.exceptions.BusyLoadingError("starting"),
        with_cause(ValueError("read"), OperationalError("lost")),
        NotSupportedError("cached plan must not change result type"),
    ],
)
def test_is_outage_is_true(error):
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_ERROR),  # no such column, too many variables
        postgres_error(OperationalError, "54000"),  # an index row too large
        postgres_error(InternalError, "25P02"),
        redis.ResponseError("wrong command"),
        IntegrityError("there twice"),
        NotSupportedError("distinct on fields"),
        ValueError("wrong"),
        None,
    ],
)
def test_is_outage_is_false(error):
    assert not is_outage(error)
