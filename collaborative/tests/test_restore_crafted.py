"""Files that only look like backups: nothing in them runs, and what is not the portal's is refused.

Those with BACKUP_MAC_KEY also prove who wrote them.
"""

import hmac
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError
from django.db import connection
from psycopg.conninfo import make_conninfo

from collaborative.operations.backups import archives, postgres
from collaborative.operations.backups.encryption import encrypt
from collaborative.tests.backup_files import back_up, checksums, files, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("backup_dir")]
only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a file of SQLite")
only_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="an archive")
MAC_KEY = "0123456789" * 6


@pytest.fixture
def mac_key(settings) -> str:
    settings.BACKUP_MAC_KEY = MAC_KEY
    return MAC_KEY


def refusal(file: Path, *options: str) -> str:
    """What the command says to this file, which it must refuse, and leave everything alone."""
    before = checksums()
    with pytest.raises(CommandError) as caught:
        run("restore", str(file), *options)
    assert checksums() == before
    return str(caught.value)


# What a backup must not hold -----------------------------------------------------------------

SQLITE_EXTRAS = [
    (
        "CREATE TRIGGER evil AFTER INSERT ON members_member BEGIN "
        "UPDATE members_member SET is_superuser = 1; END",
        "the trigger evil",
    ),
    ("CREATE VIEW evil AS SELECT * FROM members_member", "the view evil"),
    ("CREATE TABLE evil (id)", "the table evil"),
    ("CREATE VIRTUAL TABLE evil USING fts5(word)", "the table evil"),
    ("CREATE INDEX evil ON members_member (hex(email))", "the index evil of an expression"),
    ("ALTER TABLE members_member ADD evil AS (hex(email))", "the generated column evil of the tab"),
    ("ALTER TABLE members_member ADD evil", "the column evil of the table members_member"),
]


@only_sqlite
@pytest.mark.parametrize(("statement", "name"), SQLITE_EXTRAS)
@pytest.mark.both_databases
def test_restore_of_a_crafted_sqlite_file_is_refused_by_name(member, tmp_path, statement, name):
    file = changed(back_up(), tmp_path, statement)
    assert f"Nothing was restored. The backup holds {name}" in refusal(file, "--replace")


@only_sqlite
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE sqlite_master SET sql = '{sql}' WHERE name = 'desk_export'"  # noqa: S608
        for sql in (
            "CREATE VIRTUAL TABLE desk_export USING fts5(a)",
            "CREATE VIEW desk_export AS SELECT 1",
            "nonsense",
        )
    ],
)
@pytest.mark.both_databases
def test_restore_of_a_forged_sqlite_schema_is_refused(member, tmp_path, statement):
    """Its text says something else than its type."""
    file = changed(back_up(), tmp_path, "PRAGMA writable_schema = ON", statement)
    said = refusal(file, "--check")
    assert "holds the table desk_export" in said or "is damaged" in said


@only_sqlite
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM members_organization", "refers to one that is not there"),
        ("UPDATE members_member SET job_title = cast(x'ff' AS TEXT)", "a text in it cannot be re"),
        ("DROP TABLE teams_goalupdate", "lacks the table teams_goalupdate"),
        ("ALTER TABLE members_member DROP COLUMN job_title", "lacks the column job_title of"),
        (
            "DELETE FROM django_migrations WHERE app = 'members' AND name = '0001_initial'",
            "without members.0001_initial",
        ),
    ],
)
@pytest.mark.both_databases
def test_restore_of_an_incomplete_sqlite_file_is_refused(member, tmp_path, statement, reason):
    assert reason in refusal(changed(back_up(), tmp_path, statement), "--check")


def changed(file: Path, folder: Path, *statements: str) -> Path:
    copy = folder / "portal-changed.sqlite3"
    copy.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return copy


FUNCTION = "CREATE FUNCTION evil() RETURNS {} LANGUAGE plpgsql AS 'BEGIN END'"
POSTGRES_EXTRAS = [
    (FUNCTION.format("int"), "DROP FUNCTION evil", "FUNCTION public evil()"),
    ("CREATE VIEW evil AS SELECT 1", "DROP VIEW evil", "VIEW public evil"),
    ("CREATE TYPE evil AS ENUM ('a')", "DROP TYPE evil", "TYPE public evil"),
    (
        "CREATE RULE evil AS ON DELETE TO teams_goal DO ALSO NOTHING",
        "DROP RULE evil ON teams_goal",
        "RULE public teams_goal evil",
    ),
    (
        "CREATE POLICY evil ON teams_goal USING (true)",
        "DROP POLICY evil ON teams_goal",
        "POLICY public teams_goal evil",
    ),
    (
        "CREATE TRIGGER evil BEFORE UPDATE ON teams_goal FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP TRIGGER evil ON teams_goal",
        "TRIGGER public teams_goal evil",
    ),
    (
        FUNCTION.format("event_trigger")
        + "; CREATE EVENT TRIGGER evil ON sql_drop EXECUTE FUNCTION evil()",
        "DROP FUNCTION evil CASCADE",
        "FUNCTION public evil()",
    ),
    ("CREATE SCHEMA evil CREATE TABLE evil (id int)", "DROP SCHEMA evil CASCADE", "evil"),
    (
        "CREATE FOREIGN DATA WRAPPER evil",
        "DROP FOREIGN DATA WRAPPER evil CASCADE",
        "FOREIGN DATA WRAPPER",
    ),
    (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
        "DEFAULT ACL",
    ),
    (
        "COMMENT ON TABLE teams_goal IS 'evil'",
        "COMMENT ON TABLE teams_goal IS NULL",
        "COMMENT public TABLE teams_goal",
    ),
    (
        "GRANT SELECT ON teams_goal TO PUBLIC",
        "REVOKE ALL ON teams_goal FROM PUBLIC",
        "ACL public TABLE teams_goal",
    ),
    ("SELECT lo_from_bytea(7, 'evil')", "SELECT lo_unlink(7)", "BLOB"),
]


@only_postgres
def test_restore_of_a_crafted_archive_is_refused_by_name(settings, tmp_path):
    """Each extra alone, in an archive that pg_dump makes of the whole database."""
    file, name = tmp_path / "portal.pgdump", "portal_crafted"
    keys = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    given = {key: connection.settings_dict[name] for name, key in keys.items()}
    url = make_conninfo(dbname=name, **{key: value for key, value in given.items() if value})
    dump = [Path(settings.PG_BIN) / "pg_dump", "--format=custom", f"--file={file}", url]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            with closing(psycopg.connect(url, autocommit=True)) as other:
                for table in ("django_migrations", "teams_goal"):
                    other.execute(f"CREATE TABLE {table} (id int)")
                for create, drop, expected in POSTGRES_EXTRAS:
                    other.execute(create)
                    subprocess.run(dump, check=True)
                    with pytest.raises(archives.ForeignError) as caught:
                        postgres.read(file)
                    assert expected in str(caught.value)
                    other.execute(drop)
        finally:
            cursor.execute(f"DROP DATABASE {name}")


@only_postgres
@pytest.mark.parametrize(
    ("create", "drop", "name"),
    [
        ("CREATE TABLE evil (id int)", "DROP TABLE evil", "the table evil"),
        (
            "ALTER TABLE teams_goal ADD evil int",
            "ALTER TABLE teams_goal DROP evil",
            "the column evil of the table teams_goal",
        ),
    ],
)
def test_restore_of_an_archive_with_another_table_is_refused(member, create, drop, name):
    with connection.cursor() as cursor:
        cursor.execute(create)
        try:
            file = back_up()
        finally:
            cursor.execute(drop)
    assert f"The backup holds {name}" in refusal(file, "--check")


@only_postgres
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            b"COPY public.django_migrations (id, app, name, applied) FROM stdin;",
            b"CREATE TABLE public.evil (id int); COPY public.evil FROM stdin;",
        ),
        (
            b"COPY public.django_migrations (id, app, name, applied) FROM stdin;",
            b"COPY public.django_migrations FROM PROGRAM 'touch /tmp/evil';",
        ),
        (
            b"SELECT pg_catalog.setval('public.teams_goal_id_seq', ",
            b"DROP TABLE public.teams_goal;--",
        ),
    ],
)
def test_statement_in_an_archive_never_runs(member, tmp_path, old, new):
    file = tmp_path / "portal-changed.pgdump"
    content = back_up().read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new.ljust(len(old))))
    assert "The backup holds the statement" in refusal(file, "--check")
    assert "The backup holds the statement" in refusal(file, "--replace")


# Who wrote it ----------------------------------------------------------------------------------


def test_backup_with_a_mac_is_proven_and_nothing_else_is(member, mac_key, tmp_path):
    file = back_up_proven()
    assert "BACKUP_MAC_KEY proves where it is from" in run("restore", str(file), "--check")
    alone = tmp_path / file.name
    alone.write_bytes(file.read_bytes())
    assert f"{file.name}.hmac, which proves where" in refusal(alone, "--replace")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "is not what was written with this BACKUP_MAC_KEY" in refusal(file, "--replace")


def test_backup_with_another_mac_key_is_refused(member, mac_key, settings):
    file = back_up_proven()
    settings.BACKUP_MAC_KEY = MAC_KEY[::-1]
    assert "or the key is another one" in refusal(file, "--check")
    file.with_name(f"{file.name}.hmac").write_bytes(b"\xff" * 70)
    assert ".hmac, which proves where" in refusal(file, "--check")


def test_encryption_alone_proves_nothing(member, identity, mac_key, tmp_path):
    """Anyone can encrypt with the public key."""
    file = back_up_proven()
    forged = tmp_path / "forged"
    forged.write_bytes(b"SQLite format 3\0")
    with forged.open("rb") as reader, file.open("wb") as writer:
        encrypt(reader, writer)
    assert "is not what was written" in refusal(file, "--check", "--identity", str(identity))


def test_mac_is_private_like_the_backup_and_goes_with_it(member, mac_key, settings, backup_dir):
    settings.BACKUP_KEEP = 1
    old, new = back_up_proven(), back_up_proven()
    assert not old.exists()
    assert sorted(backup_dir.iterdir()) == [new, new.with_name(f"{new.name}.hmac")]
    assert {path.stat().st_mode & 0o777 for path in backup_dir.iterdir()} == {0o600}


def test_mac_is_an_hmac_of_the_finished_file(member, identity, mac_key):
    file = back_up_proven()
    expected = hmac.digest(mac_key.encode(), file.read_bytes(), "sha256").hex()
    assert file.with_name(f"{file.name}.hmac").read_text() == f"{expected}\n"


def back_up_proven() -> Path:
    before = set(files())
    run("backup")
    return min(set(files()) - before)


# The file itself -------------------------------------------------------------------------------


def test_restore_of_a_pipe_is_refused_without_waiting(member, tmp_path):
    pipe = tmp_path / "portal.sqlite3"
    os.mkfifo(pipe)
    assert "portal.sqlite3 is not a backup" in refusal(pipe, "--check")
