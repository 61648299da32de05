"""Moving the portal from SQLite to PostgreSQL: every row of a backup, into the emptied tables.

Rows pass through the models, whose fields know how each database stores a time or a number.
Nothing is saved by `save()`: no history is written, no email queued, no time set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DataError, connection, connections, models, transaction
from django.db.utils import ConnectionHandler

from collaborative.monitoring.health import count_missing_migrations
from collaborative.operations.backups.archives import BackupError
from members.batches import batched

SOURCE_ALIAS = "sqlite_backup"
ROWS_PER_STATEMENT = 500


def move(scratch: Path, excluded: list[str]) -> None:
    """Replace all rows of the PostgreSQL database by those of `scratch`, an SQLite database of this
    version, in one transaction; those of the tables `excluded` are not copied.

    Refuses if afterwards a table has another number of rows, or a row that PostgreSQL cannot hold.
    """
    if count_missing_migrations():
        call_command("migrate", interactive=False, verbosity=0)
    with _open_source(scratch) as tables, transaction.atomic(), connection.cursor() as cursor:
        copied = {
            model._meta.db_table: model
            for model in _stored_models()
            if model._meta.db_table in tables
        }
        for statement in connection.ops.sql_flush(no_style(), list(copied), reset_sequences=True):
            cursor.execute(statement)
        for table, model in copied.items():
            if table not in excluded:
                _copy_rows(model)
        connection.check_constraints()
        for statement in connection.ops.sequence_reset_sql(no_style(), list(copied.values())):
            cursor.execute(statement)


def _stored_models() -> list[type[models.Model]]:
    """Return every model with a table of its own."""
    candidates = apps.get_models(include_auto_created=True)
    return [model for model in candidates if model._meta.managed and not model._meta.proxy]


@contextmanager
def _open_source(scratch: Path) -> Iterator[set[str]]:
    """Open the backup as a second, read-only database of Django; yield the names of its tables."""
    name = f"{scratch.as_uri()}?mode=ro&immutable=1"
    # Nobody knows who made the file: its schema calls no functions.
    options = {"uri": True, "init_command": "PRAGMA trusted_schema=OFF"}
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    source = ConnectionHandler({"default": {}, SOURCE_ALIAS: settings})[SOURCE_ALIAS]
    connections[SOURCE_ALIAS] = source
    try:
        yield set(source.introspection.table_names())
    finally:
        source.close()
        del connections[SOURCE_ALIAS]


def _copy_rows(model: type[models.Model]) -> None:
    """Copy all rows of one table unchanged, in batches."""
    source = model._base_manager.using(SOURCE_ALIAS).order_by("pk")
    rows = source.iterator(chunk_size=ROWS_PER_STATEMENT)
    target = model._base_manager.using(connection.alias)
    count = 0
    for batch in batched(rows, ROWS_PER_STATEMENT):
        count += len(batch)
        try:
            # bulk_create() would let fields with auto_now set the time: this is its last step.
            target._insert(  # type: ignore[attr-defined]
                batch, fields=model._meta.concrete_fields, using=connection.alias, raw=True
            )
        except DataError as error:
            first, last = batch[0].pk, batch[-1].pk
            raise BackupError(
                f"A row of {model._meta.db_table} between {first} and {last} cannot be kept by "
                f"PostgreSQL: {str(error).splitlines()[0]}"
            ) from error
    if target.count() != count:
        raise BackupError(f"Not every row of {model._meta.db_table} arrived.")
