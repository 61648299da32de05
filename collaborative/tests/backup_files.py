"""What the tests of backups and jobs share: the commands, and the environment of a process."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from collaborative.env import database
from collaborative.models import JobRun
from collaborative.operations.backups.create import excluded_tables
from collaborative.operations.backups.schema import scratch_database
from collaborative.operations.jobs import exclusive_lock
from collaborative.tests.ports import database_url

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def run(*command: str, **options) -> str:
    out = StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def back_up() -> Path:
    before = set(files())
    run("backup")
    (new,) = set(files()) - before
    return new


@contextmanager
def on_database(url: str) -> Iterator[None]:
    """Let the commands of the block work on another database."""
    config = database(url)
    config["OPTIONS"].pop("pool", None)  # it would keep connections
    with scratch_database(config):
        yield


@contextmanager
def locked_elsewhere(name: str) -> Iterator[None]:
    """Let another connection hold the lock `name` during the block."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive_lock(name) as acquired:
            if acquired:
                taken.set()
            over.wait(60)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(60)
        yield
    finally:
        over.set()
        holder.join()


def files() -> list[Path]:
    folder = Path(settings.BACKUP_DIR)
    return sorted(folder.glob("portal-*")) if folder.exists() else []


def checksums() -> dict[str, str]:
    """Of all rows of each table but those that no backup holds, and the runs of jobs."""
    tables = set(connection.introspection.table_names())
    fingerprints = {}
    with connection.cursor() as cursor:
        for table in sorted(tables - {*excluded_tables(), JobRun._meta.db_table}):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            columns = [column[0] for column in cursor.description]
            rows = sorted(repr(sorted(zip(columns, row, strict=True))) for row in cursor.fetchall())
            fingerprints[table] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return fingerprints


def environment(**changes: str) -> dict[str, str]:
    """Of a process on the database and the folder of the test."""
    names = ("BACKUP_DIR", "PG_BIN", "BACKUP_KEY", "BACKUP_MAC_KEY")
    given = {name: getattr(settings, name) for name in names}
    root = str(MANAGE.parent)
    return {**os.environ, **given, "PYTHONPATH": root, "DATABASE_URL": database_url(), **changes}
