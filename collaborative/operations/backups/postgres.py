"""PostgreSQL's side of backups: its own programs, pg_dump, pg_restore and psql.

The password goes to them in the environment, which only the same user can read, and never on a
command line, which everybody can.
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

from collaborative.operations.backups.archives import BackupError, DamagedError

Migrations = set[tuple[str, str]]
FROM = {"NAME": "PGDATABASE", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
FROM |= {"HOST": "PGHOST", "PORT": "PGPORT"}
OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "options")
# The database is the portal's own: who owns what there is not for the backup to say.
PLAIN = ["--no-owner", "--no-privileges", "--no-comments"]
TABLE = re.compile(rb'^COPY (?:\w+\.|"[^"]+"\.)?"?([^" ]+)"? \((.*)\) FROM stdin;$')
PATIENCE = "SET lock_timeout = '15s';\n"  # for those who still use the tables


def dump(writer: IO[bytes], without: list[str]) -> None:
    """Write the database as it is at one moment; leaves out the rows of the tables `without`."""
    with dumping(without) as reader:
        shutil.copyfileobj(reader, writer)


def dumping(without: list[str]) -> AbstractContextManager[IO[bytes]]:
    """What `dump` writes, to read; ends with an error if not all of it came."""
    left_out = [f"--exclude-table-data=*.{table}" for table in without]
    return _output([_program("pg_dump"), "--format=custom", "--no-password", *PLAIN, *left_out])


def restore(scratch: Path, database: str = "") -> None:
    """Put what `scratch` holds in the place of all tables, in one transaction; in `database`,
    an empty one, if that is named."""
    psql = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--no-password"]
    psql += ["--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"]
    with _running(psql, stdin=subprocess.PIPE, database=database) as process:
        writer = _open(process.stdin)
        try:
            writer.write((PATIENCE + ("" if database else _drop())).encode())
            with _script(scratch) as reader:
                writer.writelines(_head(reader))
                shutil.copyfileobj(reader, writer)
            writer.close()  # what commits it
        except BrokenPipeError:
            pass  # psql has ended and says why
        except BaseException:
            process.kill()  # before the script ends, so that nothing is committed
            raise


def _head(reader: IO[bytes]) -> Iterator[bytes]:
    """The first lines of a script, which set up the session, without what only a newer server
    knows: a client of version 17 writes it for older ones too."""
    for line in reader:
        if line.startswith(b"SET transaction_timeout") and _server() < 17:
            continue
        yield line
        if line.startswith(b"SET row_security"):  # the last of them
            return


def read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    """The migrations and the number of rows of each table; refuses a damaged file.

    All of the file is read and unpacked.
    """
    _program("pg_restore")
    try:
        done, rows = _read(scratch)
    except (BackupError, ValueError) as error:
        if "unsupported version" in str(error):  # written by a newer pg_dump
            raise
        raise DamagedError(scratch, error) from error
    if not done:
        raise BackupError(f"{scratch.name} is a PostgreSQL archive, but not one of the portal.")
    return done, rows


def _read(scratch: Path) -> tuple[Migrations, dict[str, int]]:
    done: Migrations = set()
    rows: dict[str, int] = {}
    table, columns = "", [b""]
    with _script(scratch, "--data-only") as reader:
        for line in reader:
            if not table:
                found = TABLE.match(line.rstrip(b"\n"))
                if found:
                    table, columns = found[1].decode(), found[2].split(b", ")
                    rows[table] = 0
            elif line == b"\\.\n":
                table = ""
            else:
                rows[table] += 1
                if table == "django_migrations":
                    row = dict(zip(columns, line.rstrip(b"\n").split(b"\t"), strict=True))
                    done.add((row[b"app"].decode(), row[b"name"].decode()))
    return done, rows


def try_out(scratch: Path) -> bool:
    """Restore into a database of its own that is dropped again; False if we may not make one."""
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


def _script(scratch: Path, *options: str) -> AbstractContextManager[IO[bytes]]:
    return _output([_program("pg_restore"), *PLAIN, *options, "--file=-", str(scratch)])


@contextmanager
def _output(command: list[str]) -> Iterator[IO[bytes]]:
    with _running(command, stdout=subprocess.PIPE) as process:
        yield _open(process.stdout)


def _drop() -> str:
    """SQL that drops the tables of today: an older backup may not know all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [connection.ops.quote_name(row[0]) for row in cursor.fetchall()]
    return f"DROP TABLE {', '.join(names)} CASCADE;\n" if names else ""


@contextmanager
def _running(
    command: list[str], *, database: str = "", **pipes: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A client program, which ends with the block; one that fails is told in its own words."""
    with tempfile.TemporaryFile() as says:
        process = subprocess.Popen(  # noqa: S603  # our own words only, and no shell
            command, stderr=says, env=_environment(database), **pipes
        )
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # it has ended, and leaves what was still to come
                    if pipe:
                        pipe.close()
            process.wait()
        if code:
            says.seek(0)
            words = " ".join(says.read().decode(errors="replace").strip().splitlines()[:3])
            if "lock timeout" in words:
                words = "something still uses the database. Stop the portal and its sender first."
            raise BackupError(f"{Path(command[0]).name} failed: {words}")


def _program(name: str) -> str:
    """Where a client program is; refuses one that is missing or older than the server."""
    path = shutil.which(name, path=settings.PG_BIN or None)
    major = _server()
    ask = f"Install PostgreSQL's client programs, version {major} or newer, or set PG_BIN."
    if path is None:
        raise BackupError(f"{name} is not there. {ask}")
    said = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    found = re.search(r"\) (\d+)", said.stdout)
    if not found or int(found[1]) < major:
        version = found[1] if found else "unknown"
        raise BackupError(f"{name} is version {version}, the server is version {major}. {ask}")
    return path


def _server() -> int:
    connection.ensure_connection()
    version: int = connection.pg_version  # type: ignore[attr-defined]  # of this backend
    return version // 10000


def _environment(database: str) -> dict[str, str]:
    """The environment in which the client programs find the database."""
    given = connection.settings_dict
    found = {name: str(given[key]) for key, name in FROM.items() if given.get(key)}
    options = {key: given["OPTIONS"][key] for key in OPTIONS if given["OPTIONS"].get(key)}
    found |= {f"PG{key.upper()}": str(value) for key, value in options.items()}
    if database:
        found["PGDATABASE"] = database
    return {**os.environ, **found, "LC_ALL": "C.UTF-8"}


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BackupError("The client program has no pipe.")
    return pipe
