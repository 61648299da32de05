"""Restoring, on the real database of the run: every row is back, or nothing has changed."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from post_office.models import Email

from collaborative.models import JobRun
from collaborative.operations.backups import postgres
from collaborative.tests.backup_files import (
    back_up,
    checksums,
    files,
    locked_elsewhere,
    on_database,
    run,
)
from collaborative.tests.conftest import put
from collaborative.tests.ports import database_url
from conftest import make_member
from members.models import EmailDomain, Member, Organization
from teams.services import add_organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("backup_dir")]


# Refusals of a restore ---------------------------------------------------------------------


@pytest.mark.both_databases
def test_restore_into_a_database_with_data_is_refused(member):
    file = back_up()
    before = checksums()
    with pytest.raises(CommandError, match="Nothing was restored. The database holds data"):
        run("restore", str(file))
    assert checksums() == before


def test_restore_beside_a_running_mail_worker_is_refused(member):
    file = back_up()
    with (
        locked_elsewhere("mail_worker"),
        pytest.raises(CommandError, match="A mail worker is running"),
    ):
        run("restore", str(file), "--replace")


@pytest.mark.parametrize("command", [["--check"], ["--replace"]])
def test_restore_of_a_newer_version_is_refused(member, command):
    MigrationRecorder(connection).record_applied("teams", "0999_of_next_year")
    file = back_up()
    MigrationRecorder(connection).record_unapplied("teams", "0999_of_next_year")
    with pytest.raises(CommandError, match=r"newer version .* teams\.0999_of_next_year"):
        run("restore", str(file), *command)
    assert Member.objects.filter(pk=member.pk).exists()


EXPECTED = {
    "cut": r"portal-\S+ is damaged or incomplete: ",
    "other": r"portal-\S+ is not a backup",
    "missing": r"portal-\S+ cannot be used: No such file",
}


@pytest.mark.parametrize("command", [["--check"], ["--replace"]])
@pytest.mark.parametrize("damage", ["cut", "other", "missing"])
def test_restore_of_an_incomplete_backup_is_refused(member, tmp_path, damage, command):
    file = back_up()
    damaged = tmp_path / file.name
    if damage == "cut":
        content = file.read_bytes()
        damaged.write_bytes(content[: len(content) // 2])
    elif damage == "other":
        damaged.write_text("hello")
    with pytest.raises(CommandError, match=EXPECTED[damage]):
        run("restore", str(damaged), *command)
    assert Member.objects.filter(pk=member.pk).exists()
    assert files() == [file]


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_restore_of_a_damaged_encrypted_backup_is_refused(member, identity, damage):
    file = back_up()
    content = bytearray(file.read_bytes())
    if damage == "changed":
        content[len(content) // 2] ^= 1
    file.write_bytes(content if damage == "changed" else content[:-100])
    with pytest.raises(CommandError, match="is damaged or incomplete|cannot be decrypted"):
        run("restore", str(file), "--check", "--identity", str(identity))
    assert JobRun.objects.get(name="check").succeeded is False


def test_encrypted_backup_opens_only_with_its_own_key(member, identity, tmp_path):
    file = back_up()
    with pytest.raises(CommandError, match="is encrypted. Name the file with the key"):
        run("restore", str(file), "--check")
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(CommandError, match="cannot be decrypted with the key in other.txt"):
        run("restore", str(file), "--check", "--identity", str(other))
    other.write_text("nothing")
    with pytest.raises(CommandError, match="There is no line AGE-SECRET-KEY"):
        run("restore", str(file), "--check", "--identity", str(other))


@pytest.mark.both_databases
def test_restore_from_the_other_kind_of_database_is_refused(member, tmp_path):
    other = tmp_path / "portal.other"
    if connection.vendor == "sqlite":
        other.write_bytes(b"PGDMP and so on")
        expected = "The backup is of PostgreSQL, and DATABASE_URL names SQLite"
    else:
        sqlite3.connect(other).execute("CREATE TABLE note (id)").connection.close()
        expected = "not one of the portal"
    with pytest.raises(CommandError, match=expected):
        run("restore", str(other), "--replace")


@pytest.mark.both_databases
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the other way around")
def test_check_backup_of_postgresql_on_sqlite_says_what_it_needs(member, tmp_path):
    other = tmp_path / "portal.pgdump"
    other.write_bytes(b"PGDMP and so on")
    with pytest.raises(CommandError, match=r"portal.pgdump .* needs a PostgreSQL DATABASE_URL"):
        run("restore", str(other), "--check")


def test_failing_restore_changes_nothing(member, backup_dir):
    """The existing data could not be backed up."""
    file = back_up()
    before = checksums()
    moved = backup_dir.with_name("moved")
    backup_dir.rename(moved)
    backup_dir.write_text("in the way")
    with pytest.raises(CommandError, match="could not be kept aside, so it was not replaced"):
        run("restore", str(moved / file.name), "--replace")
    assert checksums() == before


@pytest.fixture
def interrupted_pg_restore(backup_dir, settings, tmp_path) -> None:
    """A pg_restore that unpacks the rows once, for the check, and dies in the middle afterwards."""
    real, fakes = Path(settings.PG_BIN), tmp_path / "bin"
    fakes.mkdir()
    (fakes / "pg_dump").symlink_to(real / "pg_dump")
    (fakes / "pg_restore").write_text(
        f'#!/bin/sh\ncase "$*" in *--data-only*) ;; *) exec "{real}/pg_restore" "$@";; esac\n'
        f'mkdir "$0.once" 2>/dev/null && exec "{real}/pg_restore" "$@"\n'
        f'"{real}/pg_restore" "$@" | head -n 60\nexit 1\n'
    )
    (fakes / "pg_restore").chmod(0o755)
    settings.PG_BIN = str(fakes)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="one step of SQLite's own")
@pytest.mark.usefixtures("interrupted_pg_restore")
def test_interrupted_restore_changes_nothing(member):
    file = back_up()
    before = checksums()
    with pytest.raises(CommandError, match="Nothing was restored. pg_restore failed"):
        run("restore", str(file), "--replace")
    assert checksums() == before


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite's readers are not in the way"
)
def test_restore_gives_up_while_a_table_is_used(member, monkeypatch):
    monkeypatch.setattr(postgres, "SET_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    file = back_up()
    reading, done = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with transaction.atomic():
            assert Member.objects.exists()
            reading.set()
            done.wait(60)
        connection.close()

    reader = threading.Thread(target=read_for_long)
    reader.start()
    try:
        assert reading.wait(60)
        with pytest.raises(CommandError, match="something still uses the database"):
            run("restore", str(file), "--replace")
    finally:
        done.set()
        reader.join()
    assert Member.objects.filter(pk=member.pk).exists()


# Successful restores -------------------------------------------------------------------------


CACHE_IN_DATABASE = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "django_cache",
}


@pytest.mark.both_databases
def test_restore_of_an_encrypted_backup_brings_back_every_row_of_every_table(
    member, applicant, goal, identity, backup_dir, client_for, settings
):
    options = ["--identity", str(identity)]
    put("An email that waits")
    before = checksums()
    file = back_up()
    Organization.objects.filter(pk=member.organization_id).update(name="Changed")
    Email.objects.all().delete()
    make_member("late@rush.example", name="Came later")
    settings.CACHES = settings.CACHES | {"default": CACHE_IN_DATABASE}
    client = client_for(member)
    put("Code", expires_at=timezone.now() + timedelta(minutes=15))
    put("Notice")
    assert checksums() != before
    output = run("restore", str(file), "--replace", *options)
    assert checksums() == before
    assert f"what was there before is in {backup_dir}/portal-" in output
    # That is never deleted, and can be restored, too; nobody is signed in by it, and no code lives
    # on.
    settings.BACKUP_KEEP = 1
    run("backup")
    run("backup")
    (aside,) = backup_dir.glob("*before-restore*")
    run("restore", str(aside), "--replace", *options)
    assert Member.objects.filter(email="late@rush.example").exists()
    assert client.get("/my/").status_code == 302
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()
    assert [email.subject for email in Email.objects.all()] == ["Notice"]


@pytest.fixture
def empty(tmp_path) -> Iterator[str]:
    """The address of an empty database."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.sqlite3'}"
        return
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE portal_new TEMPLATE template0")
        try:
            yield database_url().rsplit("/", 1)[0] + "/portal_new"
        finally:
            cursor.execute("DROP DATABASE portal_new")


@pytest.fixture
def newer_programs(backup_dir, settings, tmp_path) -> None:
    """Of version 17, whose pg_restore writes a setting that a server of version 16 does not know.
    SQLite needs none."""
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "pg_dump").symlink_to(Path(settings.PG_BIN) / "pg_dump")
    real = f'"{settings.PG_BIN}/pg_restore" "$@"'
    after = "s/^SET idle_in_transaction_session_timeout = 0;$/&\\nSET transaction_timeout = 0;/"
    script = f'[ "$1" = --version ] && exec {real}\n{real} | sed "{after}"\n'
    (newer / "pg_restore").write_text(f"#!/bin/sh\n{script}")
    (newer / "pg_restore").chmod(0o755)
    settings.PG_BIN = str(newer)


@pytest.mark.usefixtures("newer_programs")
def test_restore_into_an_empty_database_needs_no_replace(member, empty, caplog, tmp_path):
    file = back_up()
    content = file.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(content[: len(content) // 2])
    with on_database(empty):
        with pytest.raises(CommandError, match="The check failed"):
            run("restore", str(cut), "--check")
        assert "jobrun" not in caplog.text
        assert "Restored from portal-" in run("restore", str(file))
        run("migrate", "--check")
        with pytest.raises(CommandError, match="The database holds data"):
            run("restore", str(file))


@pytest.mark.both_databases
def test_backup_is_one_moment_while_others_write(administrator, backup_dir):
    """Writers add an organization and its domain in one transaction: a backup has both or none,
    and all that was acknowledged before it began."""
    stop, acknowledged = threading.Event(), []

    def write(writer: int) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                name = f"Clinic {writer} {number}"
                domain = f"c{writer}-{number}.example"
                add_organization(name, domains=[domain], by=administrator)
                acknowledged.append(name)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=[number]) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        while len(acknowledged) < 4:
            time.sleep(0.01)
        before = set(acknowledged)
        file = back_up()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    run("restore", str(file), "--replace")
    names = set(Organization.objects.values_list("name", flat=True))
    assert before <= names
    assert EmailDomain.objects.count() == len(names)
    assert Organization.history.count() == len(names)


@pytest.fixture
def older_backup(member, backup_dir) -> Path:
    """As if this version had added jobs: the backup has no table of theirs."""
    recorder = MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        editor.delete_model(JobRun)
    recorder.record_unapplied("collaborative", "0001_initial")
    file = back_up()
    with connection.schema_editor() as editor:
        editor.create_model(JobRun)
    recorder.record_applied("collaborative", "0001_initial")
    return file


def test_restore_migrates_an_older_backup(member, older_backup):
    """And restoring is a job."""
    run("restore", str(older_backup), "--replace")
    assert JobRun.objects.get(name="restore").succeeded
    assert Member.objects.filter(pk=member.pk).exists()


@pytest.fixture
def without_databases(older_backup) -> Iterator[None]:
    """The role of the portal may not make databases."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE ROLE modest; GRANT ALL ON ALL TABLES IN SCHEMA public TO modest; "
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO modest; SET ROLE modest"
        )
        yield
        cursor.execute("RESET ROLE; DROP OWNED BY modest; DROP ROLE modest")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no roles")
@pytest.mark.usefixtures("without_databases")
def test_check_backup_of_an_older_version_by_a_role_that_makes_no_databases(older_backup):
    output = run("restore", str(older_backup), "--check")
    assert "is whole (but not restored: that needs a role that may make databases): " in output
    assert "1 migrations older than this version" in output


@pytest.mark.both_databases
def test_check_backup_counts_changes_nothing_and_runs_no_definition(member, outsider):
    """The portal's own migrations make the tables, whatever the backup says about them."""
    file = back_up()
    if connection.vendor == "postgresql":
        old, new = b"CREATE TABLE public.teams_goal (", b"DROP TABLE public.teams_goal; --"
        content = file.read_bytes()
        assert content.count(old) == 1
        file.write_bytes(content.replace(old, new))
    before = checksums()
    output = run("restore", str(file), "--check")
    assert output.startswith(f"{file.name} is whole")
    assert f"{Member.objects.count()} members, 2 organizations, 2 memberships" in output
    assert checksums() == before
    assert files() == [file]
    assert JobRun.objects.get(name="check").details == {"file": file.name}
