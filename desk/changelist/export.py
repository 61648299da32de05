"""Any list of the desk as a file, with the filters and the search that are applied to it.

A file leaves in constant memory, however long the list is, and every one is logged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
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
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from desk.changelist.base import (
    DeskModelAdmin,
    Row,
    counted,
    describe_filters,
    is_administrator,
    require_staff,
)
from desk.models import Export

# A heading and where the value is: a dotted path from the row, or a function of the row.
Column = tuple[str, str | Callable[[Any], object]]
Cell = str | int | float | Decimal | date | datetime | None

CHUNK = 2000  # rows in memory at a time
XLSX_ROWS = 50_000  # more take longer than a web server waits; CSV has no such limit
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would run what begins so


class ExportingAdmin(DeskModelAdmin[Row]):
    """A list that can be taken along as CSV or XLSX: its `export_columns`, if there are any."""

    export_columns: ClassVar[Sequence[Column]] = ()

    def export_rows(self, request: HttpRequest, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The rows with what the columns need besides; a subclass adds prefetches."""
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
        """The file. It has exactly the rows that the list shows to whoever is here; since it is
        logged, it is asked for by POST, and a GET leads to the list."""
        back = f"{reverse(f'admin:{self._stem}_changelist')}?{request.GET.urlencode()}"
        file_format = request.POST.get("format")
        if not self.export_columns or not self.has_view_permission(request):
            raise Http404
        if request.method != "POST" or file_format not in Export.Format.values:
            return HttpResponseRedirect(back)
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(back)
        if file_format == Export.Format.XLSX and shown.result_count > XLSX_ROWS:
            messages.error(
                request,
                f"The list has {shown.result_count:,} rows; an Excel file holds {XLSX_ROWS:,}. "
                "Narrow the list, or take it as CSV.",
            )
            return HttpResponseRedirect(back)
        return self._export(request, shown, file_format)

    def _export(
        self, request: HttpRequest, shown: ChangeList, file_format: str
    ) -> HttpResponseBase:
        title = str(self.title or self.opts.verbose_name_plural)
        log = Export.objects.create(
            by=require_staff(request),
            what=title[:1].upper() + title[1:],
            filters=describe_filters(shown)[:500],
            file_format=file_format,
            rows=shown.result_count,  # what was asked for; `_logged` corrects it at the end
        )
        rows = self.export_rows(request, shown.queryset).iterator(chunk_size=CHUNK)
        table = ([value_of(row, source) for _, source in self.export_columns] for row in rows)
        headings = [heading for heading, _ in self.export_columns]
        name = f"{slugify(title)}-{timezone.localdate():%Y-%m-%d}.{file_format}"
        return as_file(name, headings, _logged(log, table))

    @property
    def _stem(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"


def value_of(row: object, source: str | Callable[[Any], object]) -> Cell:
    """What stands in a cell: plain numbers, dates and text; yes and no for a boolean."""
    value: Any = row
    if callable(source):
        value = source(row)
    else:
        for name in source.split("."):
            value = getattr(value, name, None)
            value = value() if callable(value) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.make_naive(value)
    return value if isinstance(value, (int, float, Decimal, date, type(None))) else str(value)


def as_file(name: str, headings: Sequence[str], table: Iterator[list[Cell]]) -> HttpResponseBase:
    """The table as a download; its name says the format."""
    response: HttpResponseBase
    if name.endswith(".xlsx"):
        book = xlsx_file(headings, table)
        response = FileResponse(book, as_attachment=True, filename=name, content_type=XLSX_TYPE)
    else:
        response = StreamingHttpResponse(
            csv_lines(headings, table),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    return response


def csv_lines(headings: Sequence[str], table: Iterator[list[Cell]]) -> Iterator[bytes]:
    """CSV in pieces of some hundred rows, with the mark by which Excel knows accents."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(headings)
    for row in table:
        writer.writerow([_csv_cell(value) for value in row])
        if buffer.tell() > 50_000:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def xlsx_file(headings: Sequence[str], table: Iterable[list[Cell]]) -> IO[bytes]:
    """An Excel workbook in a temporary file, which is gone as soon as it is closed."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    sheet.append(list(headings))
    for row in table:
        sheet.append([_xlsx_cell(value) for value in row])
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # closed by whoever sends it
    book.save(file)
    file.seek(0)
    return file


def safe(text: str) -> str:
    """`text` that no spreadsheet takes for a formula: a leading apostrophe says "text"."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv_cell(value: Cell) -> object:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    return safe(value) if isinstance(value, str) else value


def _xlsx_cell(value: Cell) -> object:
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    return safe(ILLEGAL_CHARACTERS_RE.sub("", value)) if isinstance(value, str) else value


def _logged(log: Export, table: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
    """The rows, counted; the log gets the number also when the client goes away."""
    count = 0
    try:
        for row in table:
            count += 1
            yield row
    finally:
        # First let go of the list: SQLite refuses to write in the middle of an old reading.
        table.close()  # type: ignore[attr-defined]  # a generator
        if log.rows != count:
            log.rows = count
            log.save(update_fields=["rows"])


@admin.register(Export)
class ExportAdmin(DeskModelAdmin[Export]):
    """Who took which list out of the portal, for administrators to read."""

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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Export | None = None) -> bool:
        return False

    @admin.display(description="narrowed to", ordering="filters")
    def narrowed(self, row: Export) -> str:
        return row.filters or "nothing"

    @admin.display(description="rows", ordering="rows")
    def number(self, row: Export) -> str:
        return counted(row.rows, "row", "rows")
