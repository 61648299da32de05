"""What the imports have in common: errors by row and column, a check that runs the real steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.forms import Field
from django.utils import timezone

from desk.imports.reader import TableRow
from desk.models import Import, ImportedRecord
from members.batches import BATCH_SIZE
from members.history.changesets import ChangeSet, ChangeSource, capture_changes, change_source
from members.models import Member
from members.services import Refused

# A model, the key of a record, and what the fields that the import changed were before; None for
# a record that it created.
Brought = tuple[type[Model], int, dict[str, Any] | None]


@dataclass(frozen=True)
class CellError:
    """What cannot be imported, and how to fix it; without a row: the file as a whole."""

    message: str
    row: int | None = None
    column: str = ""
    value: str = ""


@dataclass(frozen=True)
class ImportReport:
    """What an import has done, or would do, in sentences; with errors nothing is stored."""

    summary: list[str]
    errors: list[CellError]
    changes_nothing: bool


class RowCleaner:
    """Turns the cells of one row into values and collects what is wrong with them."""

    def __init__(self, row: TableRow) -> None:
        self.row = row
        self.errors: list[CellError] = []

    def clean(self, column: str, convert: Callable[[str], Any]) -> Any:
        """Return what `convert` makes of a cell; if it raises ValidationError, note that and
        return None."""
        try:
            return convert(self.row.cells[column])
        except ValidationError as error:
            self.add_error(column, " ".join(error.messages))
        return None

    def add_error(self, column: str, message: str) -> None:
        """Note what is wrong with the cell in `column`."""
        error = CellError(message, self.row.number, column, self.row.cells[column])
        self.errors.append(error)


@dataclass
class FileImport(ABC):
    """An import of the rows of a file, all or nothing; a subclass for each kind of record."""

    columns: ClassVar[tuple[str, ...]]
    # What belongs into a cell of each column.
    column_help: ClassVar[tuple[str, ...]]
    title: ClassVar[str]
    description: ClassVar[str]
    # Whether the importer can choose to send the new people an email.
    offers_email: ClassVar[bool] = False

    rows: Sequence[TableRow]
    by: Member = field(kw_only=True)
    send_email: bool = field(default=False, kw_only=True)

    def check(self) -> ImportReport:
        """Return what `store` would do: it is done, and all of it rolled back."""
        return self._run(store=False)

    def store(self, record: Import | None = None) -> ImportReport:
        """Import the rows, or none of them if there is an error. With `record` note there, in the
        same transaction, that it is done and what it brought, so that it can be taken back."""
        return self._run(store=True, record=record)

    def _run(self, *, store: bool, record: Import | None = None) -> ImportReport:
        with (
            change_source(ChangeSource.IMPORT),
            capture_changes() as changes,
            transaction.atomic(),
        ):
            try:
                errors = self.apply()
            except Refused as refusal:
                errors = [CellError(str(refusal))]
            if errors or not store:
                transaction.set_rollback(True)
            elif record:
                self._finish(record, changes)
        return ImportReport(self.summarize(changes), errors, self.changes_nothing)

    def _finish(self, record: Import, changes: ChangeSet) -> None:
        """Note in `record` that the import is done, and what it brought."""
        record.state, record.finished_at = Import.State.DONE, timezone.now()
        record.email_ids = changes.email_keys
        record.save(update_fields=["state", "finished_at", "email_ids"])
        brought = [
            ImportedRecord(
                source=record, model_label=model._meta.label_lower, object_id=key, before=before
            )
            for model, key, before in self.brought()
        ]
        ImportedRecord.objects.bulk_create(brought, batch_size=BATCH_SIZE)

    @abstractmethod
    def apply(self) -> list[CellError]:
        """Import the rows that are in order and return what is wrong with the others."""

    @abstractmethod
    def summarize(self, changes: ChangeSet) -> list[str]:
        """Return sentences about what `apply` did, for the person who imports."""

    @abstractmethod
    def brought(self) -> Iterator[Brought]:
        """Yield what `apply` created or changed."""

    @property
    @abstractmethod
    def changes_nothing(self) -> bool:
        """Whether the file holds nothing new."""


def with_message(field: Field, message: str) -> Field:
    """Return the field, which has one message for what is missing and what is invalid."""
    field.error_messages.update(required=message, invalid=message)
    return field
