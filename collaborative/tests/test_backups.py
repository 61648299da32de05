"""Backups on the real database of the run: complete or not at all, and no good one is lost."""

import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connection, connections

from collaborative.models import JobRun
from collaborative.operations.backups import archives
from collaborative.operations.backups.create import excluded_tables
from collaborative.operations.jobs import is_locked
from collaborative.tests.backup_files import (
    back_up,
    environment,
    files,
    locked_elsewhere,
    on_database,
    run,
)
from collaborative.tests.ports import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("backup_dir")]


# Refusals ------------------------------------------------------------------------------------


def test_backup_without_a_folder_says_what_to_set(settings):
    settings.BACKUP_DIR = ""
    with pytest.raises(CommandError, match="No backup was made. BACKUP_DIR is not set. Set it to"):
        run("backup")
    assert JobRun.objects.get().succeeded is False


def test_backup_into_a_folder_that_is_a_file_is_refused(backup_dir):
    backup_dir.rmdir()
    backup_dir.write_text("")
    with pytest.raises(CommandError, match="backups cannot be used"):
        run("backup")


def test_backup_folder_is_created_in_development_only(member, backup_dir, settings):
    """A folder is missing when its disk is not mounted."""
    backup_dir.rmdir()
    with pytest.raises(CommandError, match=r"backups is not there. Mount its disk, or make it onc"):
        run("backup")
    assert not backup_dir.exists()
    settings.DEBUG = True
    assert back_up().parent == backup_dir


@pytest.mark.both_databases
@pytest.mark.parametrize("content", ["missing", "empty", "strange"])
def test_backup_of_another_database_is_refused_and_deletes_none(
    member, backup_dir, tmp_path, settings, content
):
    existing = back_up()
    settings.BACKUP_KEEP = 1
    with (
        database(tmp_path, content) as url,
        on_database(url),
        pytest.raises(CommandError, match="does not hold the portal|does not exist"),
    ):
        run("backup")
    assert list(backup_dir.iterdir()) == [existing]
    if content == "missing":
        assert not list(tmp_path.glob("other*"))


@contextmanager
def database(folder: Path, content: str) -> Iterator[str]:
    """The address of another database: "missing", "empty", or with "strange" tables."""
    if connection.vendor == "sqlite":
        path = folder / "other.sqlite3"
        if content != "missing":
            path.touch()
        if content == "strange":
            sqlite3.connect(path).execute("CREATE TABLE note (id)").connection.close()
        yield f"sqlite:///{path}"
        return
    name = database_url().rsplit("/", 1)[0] + "/portal_other"
    with connection.cursor() as cursor:
        if content != "missing":
            cursor.execute("CREATE DATABASE portal_other TEMPLATE template0")
        try:
            if content == "strange":
                with on_database(name), connections["default"].cursor() as other:
                    other.execute("CREATE TABLE note (id int)")
            yield name
        finally:
            cursor.execute("DROP DATABASE IF EXISTS portal_other")


@pytest.mark.both_databases
def test_backup_is_refused_while_another_is_made(backup_dir):
    with (
        locked_elsewhere("backup"),
        pytest.raises(CommandError, match="Another backup is being made right now"),
    ):
        run("backup")
    assert files() == []


@contextmanager
def little_room() -> Iterator[None]:
    """No file of this process, or of a program that it runs, can be longer than 20,000 bytes."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


@pytest.mark.both_databases
def test_backup_on_a_full_disk_keeps_the_old_ones_and_nothing_else(member, backup_dir):
    old = back_up()
    before = old.read_bytes()
    with (
        little_room(),
        pytest.raises(CommandError, match="No backup was made. There is no room left"),
    ):
        run("backup")
    assert list(backup_dir.iterdir()) == [old]
    assert old.read_bytes() == before


def test_encrypted_backup_on_a_full_disk_leaves_nothing(member, backup_dir, identity):
    with little_room(), pytest.raises(CommandError, match="There is no room left"):
        run("backup")
    assert list(backup_dir.iterdir()) == []


def test_killed_backup_leaves_no_file_that_looks_like_one(backup_dir):
    """Killed before the file gets its name: it is hidden, and deleted by the next backup."""
    script = (
        "import django; django.setup()\n"
        "import os, signal, pathlib\n"
        "from collaborative.operations.backups import create\n"
        "pathlib.Path.rename = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "create.make_backup()\n"
    )
    env = environment(DJANGO_SETTINGS_MODULE="collaborative.settings")
    done = subprocess.run([sys.executable, "-c", script], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = backup_dir.iterdir()
    assert left.name.startswith(".")
    assert archives.list_backups(backup_dir) == []
    while is_locked("backup"):  # PostgreSQL notices soon that its client has gone
        pass
    new = back_up()
    assert list(backup_dir.iterdir()) == [new]
    killed, existing = JobRun.objects.order_by("pk")
    assert (killed.succeeded, existing.succeeded) == (False, True)
    assert "killed before it could record" in killed.outcome


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite needs no programs")
def test_backup_without_the_client_programs_says_what_to_install(settings, tmp_path):
    settings.PG_BIN = str(tmp_path)
    with pytest.raises(CommandError, match=r"pg_dump is not there. Install .* version \d+ or new"):
        run("backup")
    assert files() == []


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite needs no programs")
def test_backup_with_older_client_programs_is_refused(settings, tmp_path):
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    settings.PG_BIN = str(tmp_path)
    with pytest.raises(CommandError, match="pg_dump is version 9, the server is version"):
        run("backup")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no password")
def test_backup_passes_no_password_on_a_command_line(settings, tmp_path, monkeypatch):
    """The program is replaced by one that logs its command line."""
    fake = tmp_path / "pg_dump"
    fake.write_text(
        '#!/bin/sh\necho "$@ $PGPASSWORD" >>"$0.log"\n'
        'test "$1" = --version && echo "x (x) 99.1" && exit; exit 3\n'
    )
    fake.chmod(0o755)
    settings.PG_BIN = str(tmp_path)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")
    with pytest.raises(CommandError, match="pg_dump failed"):
        run("backup")
    (*words, last) = (tmp_path / "pg_dump.log").read_text().splitlines()[1].split()
    assert last == "hunter2"
    assert "hunter2" not in " ".join(words)


# The files -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_backup_is_private_and_named_by_its_time(member):
    before = datetime.now(UTC).replace(microsecond=0)
    file = back_up()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    named = datetime.strptime(file.name[7:23], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert before <= named <= datetime.now(UTC)


def test_backup_command_says_whether_it_is_encrypted(member, identity, settings):
    assert "encrypted" in run("backup")
    (file,) = files()
    assert file.name.endswith(".age")
    assert member.email.encode() not in file.read_bytes()
    settings.BACKUP_KEY = ""
    assert "Anyone who has the file can read it" in run("backup")


@pytest.mark.both_databases
def test_backup_keeps_the_newest_and_unknown_files(member, settings, backup_dir):
    settings.BACKUP_KEEP = 2
    strange = [backup_dir / "portal-20200101T000000Z.sqlite3", backup_dir / "notes.txt"]
    for path in strange:
        # Empty: no backup, and no reason to delete a good one.
        path.write_text("")
    backups = [back_up() for _ in range(2)]
    run("backup")
    assert backups[0] not in files()
    assert backups[1] in files()
    assert all(path.exists() for path in strange)


def test_backup_is_kept_even_if_the_clock_went_back(member, settings, backup_dir):
    settings.BACKUP_KEEP = 1
    newer = back_up()
    future = backup_dir / "portal-20990101T000000Z.sqlite3"
    newer.rename(future)
    run("backup")
    (left,) = files()
    assert left != future


def test_backup_run_has_file_size_and_encryption(member, identity):
    file = back_up()
    run = JobRun.objects.get()
    size = file.stat().st_size
    where = {"folder": str(file.parent), "file": file.name}
    assert run.details == {**where, "bytes": size, "encrypted": True}


@pytest.mark.both_databases
def test_excluded_tables_are_those_of_sessions_codes_and_cache():
    tables = {"django_session", "usersessions_usersession", "members_sentcode"}
    assert tables <= set(excluded_tables())
