"""Any list of the desk as a file, with the filters and the search that are applied to it.

A file is written in constant memory, however long the list is, and every export is logged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import slugify
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from desk.changelist.base import (
    DeskModelAdmin,
    Row,
    describe_filters,
    is_administrator,
    require_staff,
)
from desk.models import Export
from members.batches import batched
from members.csv_files import Cell, stream_csv
from members.formulas import escape_formulas
from members.models import Member
from members.wording import counted
from teams.services import mark_unseen

# A heading and where the value is: a dotted path from the row, or a function of the row.
Column = tuple[str, str | Callable[[Any], object]]

# Rows that are fetched, and in memory, at a time.
BATCH_SIZE = 2000
# More take longer than a web server waits; CSV has no such limit.
MAX_XLSX_ROWS = 50_000
MAX_XLSX_CHARACTERS = 32_767
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSX_OPTIONS = {
    # One row in memory at a time; they have to be written in order.
    "constant_memory": True,
    # What looks like a formula or an address is text.
    "strings_to_formulas": False,
    "strings_to_urls": False,
    # Of values with a time.
    "default_date_format": "yyyy-mm-dd hh:mm",
}
# A spreadsheet has no dates before.
FIRST_XLSX_YEAR = 1900
# XML cannot hold them.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class ExportingAdmin(DeskModelAdmin[Row]):
    """A list that can be exported as CSV or XLSX: its `export_columns`, if there are any."""

    export_columns: ClassVar[Sequence[Column]] = ()

    def export_rows(self, request: HttpRequest, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows with what the columns need; a subclass adds prefetches."""
        return rows

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name=f"{self._stem}_export"), *urls]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the way to export it as it is narrowed now."""
        url = ""
        if self.export_columns:
            url = f"{reverse(f'admin:{self._stem}_export')}?{request.GET.urlencode()}"
        return super().changelist_view(request, {"export_url": url, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the file, with exactly the rows that the list shows to this person.

        Only for POST, since it is logged; a GET redirects to the list.
        """
        list_url = f"{reverse(f'admin:{self._stem}_changelist')}?{request.GET.urlencode()}"
        file_format = request.POST.get("format")
        if not self.export_columns or not self.has_view_permission(request):
            raise Http404
        if request.method != "POST" or file_format not in Export.Format.values:
            return HttpResponseRedirect(list_url)
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(list_url)
        if file_format == Export.Format.XLSX and changelist.result_count > MAX_XLSX_ROWS:
            messages.error(
                request,
                f"The list has {changelist.result_count:,} rows; an Excel file holds "
                f"{MAX_XLSX_ROWS:,}. Narrow the list, or take it as CSV.",
            )
            return HttpResponseRedirect(list_url)
        return self._export(request, changelist, file_format)

    def _export(
        self, request: HttpRequest, changelist: ChangeList, file_format: str
    ) -> HttpResponseBase:
        title = str(self.title or self.opts.verbose_name_plural)
        export = Export.objects.create(
            by=require_staff(request),
            what=title[:1].upper() + title[1:],
            filters=describe_filters(changelist)[:500],
            file_format=file_format,
            # What was requested; `_count_rows` corrects it at the end.
            rows=changelist.result_count,
        )
        instances = self.export_rows(request, changelist.queryset).iterator(chunk_size=BATCH_SIZE)
        rows = self._export_cells(instances, export.by)
        headings = [heading for heading, _ in self.export_columns]
        name = f"{slugify(title)}-{timezone.localdate():%Y-%m-%d}.{file_format}"
        return file_response(name, headings, _count_rows(export, rows))

    def _export_cells(self, instances: Iterable[Row], staff: Member) -> Generator[list[Cell]]:
        """Yield the cells of each row. People whom `staff` does not see are not named: one query
        for each batch."""
        for batch in batched(instances, BATCH_SIZE):
            rows = [
                [column_value(instance, source) for _, source in self.export_columns]
                for instance in batch
            ]
            people = (value for row in rows for value in row if isinstance(value, Member))
            mark_unseen(people, staff)
            yield from ([cell_value(value) for value in row] for row in rows)

    @property
    def _stem(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"


def column_value(instance: object, source: str | Callable[[Any], object]) -> Any:
    """Return what a column's source says about `instance`."""
    if callable(source):
        return source(instance)
    value: Any = instance
    for name in source.split("."):
        value = getattr(value, name, None)
        value = value() if callable(value) else value
    return value


def cell_value(value: Any) -> Cell:
    """Return `value` as a cell holds it: plain numbers, dates and text; yes and no for a
    boolean."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.make_naive(value)
    return value if isinstance(value, (int, float, Decimal, date, type(None))) else str(value)


def file_response(
    name: str, headings: Sequence[str], rows: Iterator[list[Cell]]
) -> HttpResponseBase:
    """Return the rows as a download, in the format that the file's name says."""
    response: HttpResponseBase
    if name.endswith(".xlsx"):
        file = write_xlsx(headings, rows)
        response = FileResponse(file, as_attachment=True, filename=name, content_type=XLSX_TYPE)
    else:
        response = StreamingHttpResponse(
            stream_csv(headings, rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    return response


def write_xlsx(headings: Sequence[str], rows: Iterable[list[Cell]]) -> IO[bytes]:
    """Return an Excel workbook in a temporary file, which is gone as soon as it is closed."""
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # closed by the response
    try:
        with Workbook(file, XLSX_OPTIONS) as workbook:
            sheet = workbook.add_worksheet()
            sheet.freeze_panes(1, 0)
            date_format = workbook.add_format({"num_format": "yyyy-mm-dd"})
            for row_number, row in enumerate(chain([headings], rows)):
                for column, value in enumerate(row):
                    _write_cell(sheet, row_number, column, value, date_format)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _write_cell(sheet: Worksheet, row: int, column: int, value: Cell, date_format: Format) -> None:
    """Write one cell. Raises ValueError where the library would only return that it did not."""
    if value is None or value == "":
        return
    if isinstance(value, date) and value.year < FIRST_XLSX_YEAR:
        value = value.isoformat()
    if isinstance(value, datetime):
        status = sheet.write_datetime(row, column, value.replace(microsecond=0))
    elif isinstance(value, date):
        status = sheet.write_datetime(row, column, value, date_format)
    elif isinstance(value, (int, float, Decimal)):
        status = sheet.write_number(row, column, value)
    else:
        status = sheet.write_string(row, column, _xlsx_text(str(value)))
    if status:
        raise ValueError(f"Row {row}, column {column} was not written: {status}")


def _xlsx_text(text: str) -> str:
    """Return text as a cell can hold it, cut visibly if it is too long for one."""
    text = escape_formulas(CONTROL_CHARACTERS.sub("", text))
    if len(text) > MAX_XLSX_CHARACTERS:
        text = f"{text[: MAX_XLSX_CHARACTERS - 1]}…"
    return text


def _count_rows(export: Export, rows: Generator[list[Cell]]) -> Iterator[list[Cell]]:
    """Yield the rows and log how many there were, also when the client goes away."""
    count = 0
    try:
        for row in rows:
            count += 1
            yield row
    finally:
        # First close the query: SQLite refuses to write while it is read.
        rows.close()
        if export.rows != count:
            export.rows = count
            export.save(update_fields=["rows"])


class ExportAdmin(DeskModelAdmin[Export]):
    """Who exported which list, for administrators to read."""

    can_add = can_change = False
    list_display = ["made_at", "by", "what", "narrowed", "file_format", "number"]
    list_display_links = None
    list_filter = ["file_format"]
    list_select_related = ["by"]
    search_fields = ["by__full_name", "by__email", "what"]
    search_help_text = "Search by name, address or list."

    def get_urls(self) -> list[URLPattern]:
        """The list only; no page of a single export."""
        return [url for url in super().get_urls() if (url.name or "").endswith("_changelist")]

    def has_view_permission(self, request: HttpRequest, obj: Export | None = None) -> bool:
        return is_administrator(request)

    @admin.display(description="narrowed to", ordering="filters")
    def narrowed(self, row: Export) -> str:
        return row.filters or "nothing"

    @admin.display(description="rows", ordering="rows")
    def number(self, row: Export) -> str:
        return counted(row.rows, "row", "rows")
