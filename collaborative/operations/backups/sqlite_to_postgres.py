"""From SQLite to PostgreSQL: every row of a backup, into the empty tables of the other kind.

Rows pass through the models, whose fields know how each kind of database keeps a time or a number.
Nothing is saved by `save()`: no history line is added, no email is queued, no time stamp is set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DataError, connection, connections, models, transaction
from django.db.utils import ConnectionHandler

from collaborative.operations.backups.archives import BackupError
from members.batches import batched

SOURCE = "moved"
ROWS = 500  # of one statement


def move(scratch: Path, left_out: list[str]) -> None:
    """Put the rows of `scratch`, an SQLite database of this version, in the place of all rows of
    the PostgreSQL database, in one transaction; those of the tables `left_out` stay behind.

    Refuses if afterwards a table has another number of rows, or a row that PostgreSQL cannot hold.
    """
    call_command("migrate", interactive=False, verbosity=0)
    with _source(scratch) as there, transaction.atomic(), connection.cursor() as cursor:
        ours = {model._meta.db_table: model for model in _stored() if model._meta.db_table in there}
        for statement in connection.ops.sql_flush(no_style(), list(ours), reset_sequences=True):
            cursor.execute(statement)
        for table, model in ours.items():
            if table not in left_out:
                _copy(model)
        connection.check_constraints()
        for statement in connection.ops.sequence_reset_sql(no_style(), list(ours.values())):
            cursor.execute(statement)


def _stored() -> list[type[models.Model]]:
    """Every model with a table of its own."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


@contextmanager
def _source(scratch: Path) -> Iterator[set[str]]:
    """The backup as a second database of Django's, for reading; yields the names of its tables."""
    name = f"file:{scratch}?mode=ro"
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": {"uri": True}}
    source = ConnectionHandler({"default": {}, SOURCE: settings})[SOURCE]
    connections[SOURCE] = source
    try:
        yield set(source.introspection.table_names())
    finally:
        source.close()
        del connections[SOURCE]


def _copy(model: type[models.Model]) -> None:
    """All rows of one table, some at a time, as they are."""
    rows = model._base_manager.using(SOURCE).order_by("pk").iterator(chunk_size=ROWS)
    target = model._base_manager.using(connection.alias)
    number = 0
    for batch in batched(rows, ROWS):
        number += len(batch)
        try:
            # What bulk_create() does, without its look at fields that set the time themselves.
            target._insert(  # type: ignore[attr-defined]
                batch, fields=model._meta.concrete_fields, using=connection.alias, raw=True
            )
        except DataError as error:
            first, last = batch[0].pk, batch[-1].pk
            raise BackupError(
                f"A row of {model._meta.db_table} between {first} and {last} cannot be kept by "
                f"PostgreSQL: {str(error).splitlines()[0]}"
            ) from error
    if target.count() != number:
        raise BackupError(f"Not every row of {model._meta.db_table} arrived.")
