"""Backups of PostgreSQL, by its own client programs pg_dump, pg_restore and psql.

They get the password in the environment, which only the same user can read, and never on a command
line, which everybody can.
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

from django.conf import settings
from django.db import Error, connection

from collaborative.operations.backups.archives import BackupError, DamagedError, Migrations

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
COPY_LINE = re.compile(rb'^COPY (?:\w+\.|"[^"]+"\.)?"?([^" ]+)"? \((.*)\) FROM stdin;$')
SET_LOCK_TIMEOUT = "SET lock_timeout = '15s';\n"


def open_dump(excluded: list[str]) -> AbstractContextManager[IO[bytes]]:
    """Open the database as it is at one moment, as an archive to read.

    Leaves out the rows of the tables `excluded`. Ends with BackupError if not all of it came.
    """
    options = [f"--exclude-table-data=*.{table}" for table in excluded]
    command = [_find_program("pg_dump"), "--format=custom", "--no-password"]
    return _open_output([*command, *WITHOUT_OWNERS, *options])


def restore(scratch: Path, database: str = "") -> None:
    """Replace all tables by what the archive `scratch` holds, in one transaction.

    With `database`, an empty one, load it there instead.
    """
    psql = [_find_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction"]
    psql += ["--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"]
    with _run(psql, stdin=subprocess.PIPE, database=database) as process:
        writer = _require_pipe(process.stdin)
        try:
            writer.write((SET_LOCK_TIMEOUT + ("" if database else _drop_tables())).encode())
            with _open_script(scratch) as reader:
                writer.writelines(_session_setup(reader))
                shutil.copyfileobj(reader, writer)
            # The end of the script commits the transaction.
            writer.close()
        except BrokenPipeError:
            # psql has ended, and _run() reports why.
            pass
        except BaseException:
            # Before the script ends, so that nothing is committed.
            process.kill()
            raise


def _session_setup(reader: IO[bytes]) -> Iterator[bytes]:
    """Yield the first lines of a script, which set up the session, without what only a newer
    server knows: a client of version 17 writes it for older ones too."""
    for line in reader:
        if line.startswith(b"SET transaction_timeout") and _server_version() < 17:
            continue
        yield line
        # The last of them.
        if line.startswith(b"SET row_security"):
            return


def read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    """Return the migrations and the number of rows of each table; refuse a damaged file.

    The whole file is read and unpacked.
    """
    _find_program("pg_restore")
    try:
        migrations, rows = _read(scratch)
    except (BackupError, ValueError) as error:
        # Written by a newer pg_dump.
        if "unsupported version" in str(error):
            raise
        raise DamagedError(scratch, error) from error
    if not migrations:
        raise BackupError(f"{scratch.name} is a PostgreSQL archive, but not one of the portal.")
    return migrations, rows


def _read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    migrations: Migrations = set()
    rows: dict[str, int] = {}
    table, columns = "", [b""]
    with _open_script(scratch, "--data-only") as reader:
        for line in reader:
            if not table:
                copy = COPY_LINE.match(line.rstrip(b"\n"))
                if copy:
                    table, columns = copy[1].decode(), copy[2].split(b", ")
                    rows[table] = 0
            elif line == b"\\.\n":
                table = ""
            else:
                rows[table] += 1
                if table == "django_migrations":
                    row = dict(zip(columns, line.rstrip(b"\n").split(b"\t"), strict=True))
                    migrations.add((row[b"app"].decode(), row[b"name"].decode()))
    return migrations, rows


def restore_into_scratch_database(scratch: Path) -> bool:
    """Restore into a new database that is dropped afterwards; return False if the role may not
    create one."""
    name = f"portal_check_{secrets.token_hex(6)}"
    quoted = connection.ops.quote_name(name)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted} TEMPLATE template0")
    except Error:
        return False
    try:
        restore(scratch, name)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted}")
    return True


def _open_script(scratch: Path, *options: str) -> AbstractContextManager[IO[bytes]]:
    """Open the SQL script of an archive."""
    command = [_find_program("pg_restore"), *WITHOUT_OWNERS]
    return _open_output([*command, *options, "--file=-", str(scratch)])


@contextmanager
def _open_output(command: list[str]) -> Iterator[IO[bytes]]:
    with _run(command, stdout=subprocess.PIPE) as process:
        yield _require_pipe(process.stdout)


def _drop_tables() -> str:
    """Return SQL that drops the tables of today: an older backup may not know all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]
    return f"DROP TABLE {', '.join(names)} CASCADE;\n" if names else ""


@contextmanager
def _run(
    command: list[str], *, database: str = "", **pipes: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client program, which ends with the block; if it fails, raise what it said."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # our own words only, and no shell
            command, stderr=errors, env=_environment(database), **pipes
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
            if "lock timeout" in reason:
                reason = (
                    "something still uses the database. Stop the portal and its mail worker first."
                )
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


def _environment(database: str) -> dict[str, str]:
    """Return the environment in which the client programs find the database."""
    config = connection.settings_dict
    variables = {name: str(config[key]) for key, name in VARIABLES.items() if config.get(key)}
    options = {key: config["OPTIONS"].get(key) for key in PASSED_OPTIONS}
    variables |= {f"PG{key.upper()}": str(value) for key, value in options.items() if value}
    if database:
        variables["PGDATABASE"] = database
    return {**os.environ, **variables, "LC_ALL": "C.UTF-8"}


def _require_pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BackupError("The client program has no pipe.")
    return pipe
