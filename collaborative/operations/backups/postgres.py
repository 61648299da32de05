"""Backups of PostgreSQL, by its own client programs: pg_dump writes them, pg_restore unpacks them.

No SQL of a backup is run: its rows are copied into tables of the portal's own, and whatever else
the script of an archive says is refused. The programs get the password in the environment, which
only the same user can read, and never on a command line, which everybody can.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psycopg
from django.conf import settings
from django.db import DataError, Error, IntegrityError, OperationalError, connection, transaction

from collaborative.operations.backups.archives import (
    BackupError,
    Contents,
    DamagedError,
    ForeignError,
    Migrations,
    Tables,
)
from collaborative.operations.backups.schema import create_tables, scratch_database

# Django's settings of a database, and the variables in which the programs expect them.
VARIABLES = {
    "NAME": "PGDATABASE",
    "USER": "PGUSER",
    "PASSWORD": "PGPASSWORD",
    "HOST": "PGHOST",
    "PORT": "PGPORT",
}
PASSED_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "options")
# Owners and privileges belong to the server that a backup is restored on.
WITHOUT_OWNERS = ["--no-owner", "--no-privileges", "--no-comments"]
# The lines of a script of rows that are used, and then those that may stand there besides.
COPY_LINE = re.compile(
    rb'COPY (?:\w+\.|"[^"]+"\.)?(?P<table>\w+|"[^"]+") '
    rb'\((?P<columns>(?:\w+|"[^"]+")(?:, (?:\w+|"[^"]+"))*)\) FROM stdin;\n'
)
SETVAL_LINE = re.compile(
    rb"""SELECT pg_catalog\.setval\('(?:\w+\.|"[^"]+"\.)?(?P<name>\w+|"[^"]+")', """
    rb"(?P<value>\d{1,19}), (?P<called>true|false)\);\n"
)
IGNORED_LINE = re.compile(
    rb"(?:|--.*|SET (?!client_encoding)\w+ = [\w']*;|SET client_encoding = 'UTF8';"
    rb"|SELECT pg_catalog\.set_config\('search_path', '', false\);|\\(?:un)?restrict \w+)\n"
)
# A line of the list of an archive: its numbers, and what it is of which schema and name.
ENTRY_NUMBERS = re.compile(r"^\d+; \d+ \d+ ")
ACCEPTED_ENTRY = re.compile(
    r"(?P<kind>TABLE DATA|TABLE|SEQUENCE OWNED BY|SEQUENCE SET|SEQUENCE|FK CONSTRAINT|CONSTRAINT"
    r"|DEFAULT|INDEX|SCHEMA) (?P<schema>\S+) (?P<name>\S+).*"
)
SET_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '15s'"
SQLSTATE_LOCK_NOT_AVAILABLE = "55P03"


def open_dump(excluded: list[str]) -> AbstractContextManager[IO[bytes]]:
    """Open the database as it is at one moment, as an archive to read.

    Leaves out the rows of the tables `excluded`, and extensions. Ends with BackupError if not all
    of it came.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
    options = [f"--exclude-table-data=*.{table}" for table in excluded]
    command = [_find_program("pg_dump"), "--format=custom", "--no-password", "--encoding=UTF8"]
    command.append(f"--schema={connection.ops.quote_name(schema)}")
    return _open_output([*command, *WITHOUT_OWNERS, *options])


def restore(scratch: Path, contents: Contents, tables: Tables) -> None:
    """Replace all tables by those of the recorded migrations, with the rows of `tables`, in one
    transaction."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(SET_LOCK_TIMEOUT)
                cursor.execute(_drop_tables())
            create_tables(contents.migrations)
            _load_rows(scratch, tables)
            connection.check_constraints()
    except (IntegrityError, DataError) as error:
        raise DamagedError(scratch, f"a row breaks a rule: {_reason(error)}") from error
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != SQLSTATE_LOCK_NOT_AVAILABLE:
            raise
        raise BackupError(
            "The tables cannot be replaced: something still uses the database. Stop the portal and "
            "its mail worker first."
        ) from error


def check(scratch: Path, contents: Contents, tables: Tables) -> bool:
    """Restore into a new database that is dropped afterwards; return False if the role may not
    create one."""
    name = f"portal_check_{secrets.token_hex(6)}"
    quoted = connection.ops.quote_name(name)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted} TEMPLATE template0")
    except Error:
        return False
    config = connection.settings_dict
    options = {key: value for key, value in config["OPTIONS"].items() if key != "pool"}
    try:
        with scratch_database({**config, "NAME": name, "OPTIONS": options}):
            restore(scratch, contents, tables)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted}")
    return True


def read(scratch: Path) -> Contents:
    """Return what is in an archive; refuse a damaged one, and all that is not of a table.

    The whole file is read and unpacked.
    """
    _find_program("pg_restore")
    try:
        names = _read_names(scratch)
        columns, rows, migrations = _read_rows(scratch)
    except (BackupError, KeyError, ValueError) as error:
        # Written by a newer pg_dump.
        if isinstance(error, ForeignError) or "unsupported version" in str(error):
            raise
        raise DamagedError(scratch, error) from error
    if not migrations:
        raise BackupError(f"{scratch.name} is a PostgreSQL archive, but not one of the portal.")
    without_rows = {name: set[str]() for name in names - columns.keys()}
    return Contents(migrations=migrations, columns=columns | without_rows, rows=rows)


def _reason(error: Error) -> str:
    """Return which rule a row breaks, without its values: they may be about people."""
    cause = error.__cause__
    if isinstance(error, IntegrityError) and isinstance(cause, psycopg.Error):
        return cause.diag.message_primary or ""
    return type(cause).__name__


def _read_names(scratch: Path) -> set[str]:
    """Return the names of all tables in an archive; refuse anything that is not of a table, or is
    of another schema than the portal's."""
    entries = []
    with _open_output([_find_program("pg_restore"), "--list", str(scratch)]) as reader:
        for line in reader:
            text = line.decode(errors="replace").strip()
            if text and not text.startswith(";"):
                described = ENTRY_NUMBERS.sub("", text)
                accepted = ACCEPTED_ENTRY.fullmatch(described)
                if not accepted:
                    raise ForeignError(described)
                entries.append(accepted)
    tables = [entry for entry in entries if entry["kind"] in {"TABLE", "TABLE DATA"}]
    schemas = {entry["schema"] for entry in tables if entry["name"] == "django_migrations"}
    for entry in entries:
        schema = entry["name"] if entry["kind"] == "SCHEMA" else entry["schema"]
        if {schema} != schemas:
            raise ForeignError(entry[0])
    return {entry["name"] for entry in tables}


def _read_rows(scratch: Path) -> tuple[Tables, dict[str, int], Migrations]:
    tables: Tables = {}
    counts: dict[str, int] = {}
    migrations: Migrations = set()
    with _open_rows(scratch) as reader:
        for table, columns, rows in _copy_blocks(reader, []):
            tables[table], counts[table] = set(columns), 0
            for row in rows:
                counts[table] += 1
                if table == "django_migrations":
                    values = row.decode().rstrip("\n").split("\t")
                    named = dict(zip(columns, values, strict=True))
                    migrations.add((named["app"], named["name"]))
    return tables, counts, migrations


def _load_rows(scratch: Path, tables: Tables) -> None:
    """Copy the rows of `tables` into the empty ones, and continue their keys."""
    quote = connection.ops.quote_name
    sequences: list[tuple[str, int, bool]] = []
    with _open_rows(scratch) as reader, connection.cursor() as cursor:
        # Some migrations have ended that, and rows refer to rows of later tables.
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table, columns, rows in _copy_blocks(reader, sequences):
            if table not in tables:
                # Not restored, like sessions: only read to its end.
                for _ in rows:
                    pass
                continue
            statement = f"COPY {quote(table)} ({', '.join(map(quote, columns))}) FROM STDIN"
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write(row)
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")
        known = {name for (name,) in cursor.fetchall()}
        for name, value, called in sequences:
            if name not in known:
                raise ForeignError(f"the sequence {name}")
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [quote(name), value, called])


def _copy_blocks(
    reader: IO[bytes], sequences: list[tuple[str, int, bool]]
) -> Iterator[tuple[str, list[str], Iterator[bytes]]]:
    """Yield each table of a script with its columns and lines of rows, which must all be taken
    before the next; add the last keys to `sequences`. Refuses any other statement."""
    for line in reader:
        if copy := COPY_LINE.fullmatch(line):
            columns = [_unquote(column) for column in copy["columns"].split(b", ")]
            yield _unquote(copy["table"]), columns, _rows(reader)
        elif setval := SETVAL_LINE.fullmatch(line):
            value, called = int(setval["value"]), setval["called"] == b"true"
            sequences.append((_unquote(setval["name"]), value, called))
        elif not IGNORED_LINE.fullmatch(line):
            raise ForeignError(f"the statement {line[:80].decode(errors='replace').strip()!r}")


def _rows(reader: IO[bytes]) -> Iterator[bytes]:
    for line in reader:
        if line == b"\\.\n":
            return
        yield line


def _unquote(name: bytes) -> str:
    return name.decode().strip('"')


def _open_rows(scratch: Path) -> AbstractContextManager[IO[bytes]]:
    """Open the script of an archive's rows."""
    command = [_find_program("pg_restore"), *WITHOUT_OWNERS, "--data-only", "--file=-"]
    return _open_output([*command, str(scratch)])


@contextmanager
def _open_output(command: list[str]) -> Iterator[IO[bytes]]:
    with _run(command, stdout=subprocess.PIPE) as process:
        yield _require_pipe(process.stdout)


def _drop_tables() -> str:
    """Return SQL that drops the tables of today: an older backup may not know all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]
    return f"DROP TABLE {', '.join(names)} CASCADE" if names else "SELECT 1"


@contextmanager
def _run(command: list[str], **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client program, which ends with the block; if it fails, raise what it said."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # our own words only, and no shell
            command, stderr=errors, env=_environment(), **pipes
        )
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                # It may have ended without reading the rest.
                with suppress(OSError):
                    if pipe:
                        pipe.close()
            process.wait()
        if code:
            errors.seek(0)
            reason = " ".join(errors.read().decode(errors="replace").strip().splitlines()[:3])
            raise BackupError(f"{Path(command[0]).name} failed: {reason}")


def _find_program(name: str) -> str:
    """Return the path of a client program; refuse one that is missing or older than the server."""
    path = shutil.which(name, path=settings.PG_BIN or None)
    required = _server_version()
    hint = f"Install PostgreSQL's client programs, version {required} or newer, or set PG_BIN."
    if path is None:
        raise BackupError(f"{name} is not there. {hint}")
    result = subprocess.run(  # noqa: S603  # our own words only, and no shell
        [path, "--version"], check=False, capture_output=True, text=True
    )
    match = re.search(r"\) (\d+)", result.stdout)
    version = match[1] if match else "unknown"
    if not match or int(version) < required:
        raise BackupError(f"{name} is version {version}, the server is version {required}. {hint}")
    return path


def _server_version() -> int:
    connection.ensure_connection()
    version: int = connection.pg_version  # type: ignore[attr-defined]  # of this backend
    return version // 10000


def _environment() -> dict[str, str]:
    """Return the environment in which the client programs find the database."""
    config = connection.settings_dict
    variables = {name: str(config[key]) for key, name in VARIABLES.items() if config.get(key)}
    options = {key: config["OPTIONS"].get(key) for key in PASSED_OPTIONS}
    variables |= {f"PG{key.upper()}": str(value) for key, value in options.items() if value}
    return {**os.environ, **variables, "LC_ALL": "C.UTF-8"}


def _require_pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BackupError("The client program has no pipe.")
    return pipe
