"""The pages of an import: upload a file, read what it would do, press once to do it.

Between the check and the press the table is in the page, signed for the person who uploaded it:
nothing is kept on the server, so nothing has to be cleaned up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from desk.changelist import DeskModelAdmin, require_staff
from desk.changelist.base import Row
from desk.changelist.export import stream_csv
from desk.imports.base import FileImport, ImportReport
from desk.imports.reader import MAX_BYTES, MAX_ROWS, TableRow, read_table
from members.models import Member
from members.services import Refused

# After that the file has to be checked again.
CHECK_VALID_FOR = timedelta(hours=1)
# Of the table in the page; below DATA_UPLOAD_MAX_MEMORY_SIZE.
MAX_SIGNED_BYTES = 800_000
MAX_ERRORS_ON_PAGE = 200


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
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx,.xlsb,.xls,.ods"}),
    )


class ImportingAdmin(DeskModelAdmin[Row]):
    """A list that a file can be imported into."""

    import_class: ClassVar[type[FileImport]]

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "import": ("import/", self.import_view),
            "import_store": ("import/store/", self.import_store_view),
            "import_template": ("import/template/", self.import_template_view),
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
        """Ask for a file (GET), or check it and say what would happen (POST): nothing is stored."""
        staff = require_staff(request)
        form = UploadForm(
            request.POST if request.method == "POST" else None,
            request.FILES if request.method == "POST" else None,
        )
        if request.method == "POST" and form.is_valid():
            try:
                table = read_table(
                    form.cleaned_data["file"],
                    self.import_class.columns,
                    self.import_class.optional_columns,
                )
                signed_rows = self._sign(table.rows, staff)
            except Refused as refusal:
                form.add_error("file", str(refusal))
            else:
                report = self.import_class(table.rows, by=staff).check()
                notes = table.notes()
                return self._render_report(request, report, signed_rows, notes=notes)
        context: dict[str, Any] = {
            "form": form,
            "columns": list(
                zip(self.import_class.columns, self.import_class.column_help, strict=True)
            ),
            "template_url": self._url("import_template"),
        }
        return self._render(request, "admin/import.html", context)

    def import_store_view(self, request: HttpRequest) -> HttpResponse:
        """Import what was checked. If something has changed since so that a row cannot be
        imported, nothing is stored and the errors are shown."""
        if request.method != "POST":
            return HttpResponseRedirect(self._url("import"))
        staff = require_staff(request)
        signed_rows = request.POST.get("signed_rows", "")
        try:
            rows = self._unsign(signed_rows, staff)
        except signing.BadSignature:
            messages.error(request, "The check is too old. Choose the file again.")
            return HttpResponseRedirect(self._url("import"))
        send_email = "send_email" in request.POST
        report = self.import_class(rows, by=staff, send_email=send_email).store()
        if report.errors:
            return self._render_report(request, report, signed_rows, changed_since_check=True)
        messages.success(request, f"Imported. {' '.join(report.summary)}")
        # Not to the list: it would show at once which of the addresses had an account.
        return HttpResponseRedirect(self._url("import"))

    def import_template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the headings."""
        name = f"{self.opts.model_name}-import.csv"
        return HttpResponse(
            stream_csv(self.import_class.columns, iter(())),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _render_report(
        self,
        request: HttpRequest,
        report: ImportReport,
        signed_rows: str,
        *,
        notes: Sequence[str] = (),
        changed_since_check: bool = False,
    ) -> HttpResponse:
        context = {
            "signed_rows": signed_rows,
            "notes": notes,
            "changed_since_check": changed_since_check,
            "summary": report.summary,
            "errors": report.errors[:MAX_ERRORS_ON_PAGE],
            "more_errors": max(0, len(report.errors) - MAX_ERRORS_ON_PAGE),
            "changes_nothing": report.changes_nothing,
            "offers_email": self.import_class.offers_email,
            "import_url": self._url("import"),
            "store_url": self._url("import_store"),
        }
        return self._render(request, "admin/import_checked.html", context)

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "title": self.import_class.title,
            "subtitle": None,
            "opts": self.opts,
            "description": self.import_class.description,
            "back_url": reverse(f"admin:{self._prefix}_changelist"),
        }
        return TemplateResponse(request, template, {**shared, **context})

    def _sign(self, rows: Sequence[TableRow], staff: Member) -> str:
        values = [[row.number, row.problems, *row.cells.values()] for row in rows]
        signed = signing.dumps(values, salt=self._salt(staff), compress=True)
        if len(signed) > MAX_SIGNED_BYTES:
            raise Refused("The file holds too much text. Split it.")
        return signed

    def _unsign(self, signed_rows: str, staff: Member) -> list[TableRow]:
        """Return the rows that `_sign` has signed for the same person and kind of import."""
        values = signing.loads(signed_rows, salt=self._salt(staff), max_age=CHECK_VALID_FOR)
        columns = self.import_class.columns
        return [
            TableRow(number, dict(zip(columns, cells, strict=True)), problems)
            for number, problems, *cells in values
        ]

    def _salt(self, staff: Member) -> str:
        return f"import {self._prefix} {staff.pk}"

    def _url(self, name: str) -> str:
        return reverse(f"admin:{self._prefix}_{name}")

    @property
    def _prefix(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"
