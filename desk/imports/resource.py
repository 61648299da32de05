"""From a table to the services: each cell checked, refusals told by row and column.

django-import-export walks over the rows in one transaction and takes it back after a dry run
or a refusal: the check runs the very steps that the import will run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.forms import Field
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import Resource
from import_export.results import Error, RowResult

from desk.imports.reader import ROW
from members.history.changesets import ChangeSet
from members.models import Member
from members.services import RefusedCell

Row = dict[str, Any]  # what a file has in one row, by column


def asking(field: Field, say: str) -> Field:
    """The field, which says so when it is empty or wrong."""
    field.error_messages.update(required=say, invalid=say)
    return field


class FileImport(Resource):  # type: ignore[misc]  # untyped
    """The rows of a file, imported by `desk`. A subclass says what becomes of a row."""

    columns: ClassVar[tuple[str, ...]]
    example: ClassVar[tuple[str, ...]]  # of a cell in each column, in words
    title: ClassVar[str]
    says: ClassVar[str]  # what the import does
    asks_for_email = False

    class Meta:
        model = Member  # whose database takes the transaction
        use_transactions = True
        instance_loader_class = BaseInstanceLoader  # loads nothing: the services look

    def __init__(self, desk: Member, *, with_mail: bool = False) -> None:
        super().__init__()
        self.desk = desk
        self.with_mail = with_mail

    def import_row(self, row: Row, instance_loader: Any, **kwargs: Any) -> RowResult:
        """What became of one row; all its refusals are told at once."""
        told = RowResult()
        refusals = list(self.take(row))
        told.errors = [Error(refusal, row=row, number=row[ROW]) for refusal in refusals]
        told.import_type = RowResult.IMPORT_TYPE_ERROR if refusals else RowResult.IMPORT_TYPE_UPDATE
        return told

    def take(self, row: Row) -> Iterable[RefusedCell]:
        """Import or collect `row`; or why not, by column."""
        raise NotImplementedError

    def told(self, trail: ChangeSet) -> list[str]:
        """In words, what is new and what is known."""
        raise NotImplementedError

    @property
    def changes_nothing(self) -> bool:
        raise NotImplementedError
