"""SQLite's side of backups: its own backup steps, which other processes may write beside."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection

from collaborative.operations.backups.archives import BackupError, DamagedError, told

Migrations = set[tuple[str, str]]
FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ"}


def dump(scratch: Path, without: list[str]) -> None:
    """Write the database as it is at one moment to `scratch`, an empty file, and prove it whole.

    Leaves out the rows of the tables `without`, and whatever was deleted before. Writers go on:
    with the write-ahead log a reader holds nobody up.
    """
    try:
        with closing(sqlite3.connect(scratch)) as copy:
            with closing(sqlite3.connect(_live(), timeout=60)) as live:
                live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            tables = _tables(copy)
            for table in without:
                if table in tables:
                    copy.execute(f"DELETE FROM {_quoted(table)}")  # noqa: S608  # quoted
            copy.commit()
            copy.execute("VACUUM")
            _prove(copy, _live())
    except sqlite3.Error as error:
        raise _told(error, _live(), scratch.parent) from error


def restore(scratch: Path) -> None:
    """Put what `scratch` holds in the place of everything in the database, in one step.

    Processes that have the database open see the one or the other, never a mixture.
    """
    connection.close()
    try:
        with (
            closing(sqlite3.connect(scratch)) as copy,
            closing(sqlite3.connect(_live(), timeout=20)) as live,
        ):
            live.execute("PRAGMA journal_mode=WAL")
            live.execute("PRAGMA synchronous=FULL")
            copy.backup(live)
    except sqlite3.Error as error:
        raise _told(error, _live()) from error


def read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    """The migrations and the number of rows of each table; refuses a damaged file."""
    try:
        with closing(sqlite3.connect(f"{scratch.as_uri()}?mode=ro", uri=True)) as copy:
            _prove(copy, scratch)
            broken = copy.execute("PRAGMA foreign_key_check").fetchone()
            if broken:
                raise DamagedError(scratch, f"a row of {broken[0]} refers to one that is not there")
            tables = _tables(copy)
            if "django_migrations" not in tables:
                raise BackupError(
                    f"{scratch.name} is an SQLite database, but not one of the portal."
                )
            done = set(copy.execute("SELECT app, name FROM django_migrations"))
            return done, {table: _rows(copy, table) for table in tables}
    except sqlite3.Error as error:
        raise _told(error, scratch) from error


def _prove(copy: sqlite3.Connection, path: Path) -> None:
    found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise DamagedError(path, "; ".join(found))


def _told(error: sqlite3.Error, path: Path, place: Path | None = None) -> BackupError:
    """The same in words: `path` is what was read, `place` where it was written if elsewhere."""
    if error.sqlite_errorname in FULL:
        return told(OSError(errno.ENOSPC, "no room"), place or path.parent)
    if error.sqlite_errorname in DAMAGED:
        return DamagedError(path, error)
    return BackupError(f"SQLite could not do it: {error} ({error.sqlite_errorname}).")


def _tables(copy: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [row[0] for row in copy.execute(query)]


def _rows(copy: sqlite3.Connection, table: str) -> int:
    found: Any = copy.execute(f"SELECT count(*) FROM {_quoted(table)}")  # noqa: S608  # quoted
    return int(found.fetchone()[0])


def _quoted(table: str) -> str:
    return '"{}"'.format(table.replace('"', '""'))


def _live() -> Path:
    return Path(str(connection.settings_dict["NAME"]))
