"""Moving the portal from SQLite to PostgreSQL, with every row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings
from post_office.models import Email

from collaborative.models import JobRun
from collaborative.operations.backups import sqlite_to_postgres
from collaborative.operations.backups.create import excluded_tables
from collaborative.operations.backups.schema import create_tables
from collaborative.tests.backup_files import checksums, on_database, run
from conftest import make_member
from members.models import Member
from teams.models import ActionTeam, Membership

pytestmark = [
    pytest.mark.skipif(connection.vendor == "sqlite", reason="the move ends on PostgreSQL"),
    pytest.mark.django_db(transaction=True),
]
WRITTEN_BY_RESTORE = {JobRun._meta.db_table, Email._meta.db_table}  # also written by restoring


@pytest.fixture(scope="module")
def portal_on_sqlite(django_db_setup, django_db_blocker, tmp_path_factory) -> Path:
    """A backup of it, with a row of nearly every kind."""
    folder = tmp_path_factory.mktemp("sqlite")
    with (
        django_db_blocker.unblock(),
        override_settings(DEBUG=True, BACKUP_DIR=str(folder), BACKUP_KEY=""),
        on_database(f"sqlite:///{folder}/db.sqlite3"),
    ):
        create_tables(set(MigrationLoader(None).disk_migrations))
        ContentType.objects.clear_cache()
        run("migrate", "--fake")
        run("migrate")  # adds permissions
        run("demo")
        run("backup")
    ContentType.objects.clear_cache()
    (file,) = folder.glob("portal-*")
    return file


@pytest.fixture(autouse=True)
def _kinds_are_numbered_anew() -> Iterator[None]:
    yield
    ContentType.objects.clear_cache()


def test_move_copies_every_row_of_every_table_and_backs_up_what_it_replaces(
    portal_on_sqlite, backup_dir
):
    make_member("here@rush.example")
    with pytest.raises(CommandError, match="The database holds data"):
        run("restore", str(portal_on_sqlite))
    output = run("restore", str(portal_on_sqlite), "--replace")
    assert output.startswith(f"Restored from {portal_on_sqlite.name}")
    assert "what was there before is in" in output
    assert not Member.objects.filter(email="here@rush.example").exists()
    compared = 0
    with sqlite_to_postgres._open_source(portal_on_sqlite) as tables:
        for model in sqlite_to_postgres._stored_models():
            table = model._meta.db_table
            if table in tables - WRITTEN_BY_RESTORE - set(excluded_tables()):
                rows = model._base_manager.order_by("pk")
                assert list(rows.values_list()) == list(
                    rows.using(sqlite_to_postgres.SOURCE_ALIAS).values_list()
                ), table
                compared += rows.count()
    assert compared > 300
    assert ActionTeam.objects.filter(facilitators__isnull=False).count() == 3
    # Keys continue, and so does the history.
    newest = Member.objects.latest("pk").pk
    assert make_member("new@rush.example").pk == newest + 1
    assert Membership.history.filter(history_user__isnull=False).exists()


def change_backup(file: Path, folder: Path, statement: str) -> Path:
    """A copy of the backup after something was done to it."""
    copy = folder / "portal-changed.sqlite3"
    copy.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        database.execute(statement)
        database.commit()
    return copy


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "DELETE FROM django_migrations WHERE app = 'teams'",
            "of an older version",
        ),
        ("UPDATE teams_actionteam SET summary = hex(zeroblob(500))", "cannot be kept by Postgre"),
        ("UPDATE auth_permission SET name = 'a' || char(0)", "cannot be kept by PostgreSQL"),
    ],
)
def test_move_of_rows_that_postgresql_refuses_changes_nothing(
    portal_on_sqlite, tmp_path, backup_dir, statement, reason
):
    make_member("here@rush.example")
    before = checksums()
    file = change_backup(portal_on_sqlite, tmp_path, statement)
    with pytest.raises(CommandError, match=reason):
        run("restore", str(file), "--replace")
    assert checksums() == before
    assert sqlite_to_postgres.SOURCE_ALIAS not in connections
