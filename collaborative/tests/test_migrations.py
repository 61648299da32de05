"""Migrations that can run while the version before them still serves.

The order of an update is: migrate, then start the new version, host by host. So what a migration
leaves behind must suit the old code too, and nothing in it may lock a table for long. Each
complaint says how to split the change. The first migration of an app makes its tables.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.models import CASCADE

from collaborative.operations.backups.schema import create_tables, scratch_database
from collaborative.tests.backup_files import on_database
from collaborative.tests.ports import free_port
from members.models import Member

OUR_APPS = {"collaborative", "desk", "teams", "members"}
FIRST = "0001_initial"  # of version 1.0.0; nothing was deployed before it
# (app, migration, operation as `describe()` tells it): why it is safe all the same.
FEW_TEAMS = (
    "A portal has a handful of teams, which are checked at once. The old version does not write "
    "the field: the default of the database, which the constraint accepts, fills it."
)
ALLOWED: dict[tuple[str, str, str], str] = {
    (
        "teams",
        "0002_team_color_and_drawing",
        f"Create constraint teams_actionteam_{field}_known on model actionteam",
    ): FEW_TEAMS
    for field in ("color", "drawing")
} | {
    (
        "teams",
        "0007_more_site_texts",
        "Create constraint teams_sitetext_place_known on model sitetext",
    ): "There are nine texts, and the old version writes those of places that it knows alone.",
    **{
        ("teams", "0010_announcements_resources_areas_topics", description): (
            "PostgreSQL changes a longer limit in its catalog only, and what the old version "
            "writes fits."
        )
        for description in (
            "Alter field kind on emailchoice",
            "Alter field kind on historicalemailchoice",
            "Alter field kind on teamemail",
        )
    },
    **{
        (
            "teams",
            "0010_announcements_resources_areas_topics",
            f"Create constraint teams_emailchoice_{field}_known on model emailchoice",
        ): (
            "It accepts every row that the one it replaces accepted. There are a few thousand "
            "choices at most, which are checked at once."
        )
        for field in ("kind", "wants")
    },
    (
        "teams",
        "0010_announcements_resources_areas_topics",
        "Create constraint teams_claim_about_one_record on model claim",
    ): (
        "It accepts every row that the one it replaces accepted. Claims are about what waits, so "
        "there are a few dozen."
    ),
    (
        "teams",
        "0010_announcements_resources_areas_topics",
        "Add field suggestion to claim",
    ): "Claims are about what waits, so there are a few dozen, and the field is empty.",
    **{
        (
            "teams",
            "0010_announcements_resources_areas_topics",
            f"Create constraint {name} on model invitation",
        ): (
            "It accepts every row that the one it replaces accepted, or is about a role that the "
            "old version does not write. There are hundreds of invitations, checked at once."
        )
        for name in (
            "teams_invitation_role_known",
            "teams_invitation_facilitator_has_a_team",
            "teams_invitation_one_per_address_and_role",
            "teams_invitation_one_per_address_and_inviter",
        )
    },
    (
        "teams",
        "0005_claims_invitations_and_team_states",
        "Create constraint teams_actionteam_state_known on model actionteam",
    ): FEW_TEAMS,
    (
        "teams",
        "0005_claims_invitations_and_team_states",
        "Create constraint teams_membership_decided_carry_time on model membership",
    ): (
        "It accepts every row that the one it replaces accepted, so the old version writes none "
        "that it refuses. A million memberships are read within a second."
    ),
    (
        "members",
        "0006_moves_and_site_identity",
        "Create constraint members_member_held_is_inactive on model member",
    ): (
        "It is about a column that the same migration adds, empty, and that the old version does "
        "not write. There are few people beside memberships: they are checked in an instant."
    ),
    (
        "members",
        "0006_moves_and_site_identity",
        "Create constraint members_emaildomain_one_organization on model emaildomain",
    ): (
        "A portal has hundreds of domains, which are checked at once. The index that it replaces "
        "refused more: two rows of one domain, removed or not."
    ),
    **{
        ("teams", "0012_claims_of_topics", step): (
            "Claims are about what waits, so there are a few hundred at most, checked at once. "
            "The old version writes none about a topic, and every other one is accepted as before."
        )
        for step in (
            "Add field topic to claim",
            "Create constraint teams_claim_about_one_record on model claim",
        )
    },
}

LATER = "First stop using it and release that; then, in the next version, "
BY_ITSELF = (
    "It locks the table while it reads all of it. Put it in a migration of its own, with atomic = "
    "False, "
)
GONE = {
    migrations.RemoveField: LATER + "remove it.",
    migrations.DeleteModel: LATER + "remove it.",
    migrations.RenameField: "Add the new field, write both, copy, and remove the old one later.",
    migrations.RenameModel: "Keep the name of the table: set db_table.",
    migrations.AlterModelTable: "Keep the name of the table: the old version asks for it.",
    migrations.RunSQL: "Nobody can tell from here what it does. Say in ALLOWED why it is safe.",
    migrations.AddIndex: BY_ITSELF + "as an AddIndex that says CONCURRENTLY on PostgreSQL.",
    migrations.AddConstraint: BY_ITSELF + "as NOT VALID and then VALIDATE on PostgreSQL; and see "
    "that the old version writes no row that it refuses.",
}


def complaints(migration: migrations.Migration, before: ProjectState) -> Iterator[tuple[str, str]]:
    """What is unsafe in a migration: the operation in words, and what to do instead."""
    state = before.clone()
    new: set[str] = set()  # tables that nobody uses yet
    changes = [step for step in migration.operations if not isinstance(step, migrations.RunPython)]
    for step in migration.operations:
        advice = _advice(step, migration.app_label, state, new)
        if isinstance(step, migrations.RunPython) and changes:
            advice = "Rows stay locked until all is done: put it in a migration of its own."
        if advice:
            yield step.describe(), advice
        if isinstance(step, migrations.CreateModel):
            new.add(step.name.lower())
        step.state_forwards(migration.app_label, state)


def _advice(step: Operation, app: str, state: ProjectState, new: set[str]) -> str:
    model = getattr(step, "model_name", getattr(step, "name", "")).lower()
    if model in new or getattr(step, "concurrently", False):
        return ""
    if isinstance(step, migrations.AddField):
        return _advice_on_new(step.field)
    if isinstance(step, migrations.AlterField):
        old = state.models[app, model].fields[step.name]
        return _advice_on_change(old, step.field)
    return next((advice for kind, advice in GONE.items() if isinstance(step, kind)), "")


def _advice_on_new(field: models.Field) -> str:
    if field.many_to_many:
        return ""
    if not field.null and field.db_default is models.NOT_PROVIDED:
        return "The old version writes rows without it: give it a db_default, or null=True."
    if field.unique or (field.db_index and not field.remote_field):
        return "Add it without the index, and the index " + BY_ITSELF[len("It locks ") :]
    return ""


def _advice_on_change(old: models.Field, field: models.Field) -> str:
    if old.null and not field.null:
        return (
            "The old version still writes NULL: give a default and release that; then fill the "
            "rows, and only in the next version forbid it."
        )
    if _column_type(old) != _column_type(field):
        return (
            "The table is rewritten under a lock, and statements that the old version has "
            "prepared fail: add a new field, copy, and swap later."
        )
    if field.unique and not old.unique:
        return BY_ITSELF + "as a UniqueConstraint on an index that is there already."
    return ""


def _column_type(field: models.Field) -> str:
    """Return what a column holds; of a key, which model it refers to: it cannot be looked up."""
    if field.remote_field:
        return str(field.remote_field.model).lower()
    return field.db_parameters(connection)["type"]


def judged() -> Iterator[migrations.Migration]:
    """The migrations of our apps after those that had landed."""
    migrations_on_disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    for (app, name), migration in sorted(migrations_on_disk.items()):
        if app in OUR_APPS and name > FIRST:
            yield migration


def test_migrations_can_run_while_the_old_version_serves():
    loader = MigrationLoader(None, ignore_no_migrations=True)
    wrong = []
    for migration in judged():
        before = loader.project_state((migration.app_label, migration.name), at_end=False)
        for step, advice in complaints(migration, before):
            if (migration.app_label, migration.name, step) not in ALLOWED:
                wrong.append(f"{migration.app_label}.{migration.name}: {step}. {advice}")
    assert not wrong, "\n".join(wrong)


def test_allowed_unsafe_migrations_exist_and_have_a_reason():
    names = {(migration.app_label, migration.name) for migration in judged()}
    for (app, name, _), reason in ALLOWED.items():
        assert (app, name) in names
        assert len(reason) > 20


THING = migrations.CreateModel(
    "Thing",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=10)),
        ("note", models.CharField(max_length=10, null=True)),
        ("owner", models.ForeignKey("members.Member", CASCADE)),
    ],
)
BY_NAME = models.Index(fields=["name"], name="thing_by_name")
NAMED = models.CheckConstraint(condition=~models.Q(name=""), name="thing_has_a_name")


class Concurrently(migrations.AddIndex):
    concurrently = True


def judge(*steps: Operation) -> list[str]:
    """The advice on a migration with these steps, which comes after THING."""
    state = ProjectState()
    THING.state_forwards("teams", state)
    migration_class = type("Migration", (migrations.Migration,), {"operations": list(steps)})
    return [advice for _, advice in complaints(migration_class("0009_test", "teams"), state)]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (migrations.RemoveField("thing", "note"), "First stop using it"),
        (migrations.DeleteModel("Thing"), "First stop using it"),
        (migrations.RenameField("thing", "note", "words"), "write both"),
        (migrations.RenameModel("Thing", "Item"), "set db_table"),
        (migrations.AlterModelTable("thing", "other"), "Keep the name"),
        (migrations.RunSQL("SELECT 1"), "why it is safe"),
        (migrations.AddIndex("thing", BY_NAME), "CONCURRENTLY"),
        (migrations.AddConstraint("thing", NAMED), "NOT VALID"),
        (migrations.AddField("thing", "age", models.IntegerField()), "db_default"),
        (migrations.AddField("thing", "age", models.IntegerField(default=1)), "db_default"),
        (migrations.AddField("thing", "k", models.IntegerField(null=True, unique=True)), "index"),
        (migrations.AlterField("thing", "note", models.CharField(max_length=10)), "writes NULL"),
        (migrations.AlterField("thing", "name", models.TextField()), "rewritten"),
        (
            migrations.AlterField("thing", "owner", models.ForeignKey("desk.Import", CASCADE)),
            "rewritten",
        ),
    ],
)
def test_unsafe_operation_is_reported_with_an_alternative(step, expected):
    (advice,) = judge(step)
    assert expected in advice


def test_data_migration_is_separate_from_the_schema_change():
    move = migrations.RunPython(lambda apps, editor: None)
    add = migrations.AddField("thing", "age", models.IntegerField(null=True))
    assert len(judge(add, move)) == 1
    assert judge(move) == []


@pytest.mark.parametrize(
    "steps",
    [
        [migrations.AddField("thing", "age", models.IntegerField(null=True))],
        [migrations.AddField("thing", "age", models.IntegerField(db_default=0))],
        [migrations.AlterField("thing", "name", models.CharField("title", max_length=10))],
        [
            migrations.AlterField(
                "thing", "owner", models.ForeignKey("members.member", CASCADE, "+")
            )
        ],
        [Concurrently("thing", BY_NAME)],
        [
            migrations.CreateModel("Other", [("name", models.CharField(max_length=10))]),
            migrations.AddIndex("other", BY_NAME),
            migrations.AddConstraint("other", NAMED),
        ],
    ],
)
def test_safe_operations_pass(steps):
    assert judge(*steps) == []


# What the tables are, without the order of their columns.
TABLES = {
    "sqlite": ["SELECT tbl_name, name, sql FROM sqlite_master"],
    "postgresql": [
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
        "column_default, is_identity FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint",
    ],
}


def tables() -> set[tuple[str, ...]]:
    """What is in the default database, as sorted words."""
    described = set()
    with connections["default"].cursor() as cursor:
        for query in TABLES[connection.vendor]:
            cursor.execute(query)
            described |= {tuple(sorted(re.findall(r"\w+", repr(row)))) for row in cursor.fetchall()}
    return described


@contextmanager
def empty_database(folder: Path) -> Iterator[None]:
    """Let the default connection lead to a new database during the block."""
    name = str(folder / "empty.sqlite3")
    config = connection.settings_dict
    options = {key: value for key, value in config["OPTIONS"].items() if key != "pool"}
    if connection.vendor == "postgresql":
        name = "portal_empty"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        with scratch_database({**config, "NAME": name, "OPTIONS": options}):
            yield
    finally:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name}")
        else:
            Path(name).unlink(missing_ok=True)


def find_models_to_render(
    state: ProjectState, app: str, model: str, delay: bool = False
) -> set[tuple[str, str]]:
    """Return the changed model, and those that refer to it, and so on.

    Django also renders again those that the model refers to, for what leads back to it: nearly all
    models after each of 300 steps. Only a RunPython may need that, before which Django renders all
    models of a state that is delayed.
    """
    state.is_delayed = True
    found, waiting = set(), {(app, model.lower())}
    while waiting:
        found |= waiting
        waiting = {key for each in waiting for key in state.relations[each]} - found
    return found


@pytest.mark.django_db(transaction=True)
def test_create_tables_makes_what_migrations_make_step_by_step(tmp_path, monkeypatch):
    monkeypatch.setattr(ProjectState, "_find_reload_model", find_models_to_render)
    with empty_database(tmp_path):
        call_command("migrate", verbosity=0)
        migrations_applied = set(MigrationRecorder(connections["default"]).applied_migrations())
        made_by_migrations = tables()
    with empty_database(tmp_path):
        create_tables(migrations_applied)
        assert tables() ^ made_by_migrations == set()


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server")
def test_migrate_reports_why_the_database_cannot_be_reached():
    away = f"postgres://portal:hunter2@127.0.0.1:{free_port()}/portal"
    with on_database(away), pytest.raises(CommandError) as caught:
        call_command("migrate", verbosity=0)
    (said,) = str(caught.value).splitlines()
    assert said.startswith("PostgreSQL on 127.0.0.1 cannot be used. Start it, ")
    assert "refused" in said
    assert "hunter2" not in said


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's writers wait in line")
def test_migrate_gives_up_while_a_table_is_used(member, monkeypatch):
    """Somebody reads a table for long; the change of it would wait, and all others behind it."""
    from collaborative.management.commands import migrate  # noqa: PLC0415  # its patience

    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "50ms")
    reading, done = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SELECT 1 FROM mfa_authenticator")
            reading.set()
            done.wait(60)
            cursor.execute("ROLLBACK")
        connection.close()

    reader = threading.Thread(target=read_for_long)
    reader.start()
    try:
        assert reading.wait(60)
        with pytest.raises(CommandError, match="changed nothing; run migrate again"):
            call_command("migrate", "mfa", "zero", verbosity=0)
    finally:
        done.set()
        reader.join()
    call_command("migrate", verbosity=0)
    assert "mfa_authenticator" in connection.introspection.table_names()
    assert Member.objects.filter(pk=member.pk).exists()
