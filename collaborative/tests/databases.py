"""Pytest plugin: the environment of the tests, set before the settings are read, and which tests
run on which database.

`make test` runs every test once, on PostgreSQL, and those marked `both_databases` on SQLite too.
A test belongs on both when its outcome depends on what the database does: constraints, locks and
transactions; search, sorting and counting; migrations, backups, and a database that is away or
full. What a page, an email or a setting says does not, nor what a service decides: all of that
runs on SQLite in `make test-fast`. A file with such tests is listed in
BOTH_DATABASES; a single test of another file has the marker itself. Plain `pytest` runs whatever
it is given on SQLite, or on TEST_DATABASE.

`TEST_DATABASE=postgres` starts a PostgreSQL of its own for the run and removes it afterwards;
all workers share the server, and each has its own database on it.
"""

import gc
import os
import signal
import sqlite3
from functools import cache
from pathlib import Path, PurePath
from typing import NoReturn

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from collaborative.tests.postgres import StartError, start_postgres

# Files by glob, from the root of the repository.
BOTH_DATABASES = (
    # Rules, constraints, locks and transactions.
    "*/tests/test_models*.py",
    "*/tests/test_concurrency.py",
    "members/tests/test_history*.py",
    "collaborative/tests/test_mail_worker_outages.py",
    # Sums and counts.
    "teams/tests/test_statistics*.py",
    # The database away, full or empty.
    "collaborative/tests/test_health.py",
)
# Tests that stop and start servers, measure how long people wait, or create databases of a fixed
# name. No two of them run at the same time.
ONE_AT_A_TIME = (
    "collaborative/tests/faults/test_*.py",
    "collaborative/tests/test_backups*.py",
    "collaborative/tests/test_deploy*.py",
    "collaborative/tests/test_mail_worker_command.py",
    "collaborative/tests/test_restore*.py",
    "collaborative/tests/test_sqlite_to_postgres.py",
)
# Sentry changes Django's requests, queries and signals for good: whatever a worker does after that
# takes a tenth longer.
LAST = ("collaborative/tests/test_sentry.py",)

# What the shell sets for `make run` is not for the tests, least of all its database.
PORTAL_SETTINGS = {
    "ALLOWED_HOSTS",
    "ANSWER_WORKING_DAYS",
    "BACKUP_DIR",
    "BACKUP_KEEP",
    "BACKUP_KEY",
    "BACKUP_MAC_KEY",
    "BIND",
    "BOUNCE_EMAIL",
    "BOUNCE_IMAP_URL",
    "CALENDAR_EMAIL",
    "CALENDAR_IMAP_URL",
    "CHECK_LINKS",
    "CONTACT_EMAIL",
    "DATABASE_URL",
    "DEFAULT_FROM_EMAIL",
    "EMAILS_PER_MINUTE",
    "EMAIL_URL",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "METRICS_TOKEN",
    "PG_BIN",
    "PORT",
    "PROMETHEUS_MULTIPROC_DIR",
    "RECOGNIZED_CODES_PER_NETWORK",
    "RELEASE",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SENTRY_DSN",
    "SITE_URL",
    "STAFF_SECOND_FACTOR",
    "TRUSTED_PROXY_COUNT",
    "WEB_CONCURRENCY",
    *(name for name in os.environ if name.startswith("SSO_")),
}
IS_XDIST_WORKER = "PYTEST_XDIST_WORKER" in os.environ

# pytest-django switches settings.DEBUG itself off.
os.environ.setdefault("DEBUG", "1")
# Cleared before each test.
os.environ.setdefault("CACHE_URL", "locmemcache://")
# A worker has the environment that its parent has prepared.
if not IS_XDIST_WORKER:
    for name in PORTAL_SETTINGS & set(os.environ):
        del os.environ[name]

pytest_plugins = ["collaborative.tests.browser"]


# The collector of garbage would look through all modules and tests again and again, and find none.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on there may be some; what was loaded until here is none."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files without a test for both databases out of the run of those, which takes time."""
    if config.option.markexpr != "both_databases" or collection_path.suffix != ".py":
        return None
    path = collection_path.relative_to(config.rootpath).as_posix()
    named = _path_matches(path, BOTH_DATABASES) or "both_databases" in collection_path.read_text()
    return None if named else True


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test by the file that it is in."""
    if matches(item.nodeid, BOTH_DATABASES):
        item.add_marker(pytest.mark.both_databases)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest turn of one worker comes first: at the end, the others would wait for it.
    items.sort(
        key=lambda item: (matches(item.nodeid, LAST), not matches(item.nodeid, ONE_AT_A_TIME))
    )


def matches(nodeid: str, patterns: tuple[str, ...]) -> bool:
    """Return whether the test is in a file that one of the patterns describes."""
    return _path_matches(nodeid.partition("::")[0], patterns)


@cache
def _path_matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(PurePath(path).match(pattern) for pattern in patterns)


class OneAtATimeScheduling(LoadScopeScheduling):
    """Gives the tests of ONE_AT_A_TIME to one worker, and each other file to any of them as a
    whole: what a module's tests share is made once, and a worker asks for work less often.

    xdist has groups for that, but pytest 9.2 does not let it write them into a test's name.
    """

    def _split_scope(self, nodeid: str) -> str:
        if matches(nodeid, ONE_AT_A_TIME):
            return "one at a time"
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneAtATimeScheduling:
    return OneAtATimeScheduling(config, log)


def pytest_report_header() -> str:
    return f"database: {DATABASE}"


def _choose_database() -> str:
    """Set DATABASE_URL for the run; return the database's name and version."""
    choice = os.environ.get("TEST_DATABASE") or "sqlite"
    if choice == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    if choice != "postgres":
        _exit("set it to sqlite or postgres.")
    # A worker uses the server of its parent.
    if IS_XDIST_WORKER:
        return "PostgreSQL"
    try:
        os.environ["DATABASE_URL"], version = start_postgres()
    except StartError as error:
        _exit(str(error))
    return f"PostgreSQL {version}"


def _exit(reason: str) -> NoReturn:
    pytest.exit(f"TEST_DATABASE={os.environ.get('TEST_DATABASE')}: {reason}", returncode=3)


DATABASE = _choose_database()
if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
    # An ordinary end: fixtures stop what they have started.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))
