"""The pages of an import: upload a file, read what it would do, correct it, press once to do it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from desk.changelist import DeskModelAdmin, counted, parse_pk, require_staff
from desk.changelist.base import Row
from desk.changelist.export import file_response
from desk.imports import runs
from desk.imports.base import ErrorGroup, FileImport, group_errors
from desk.imports.reader import MAX_BYTES, MAX_ROWS, read_table
from desk.models import Import
from members.csv_files import stream_csv
from members.services import Refused

ROWS_PER_PAGE = 20
MAX_ERROR_GROUPS_ON_PAGE = 100
MAX_ROW_NUMBERS_OF_GROUP = 5
MAX_VALUES_OF_GROUP = 3
# The page of an import that is being checked or stored reloads.
RELOAD_SECONDS = 2
# Beside the columns of the import, which do not read it.
ERROR_COLUMN = "Error"
OUTDATED = "This import is no longer as you saw it: it was changed or imported in the meantime."


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(
        label="File",
        help_text="CSV, Excel (.xlsx, .xlsb, .xls) or OpenDocument (.ods), at most "
        f"{MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB.",
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
        },
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods"}),
    )


class ImportingAdmin(DeskModelAdmin[Row]):
    """A list that a file can be imported into."""

    import_class: ClassVar[type[FileImport]]

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, tuple[str, Callable[..., HttpResponseBase]]] = {
            "import": ("import/", self.import_view),
            "import_template": ("import/template/", self.import_template_view),
            "import_check": ("import/<int:pk>/", self.import_check_view),
            "import_correct": ("import/<int:pk>/correct/", self.import_correct_view),
            "import_store": ("import/<int:pk>/store/", self.import_store_view),
            "import_continue": ("import/<int:pk>/continue/", self.import_continue_view),
            "import_failed_rows": ("import/<int:pk>/failed/", self.import_failed_rows_view),
        }
        urls: list[URLPattern] = super().get_urls()
        return [
            path(address, self.admin_site.admin_view(view), name=f"{self._prefix}_{name}")
            for name, (address, view) in pages.items()
        ] + urls

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the way to the import."""
        url = self._url("import")
        return super().changelist_view(request, {"import_url": url, **(extra_context or {})})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file (GET), or check it and lead to what would happen (POST)."""
        staff = require_staff(request)
        form = UploadForm(
            request.POST if request.method == "POST" else None,
            request.FILES if request.method == "POST" else None,
        )
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                table = read_table(
                    file, self.import_class.columns, self.import_class.optional_columns
                )
            except Refused as refusal:
                form.add_error("file", str(refusal))
            else:
                record = runs.create_import(
                    self.import_class.kind,
                    table.rows,
                    by=staff,
                    file_name=file.name,
                    notes=table.notes(),
                )
                return self._redirect(record)
        context: dict[str, Any] = {
            "form": form,
            "columns": list(
                zip(self.import_class.columns, self.import_class.column_help, strict=True)
            ),
            "template_url": self._url("import_template"),
            "description": self.import_class.description,
        }
        return self._render(request, "admin/import.html", context)

    def import_check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What an uploaded file would do, or has done; while it is being checked or stored, how
        far that is."""
        record = self._get_import(request, pk)
        context = {
            "record": record,
            "correct_url": self._url("import_correct", pk),
            "store_url": self._url("import_store", pk),
            "continue_url": self._url("import_continue", pk),
            "failed_rows_url": self._url("import_failed_rows", pk),
        }
        if record.is_pending:
            response = self._render(request, "admin/import_pending.html", context)
            response["Refresh"] = str(RELOAD_SECONDS)
            return response
        if record.state != Import.State.CHECKED:
            context["summary"] = runs.report_of(record).summary
            return self._render(request, "admin/import_done.html", context)
        context |= self._check_context(request, record)
        return self._render(request, "admin/import_checked.html", context)

    def import_correct_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Accept a suggestion for all rows that it is about, leave their cells as they are, or
        leave out the rows with errors (POST); then check again."""
        record = self._get_import(request, pk)
        if request.method == "POST":
            change: Callable[[Import], int]
            if "accept" in request.POST:
                change = partial(runs.accept_suggestion, fingerprint=request.POST["accept"])
                done = "Corrected in {}."
            elif "confirm" in request.POST:
                change = partial(runs.confirm_cells, fingerprint=request.POST["confirm"])
                done = "Left as in the file: {}."
            else:
                change, done = runs.leave_out_failed_rows, "Left out: {}."
            count = runs.change_rows(record, self._posted_version(request), change)
            if count is None:
                messages.warning(request, OUTDATED)
            else:
                messages.success(request, done.format(counted(count, "row", "rows")))
        return self._redirect(record)

    def import_store_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Import what was checked (POST), once however often it is pressed. If that would do
        anything else than the check said, nothing is stored and the check is shown again."""
        record = self._get_import(request, pk)
        if request.method == "POST":
            is_started = runs.start_import(
                record,
                version=self._posted_version(request),
                send_email=self.import_class.offers_email and "send_email" in request.POST,
            )
            if not is_started and record.state == Import.State.CHECKED:
                messages.warning(request, OUTDATED)
        return self._redirect(record)

    def import_continue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Check or import it now (POST), in case no mail worker does."""
        record = self._get_import(request, pk)
        if request.method == "POST":
            runs.run_import(record.pk)
        return self._redirect(record)

    def import_failed_rows_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The rows that cannot be imported, to correct and to import again, each with its error."""
        record = self._get_import(request, pk)
        columns = self.import_class.columns
        rows = (
            [*(row["cells"].get(column, "") for column in columns), row["error"]]
            for row in [*record.left_out, *runs.failed_rows(record)]
        )
        name = f"{self.opts.model_name}-import-failed-rows.csv"
        return file_response(name, [*columns, ERROR_COLUMN], rows)

    def import_template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the headings."""
        name = f"{self.opts.model_name}-import.csv"
        return HttpResponse(
            stream_csv(self.import_class.columns, iter(())),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _get_import(self, request: HttpRequest, pk: int) -> Import:
        """Return one of the person's own imports into this list, else answer 404."""
        own = Import.objects.filter(by=require_staff(request), kind=self.import_class.kind)
        # Its pages show what the check has made of the rows.
        record = own.filter(pk=pk).defer("rows").first()
        if record is None:
            raise Http404
        return record

    def _check_context(self, request: HttpRequest, record: Import) -> dict[str, Any]:
        """Return what the page of a checked import needs besides the record."""
        report = runs.report_of(record)
        groups = group_errors(report.errors)
        failed = {error.row for error in report.errors}
        has_file_error = None in failed
        columns = self.import_class.columns
        page = Paginator(report.rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
        return {
            "report": report,
            "changed_since_check": "changed_since_check" in record.report,
            "groups": [
                (group, describe_row_numbers(group.row_numbers), shown_values(group))
                for group in groups[:MAX_ERROR_GROUPS_ON_PAGE]
            ],
            "more_groups": max(0, len(groups) - MAX_ERROR_GROUPS_ON_PAGE),
            "failed_count": len(failed - {None}),
            "good_count": 0 if has_file_error else len(report.rows) - len(failed),
            "page": page,
            "rows": [
                (row, [(column, *cell) for column, cell in zip(columns, row.cells, strict=True)])
                for row in page
            ],
            "columns": columns,
            "offers_email": self.import_class.offers_email,
        }

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        upload_url = self._url("import")
        return self.render_page(
            request, template, self.import_class.title, upload_url=upload_url, **context
        )

    def _posted_version(self, request: HttpRequest) -> int:
        """Return which check the person has read; 0 for none."""
        return parse_pk(request.POST.get("version", "")) or 0

    def _redirect(self, record: Import) -> HttpResponse:
        return HttpResponseRedirect(self._url("import_check", record.pk))

    def _url(self, name: str, *args: int) -> str:
        return reverse(f"admin:{self._prefix}_{name}", args=args)

    @property
    def _prefix(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"


def shown_values(group: ErrorGroup) -> list[str]:
    """Return what is in the cells of the group, at most MAX_VALUES_OF_GROUP; with a suggestion for
    different cells, of the first."""
    return list(group.values)[: 1 if group.error.common_suggestion else MAX_VALUES_OF_GROUP]


def describe_row_numbers(numbers: list[int]) -> str:
    """Return the numbers of the rows, at most MAX_ROW_NUMBERS_OF_GROUP, for a sentence."""
    shown = ", ".join(map(str, numbers[:MAX_ROW_NUMBERS_OF_GROUP]))
    more = len(numbers) - MAX_ROW_NUMBERS_OF_GROUP
    return f"{shown} and {more:,} more" if more > 0 else shown
