"""What the imports have in common: errors by row and column, a check that runs the real steps."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
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


class CorrectableError(ValidationError):
    """What is wrong with a cell, with the value that one press can put there."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True)
class CellError:
    """What cannot be imported, and how to fix it; without a row: the file as a whole."""

    message: str
    row: int | None = None
    column: str = ""
    value: str = ""
    # What the cell should hold, if one press can put it there.
    suggestion: str = ""
    # Whether one press can also leave the cell as it is: the message is a question.
    is_question: bool = False
    # What the suggestions for rows with different cells have in common: the domain of an address.
    common_suggestion: str = ""

    @property
    def fingerprint(self) -> str:
        """Return what is equal for the same error in several rows. One with a button is the same
        only about the same cell, or with the same `common_suggestion`."""
        has_button = self.suggestion or self.is_question
        cells = self.common_suggestion or (has_button and (self.value, self.suggestion))
        same = repr((self.column, cells, self.message, self.is_question))
        return hashlib.sha256(same.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ErrorGroup:
    """The same error in any number of rows."""

    error: CellError
    # Without an error of the file as a whole.
    row_numbers: list[int] = field(default_factory=list)
    # What is in the cells, each text once.
    values: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedRow:
    """A row as it is stored, in words, for the person who confirms it."""

    number: int
    # What becomes of it: "New member", "Unchanged", "To fix", "To decide".
    outcome: str
    # In the order of the columns. Each with what the file says instead, if that is not stored.
    cells: list[tuple[str, str]]


@dataclass(frozen=True)
class ImportReport:
    """What an import has done, or would do; with errors nothing is stored."""

    # In sentences.
    summary: list[str]
    rows: list[CheckedRow]
    errors: list[CellError]
    changes_nothing: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "summary": self.summary,
            "rows": [[row.number, row.outcome, row.cells] for row in self.rows],
            "errors": [asdict(error) for error in self.errors],
            "changes_nothing": self.changes_nothing,
        }

    @classmethod
    def from_json(cls, report: dict[str, Any]) -> ImportReport:
        """Return the report that `as_json` has returned."""
        rows = [
            CheckedRow(number, outcome, [(stored, in_file) for stored, in_file in cells])
            for number, outcome, cells in report.get("rows", [])
        ]
        errors = [CellError(**error) for error in report.get("errors", [])]
        return cls(report.get("summary", []), rows, errors, report.get("changes_nothing", False))


def describe_value(value: Any) -> str:
    """Return the value of a cell as the check shows it."""
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)


class RowCleaner:
    """Turns the cells of one row into values and collects what is wrong with them."""

    def __init__(self, row: TableRow, confirmed_columns: Collection[str] = ()) -> None:
        self.row = row
        self.errors: list[CellError] = []
        self.outcome = ""
        # By column; those that are in order.
        self.values: dict[str, Any] = {}
        self._confirmed_columns = confirmed_columns
        self._stored_cells = dict(row.cells)
        self._unused_cells: dict[str, str] = {}
        for column, message in row.problems.items():
            self.add_error(column, message)

    def clean(
        self,
        column: str,
        convert: Callable[[str], Any],
        describe: Callable[[Any], str] = describe_value,
    ) -> Any:
        """Return what `convert` makes of a cell, which the check shows as `describe` says; if it
        raises ValidationError, note that and return None. A cell with a problem of its own, or of
        its row, is left alone."""
        if self.row.problems.keys() & {"", column}:
            return None
        try:
            value = convert(self.row.cells[column])
        except ValidationError as error:
            suggestion = error.suggestion if isinstance(error, CorrectableError) else ""
            self.add_error(column, " ".join(error.messages), suggestion)
            return None
        self.values[column] = value
        self._stored_cells[column] = describe(value)
        return value

    def add_error(self, column: str, message: str, suggestion: str = "") -> None:
        """Note what is wrong with the cell in `column`; without one, with the row."""
        value = self.row.cells.get(column, "")
        self.errors.append(CellError(message, self.row.number, column, value, suggestion))

    def ask(self, column: str, message: str, suggestion: str, common_suggestion: str = "") -> None:
        """Note a doubt about the cell in `column`. Until the importer has chosen between what is
        there and the suggestion it is an error."""
        if column not in self._confirmed_columns:
            self.errors.append(
                CellError(
                    message,
                    self.row.number,
                    column,
                    self.row.cells[column],
                    suggestion,
                    is_question=True,
                    common_suggestion=common_suggestion,
                )
            )

    def keep_stored(self, column: str, stored: str) -> None:
        """Note that the record keeps what it has in `column`, whatever the file says."""
        if self.row.cells[column] and stored != self._stored_cells[column]:
            self._unused_cells[column] = self.row.cells[column]
        self._stored_cells[column] = stored

    def checked_row(self, columns: Sequence[str]) -> CheckedRow:
        """Return the row as it is stored, its cells in the order of these columns; with errors as
        the file has it."""
        if self.errors:
            is_doubted = all(error.is_question for error in self.errors)
            cells = [(self.row.cells[column], "") for column in columns]
            return CheckedRow(self.row.number, "To decide" if is_doubted else "To fix", cells)
        cells = [
            (self._stored_cells[column], self._unused_cells.get(column, "")) for column in columns
        ]
        return CheckedRow(self.row.number, self.outcome, cells)


@dataclass
class FileImport(ABC):
    """An import of the rows of a file, all or nothing; a subclass for each kind of record."""

    # In stored imports.
    kind: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    # Of these, the ones that a file may lack.
    optional_columns: ClassVar[tuple[str, ...]] = ()
    # What belongs into a cell of each column.
    column_help: ClassVar[tuple[str, ...]]
    title: ClassVar[str]
    description: ClassVar[str]
    # Whether the importer can choose to send the new people an email.
    offers_email: ClassVar[bool] = False

    rows: Sequence[TableRow]
    by: Member = field(kw_only=True)
    send_email: bool = field(default=False, kw_only=True)
    # Row numbers and columns of the cells that the importer leaves as they are after a question.
    confirmed_cells: Collection[tuple[int, str]] = field(default=(), kw_only=True)
    cleaners: list[RowCleaner] = field(init=False)

    def __post_init__(self) -> None:
        confirmed = defaultdict(set)
        for number, column in self.confirmed_cells:
            confirmed[number].add(column)
        self.cleaners = [RowCleaner(row, confirmed[row.number]) for row in self.rows]

    def check(self) -> ImportReport:
        """Return what `store` would do: it is done, and all of it rolled back."""
        return self._run(store=False)

    def store(
        self, record: Import | None = None, expected: ImportReport | None = None
    ) -> ImportReport:
        """Import the rows; none of them if there is an error, or if the report is not the
        `expected` one, which the importer has read.

        With `record` note there, in the same transaction, that it is done and what it brought, so
        that it can be taken back.
        """
        return self._run(store=True, record=record, expected=expected)

    def _run(
        self,
        *,
        store: bool,
        record: Import | None = None,
        expected: ImportReport | None = None,
    ) -> ImportReport:
        errors: list[CellError] = []
        with (
            change_source(ChangeSource.IMPORT),
            capture_changes() as changes,
            transaction.atomic(),
        ):
            try:
                self.apply()
            except Refused as refusal:
                errors.append(CellError(str(refusal)))
            errors += [error for cleaner in self.cleaners for error in cleaner.errors]
            rows = [cleaner.checked_row(self.columns) for cleaner in self.cleaners]
            report = ImportReport(self.summarize(changes), rows, errors, self.changes_nothing)
            if errors or not store or (expected and report != expected):
                transaction.set_rollback(True)
            elif record:
                self._finish(record, changes)
        return report

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
    def apply(self) -> None:
        """Import the rows that are in order, and leave with `cleaners` what is wrong with the
        others and what becomes of each."""

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


def group_errors(errors: Iterable[CellError]) -> list[ErrorGroup]:
    """Return the errors, the same ones together, those of the most rows first."""
    groups: dict[str, ErrorGroup] = {}
    for error in errors:
        group = groups.setdefault(error.fingerprint, ErrorGroup(error))
        if error.value:
            group.values[error.value] = None
        if error.row is not None:
            group.row_numbers.append(error.row)
    return sorted(groups.values(), key=lambda group: -len(group.row_numbers))


def with_message(field: Field, message: str) -> Field:
    """Return the field, which has one message for what is missing and what is invalid."""
    field.error_messages.update(required=message, invalid=message)
    return field
