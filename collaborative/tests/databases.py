"""Pytest plugin: the environment of the tests, set before the settings are read.

`TEST_DATABASE=postgres` starts a PostgreSQL of its own for the run and removes it afterwards.
"""

import os
import signal
import sqlite3
from typing import NoReturn

import pytest

from collaborative.tests.postgres import StartError, start_postgres

os.environ.setdefault("DEBUG", "1")  # pytest-django switches settings.DEBUG itself off
os.environ.setdefault("CACHE_URL", "locmemcache://")  # cleared before each test

# What the shell sets for `make run` is not for the tests, least of all its database.
PORTAL = {"ALLOWED_HOSTS", "ANSWER_WORKING_DAYS", "CONTACT_EMAIL", "DATABASE_URL"}
PORTAL |= {"DEFAULT_FROM_EMAIL", "EMAIL_URL", "PORT", "SECRET_KEY", "SITE_URL"}
PORTAL |= {"TRUSTED_PROXY_COUNT"}
PORTAL |= {"BACKUP_DIR", "BACKUP_KEEP", "BACKUP_KEY", "PG_BIN", "RELEASE"}
PORTAL |= {"SECRET_KEY_FALLBACKS", *(name for name in os.environ if name.startswith("SSO_"))}
PORTAL |= {"LOG_FORMAT", "LOG_LEVEL", "METRICS_TOKEN", "PROMETHEUS_MULTIPROC_DIR", "SENTRY_DSN"}
PORTAL |= {"BIND", "STAFF_SECOND_FACTOR", "WEB_CONCURRENCY"}
if "PYTEST_XDIST_WORKER" not in os.environ:  # such a worker needs what its parent has set
    for name in PORTAL & set(os.environ):
        del os.environ[name]

pytest_plugins = ["collaborative.tests.browser"]


def _fail(why: str) -> NoReturn:
    pytest.exit(f"TEST_DATABASE={os.environ.get('TEST_DATABASE')}: {why}", returncode=3)


def _choose_database() -> str:
    """Set DATABASE_URL for the run; returns what the header calls the database."""
    wanted = os.environ.get("TEST_DATABASE") or "sqlite"
    if wanted == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    if wanted != "postgres":
        _fail("set it to sqlite or postgres.")
    if "PYTEST_XDIST_WORKER" in os.environ:  # finds the server of its parent
        return "PostgreSQL"
    try:
        os.environ["DATABASE_URL"], version = start_postgres()
    except StartError as error:
        _fail(str(error))
    return f"PostgreSQL {version}"


DATABASE = _choose_database()
if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
    # An ordinary end: fixtures stop what they have started.
    signal.signal(signal.SIGTERM, lambda *received: pytest.exit("SIGTERM", returncode=143))


def pytest_report_header() -> str:
    return f"database: {DATABASE}"
