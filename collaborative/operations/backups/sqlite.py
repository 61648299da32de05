"""Backups of SQLite: dumped by its own online backup, other processes may write meanwhile; loaded
row by row into tables of the portal's own.

The schema of a backup can hold triggers, views and expressions. It is opened read-only, its
functions are not trusted, and nothing but tables without surprises is read.
"""

import errno
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

from collaborative.operations.backups.archives import (
    BackupError,
    Contents,
    DamagedError,
    ForeignError,
    Tables,
    describe_os_error,
)
from collaborative.operations.backups.schema import create_tables, scratch_database

DISK_FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ"}
DUMP_TIMEOUT_SECONDS = 60
RESTORE_TIMEOUT_SECONDS = 20
# How SQLite itself writes down what was created; a virtual table would run code of its module.
ORDINARY_SQL = {
    "table": re.compile("CREATE TABLE "),
    "index": re.compile("CREATE (UNIQUE )?INDEX "),
}
INTERNAL_TABLES = {"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}
# In the last column of PRAGMA table_xinfo.
ORDINARY_COLUMN = 0
# In the second column of PRAGMA index_xinfo.
EXPRESSION = -2
# Nothing is lost if it is cut off, and it is faster.
SCRATCH_OPTIONS = {"init_command": "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"}


def dump(scratch: Path, excluded: list[str]) -> None:
    """Write the database as it is at one moment to `scratch`, an empty file, and check it.

    Leaves out the rows of the tables `excluded`, and whatever was deleted before. Writers continue:
    with the write-ahead log a reader blocks nobody.
    """
    try:
        with closing(sqlite3.connect(scratch)) as copy:
            # Its journal in memory: on a full disk a file of it would be left. Copying brings the
            # mode of the database, which is another one.
            copy.execute("PRAGMA journal_mode=MEMORY")
            with closing(sqlite3.connect(_database(), timeout=DUMP_TIMEOUT_SECONDS)) as database:
                database.backup(copy)
            copy.execute("PRAGMA journal_mode=MEMORY")
            for table in set(excluded) & set(_tables(copy)):
                copy.execute(f"DELETE FROM {_quote(table)}")  # noqa: S608  # quoted
            copy.commit()
            copy.execute("VACUUM")
            _check_integrity(copy, _database())
    except sqlite3.Error as error:
        raise _describe_error(error, _database(), scratch.parent) from error


def read(scratch: Path) -> Contents:
    """Return what is in a file; refuse a damaged one, and all that is not an ordinary table."""
    try:
        with _open(scratch) as copy:
            _refuse_foreign_objects(copy)
            _check_integrity(copy, scratch)
            tables = _tables(copy)
            if "django_migrations" not in tables:
                raise BackupError(
                    f"{scratch.name} is an SQLite database, but not one of the portal."
                )
            migrations = copy.execute("SELECT app, name FROM django_migrations")
            return Contents(
                migrations={(str(app), str(name)) for app, name in migrations},
                columns={table: set(_columns(copy, table)) for table in tables},
                rows={table: _count_rows(copy, table) for table in tables},
            )
    except sqlite3.Error as error:
        raise _describe_error(error, scratch) from error


def check(scratch: Path, contents: Contents, tables: Tables) -> None:
    """Load the rows of `tables` into a database that is deleted afterwards."""
    with _load(scratch, contents, tables):
        pass


def restore(scratch: Path, contents: Contents, tables: Tables) -> None:
    """Replace everything in the database by the rows of `tables`, in one step.

    Processes that have the database open see the one or the other, never a mixture.
    """
    with _load(scratch, contents, tables) as loaded:
        connection.close()
        try:
            with (
                closing(sqlite3.connect(loaded)) as copy,
                closing(sqlite3.connect(_database(), timeout=RESTORE_TIMEOUT_SECONDS)) as database,
            ):
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=FULL")
                copy.backup(database)
        except sqlite3.Error as error:
            raise _describe_error(error, _database()) from error


@contextmanager
def _load(scratch: Path, contents: Contents, tables: Tables) -> Iterator[Path]:
    """Yield the path of a new database with the rows of `tables`, in tables of the portal's own."""
    with tempfile.TemporaryDirectory(prefix="portal-restore-") as folder:
        loaded = Path(folder) / "loaded.sqlite3"
        engine = "django.db.backends.sqlite3"
        with scratch_database({"ENGINE": engine, "NAME": loaded, "OPTIONS": SCRATCH_OPTIONS}):
            create_tables(contents.migrations)
        try:
            with _open(scratch) as copy, closing(sqlite3.connect(loaded)) as database:
                for table in tables:
                    _copy_rows(copy, database, table)
                _copy_sequences(copy, database, tables)
                database.commit()
                violation = database.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.IntegrityError as error:
            raise DamagedError(scratch, f"a row breaks a rule: {error}") from error
        except sqlite3.Error as error:
            raise _describe_error(error, scratch, Path(folder)) from error
        if violation:
            reason = f"a row of {violation[0]} refers to one that is not there"
            raise DamagedError(scratch, reason)
        yield loaded


def _copy_rows(copy: sqlite3.Connection, database: sqlite3.Connection, table: str) -> None:
    """Copy value by value; no index of the backup is used."""
    columns = _columns(database, table)
    names, marks = ", ".join(map(_quote, columns)), ", ".join("?" for _ in columns)
    rows = copy.execute(f"SELECT {names} FROM {_quote(table)} NOT INDEXED")  # noqa: S608  # quoted
    database.executemany(
        f"INSERT INTO {_quote(table)} ({names}) VALUES ({marks})",  # noqa: S608  # quoted
        rows,
    )


def _copy_sequences(copy: sqlite3.Connection, database: sqlite3.Connection, tables: Tables) -> None:
    """Continue the keys where they were: none is given out twice."""
    for name, number in copy.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
        if name in tables and isinstance(number, int):
            database.execute("DELETE FROM sqlite_sequence WHERE name = ?", [name])
            database.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", [name, number])


def _refuse_foreign_objects(copy: sqlite3.Connection) -> None:
    """Refuse triggers, views, virtual tables, generated columns and indexes of expressions.

    Only reads what the schema says, and evaluates nothing of it.
    """
    objects = copy.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    for kind, name, sql in objects:
        ordinary = ORDINARY_SQL.get(kind)
        # An index without SQL belongs to a constraint of its table.
        is_of_constraint = kind == "index" and sql is None
        if not (is_of_constraint or (ordinary and ordinary.match(str(sql)))):
            raise ForeignError(f"the {kind} {name}")
    for kind, name, _ in objects:
        pragma = "table_xinfo" if kind == "table" else "index_xinfo"
        for row in copy.execute(f"PRAGMA {pragma}({_quote(name)})"):
            if kind == "table" and row[-1] != ORDINARY_COLUMN:
                raise ForeignError(f"the generated column {row[1]} of the table {name}")
            if kind == "index" and row[1] == EXPRESSION:
                raise ForeignError(f"the index {name} of an expression")


@contextmanager
def _open(scratch: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that anyone may have made, to read it."""
    uri = f"{scratch.as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as copy:
        copy.execute("PRAGMA trusted_schema=OFF")
        copy.execute("PRAGMA cell_size_check=ON")
        yield copy


def _check_integrity(copy: sqlite3.Connection, path: Path) -> None:
    problems = [problem for (problem,) in copy.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise DamagedError(path, "; ".join(problems))


def _describe_error(error: sqlite3.Error, path: Path, folder: Path | None = None) -> BackupError:
    """Return the error in words: `path` is what was read, `folder` where the copy was written."""
    name = getattr(error, "sqlite_errorname", "")
    if not name:
        # Of Python's own module, whose message repeats the text; it may be about people.
        return DamagedError(path, "a text in it cannot be read")
    if name in DISK_FULL:
        return describe_os_error(OSError(errno.ENOSPC, "no room"), folder or path.parent)
    if name in DAMAGED:
        return DamagedError(path, error)
    return BackupError(f"SQLite could not do it: {error} ({name}).")


def _tables(copy: sqlite3.Connection) -> list[str]:
    tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in tables if name not in INTERNAL_TABLES]


def _columns(copy: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in copy.execute(f"PRAGMA table_xinfo({_quote(table)})")]


def _count_rows(copy: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {_quote(table)} NOT INDEXED"  # noqa: S608  # quoted
    (count,) = copy.execute(query).fetchone()
    return int(count)


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _database() -> Path:
    return Path(str(connection.settings_dict["NAME"]))
