"""The tables that the portal's own migrations describe: the only ones that a backup is loaded into.

What a backup says about tables is compared and never run. Anyone can write a file that looks like
a backup, and a function, a trigger or a default in it would run as the portal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import StateApps
from django.db.models import Model
from django.db.utils import ConnectionHandler

from collaborative.operations.backups.archives import (
    BackupError,
    Contents,
    ForeignError,
    Migrations,
    Tables,
)


def check_contents(contents: Contents, excluded: list[str]) -> Tables:
    """Return the tables that the recorded migrations make, whose rows `contents` has.

    Refuses another table or column, a missing one, and migrations of which an earlier one is
    missing. The tables `excluded` may be missing, and are not returned.
    """
    expected = {
        model._meta.db_table: {str(field.column) for field in model._meta.local_concrete_fields}
        for model in _models_after(contents.migrations, include_auto_created=True)
    }
    for table, columns in contents.columns.items():
        if table in excluded:
            continue
        if table not in expected:
            raise ForeignError(f"the table {table}")
        if foreign := columns - expected[table]:
            raise ForeignError(f"the column {min(foreign)} of the table {table}")
        if missing := expected[table] - columns:
            raise BackupError(f"The backup lacks the column {min(missing)} of the table {table}.")
    tables = {table: expected[table] for table in expected if table not in excluded}
    if missing := tables.keys() - contents.columns.keys():
        raise BackupError(f"The backup lacks the table {min(missing)}.")
    return tables


def create_tables(migrations: Migrations) -> None:
    """Make the tables as they are after these migrations, empty, in the default database, which
    has none.

    Made from what the migrations say in the end instead of step by step: a tenth of the time, and
    the same tables, constraints and indexes.
    """
    with connections[DEFAULT_DB_ALIAS].schema_editor() as editor:
        for model in _models_after(migrations):
            editor.create_model(model)


@contextmanager
def scratch_database(config: dict[str, Any]) -> Iterator[None]:
    """Let Django's default connection lead to another database during the block.

    Some libraries' migrations use the default one, whichever they are run on.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    scratch = ConnectionHandler({DEFAULT_DB_ALIAS: config})[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = scratch
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual
        scratch.close()


def _models_after(
    migrations: Migrations, *, include_auto_created: bool = False
) -> list[type[Model]]:
    """Return the models that have a table after these migrations; with `include_auto_created` also
    those of many-to-many tables."""
    registry = _registry_after(frozenset(migrations))
    models = registry.get_models(include_auto_created=include_auto_created)
    return [
        MigrationRecorder.Migration,
        *(model for model in models if model._meta.managed and not model._meta.proxy),
    ]


# Each restore asks for it twice; to put it together takes half as long as making the tables.
@lru_cache(maxsize=1)
def _registry_after(migrations: frozenset[tuple[str, str]]) -> StateApps:
    """Return all models as they are after these migrations and all that they depend on."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return loader.project_state(_last_migrations(loader, migrations)).apps


def _last_migrations(
    loader: MigrationLoader, migrations: frozenset[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return of each app the migrations that no other recorded one of the app builds on."""
    nodes = loader.graph.node_map
    last = []
    for migration in sorted(migrations):
        node = nodes[migration]
        missing = {parent.key for parent in node.parents} - migrations
        if missing:
            earlier, later = ".".join(min(missing)), ".".join(migration)
            raise BackupError(f"The backup records the migration {later} without {earlier}.")
        following = {child.key for child in node.children} & migrations
        if all(app != migration[0] for app, _ in following):
            last.append(migration)
    return last
