"""Backups of SQLite, by its own online backup: other processes may write meanwhile."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection

from collaborative.operations.backups.archives import (
    BackupError,
    DamagedError,
    Migrations,
    describe_os_error,
)

DISK_FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ"}
DUMP_TIMEOUT_SECONDS = 60
RESTORE_TIMEOUT_SECONDS = 20


def dump(scratch: Path, excluded: list[str]) -> None:
    """Write the database as it is at one moment to `scratch`, an empty file, and check it.

    Leaves out the rows of the tables `excluded`, and whatever was deleted before. Writers continue:
    with the write-ahead log a reader blocks nobody.
    """
    try:
        with closing(sqlite3.connect(scratch)) as copy:
            with closing(sqlite3.connect(_database(), timeout=DUMP_TIMEOUT_SECONDS)) as database:
                database.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            for table in set(excluded) & set(_tables(copy)):
                copy.execute(f"DELETE FROM {_quote(table)}")  # noqa: S608  # quoted
            copy.commit()
            copy.execute("VACUUM")
            _check_integrity(copy, _database())
    except sqlite3.Error as error:
        raise _describe_error(error, _database(), scratch.parent) from error


def restore(scratch: Path) -> None:
    """Replace everything in the database by what `scratch` holds, in one step.

    Processes that have the database open see the one or the other, never a mixture.
    """
    connection.close()
    try:
        with (
            closing(sqlite3.connect(scratch)) as copy,
            closing(sqlite3.connect(_database(), timeout=RESTORE_TIMEOUT_SECONDS)) as database,
        ):
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            copy.backup(database)
    except sqlite3.Error as error:
        raise _describe_error(error, _database()) from error


def read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    """Return the migrations and the number of rows of each table; refuse a damaged file."""
    try:
        with closing(sqlite3.connect(f"{scratch.as_uri()}?mode=ro", uri=True)) as copy:
            _check_integrity(copy, scratch)
            violation = copy.execute("PRAGMA foreign_key_check").fetchone()
            if violation:
                reason = f"a row of {violation[0]} refers to one that is not there"
                raise DamagedError(scratch, reason)
            tables = _tables(copy)
            if "django_migrations" not in tables:
                raise BackupError(
                    f"{scratch.name} is an SQLite database, but not one of the portal."
                )
            migrations = set(copy.execute("SELECT app, name FROM django_migrations"))
            return migrations, {table: _count_rows(copy, table) for table in tables}
    except sqlite3.Error as error:
        raise _describe_error(error, scratch) from error


def _check_integrity(copy: sqlite3.Connection, path: Path) -> None:
    problems = [problem for (problem,) in copy.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise DamagedError(path, "; ".join(problems))


def _describe_error(error: sqlite3.Error, path: Path, folder: Path | None = None) -> BackupError:
    """Return the error in words: `path` is what was read, `folder` where the copy was written."""
    if error.sqlite_errorname in DISK_FULL:
        return describe_os_error(OSError(errno.ENOSPC, "no room"), folder or path.parent)
    if error.sqlite_errorname in DAMAGED:
        return DamagedError(path, error)
    return BackupError(f"SQLite could not do it: {error} ({error.sqlite_errorname}).")


def _tables(copy: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in copy.execute(query)]


def _count_rows(copy: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {_quote(table)}"  # noqa: S608  # quoted
    (count,) = copy.execute(query).fetchone()
    return int(count)


def _quote(table: str) -> str:
    return '"{}"'.format(table.replace('"', '""'))


def _database() -> Path:
    return Path(str(connection.settings_dict["NAME"]))
