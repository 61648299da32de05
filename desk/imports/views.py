"""The pages of an import: upload a file, read what it would do, press once to do it.

Between check and press the table travels in the page itself, signed for whoever uploaded it:
nothing is kept on the server, so nothing has to be cleaned up.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from tablib import Dataset

from desk.changelist import DeskModelAdmin, require_staff
from desk.changelist.base import Row
from desk.imports.reader import MAX_BYTES, MAX_ROWS, ROW, read_table
from desk.imports.resource import FileImport
from members.history.changesets import ChangeSource, capture_changes, change_source
from members.models import Member
from members.services import Refused

CHECKED_SECONDS = 60 * 60  # so long a check can be followed by the press
CHECKED_BYTES = 800_000  # of the table in the page; below DATA_UPLOAD_MAX_MEMORY_SIZE
SHOWN = 200  # errors on one page


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(
        label="File",
        help_text=f"CSV or Excel (.xlsx), at most {MAX_ROWS:,} rows and "
        f"{MAX_BYTES // 1_000_000} MB.",
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
        },
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx"}),
    )


@dataclass
class CellError:
    """What cannot be imported, and how to mend it; without a row: the file as a whole."""

    say: str
    row: int | None = None
    column: str = ""
    there: str = ""


def run(resource: FileImport, table: Dataset, *, store: bool) -> tuple[list[str], list[CellError]]:
    """Import the table, all or nothing, or take everything back again unless `store`.

    Returns what is new and what is known, in words, and the errors.
    """
    with change_source(ChangeSource.IMPORT), capture_changes() as trail:
        result = resource.import_data(table, dry_run=not store, use_transactions=True)
        told = resource.told(trail)
    errors = []
    for whole in result.base_errors:
        if not isinstance(whole.error, Refused):
            raise whole.error
        errors.append(CellError(str(whole.error)))
    for _, found in result.row_errors():
        for error in found:
            column = error.error.column
            errors.append(CellError(str(error.error), error.number, column, error.row[column]))
    return told, errors


class ImportingAdmin(DeskModelAdmin[Row]):
    """A list that a file can be imported into."""

    importing: ClassVar[type[FileImport]]

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
        url = self._page("import")
        return super().changelist_view(request, {"import_url": url, **(extra_context or {})})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file (GET), or check it and say what would happen (POST): nothing is stored."""
        desk = require_staff(request)
        form = UploadForm(
            request.POST if request.method == "POST" else None,
            request.FILES if request.method == "POST" else None,
        )
        if request.method == "POST" and form.is_valid():
            try:
                table, unread = read_table(form.cleaned_data["file"], self.importing.columns)
                checked = self._sign(table, desk)
            except Refused as refusal:
                form.add_error("file", str(refusal))
            else:
                resource = self.importing(desk)
                told, errors = run(resource, table, store=False)
                found = {"told": told, "unread": unread, "checked": checked}
                return self._checked_page(request, resource, found, errors)
        context = {
            "form": form,
            "columns": list(zip(self.importing.columns, self.importing.example, strict=True)),
            "template_url": self._page("import_template"),
        }
        return self._render(request, "admin/import.html", context)

    def import_store_view(self, request: HttpRequest) -> HttpResponse:
        """Import what was checked. If something changed meanwhile so that a row cannot be
        imported any more, nothing is stored and the errors are told."""
        if request.method != "POST":
            return HttpResponseRedirect(self._page("import"))
        desk = require_staff(request)
        checked = request.POST.get("checked", "")
        try:
            rows = signing.loads(checked, salt=self._salt(desk), max_age=CHECKED_SECONDS)
        except signing.BadSignature:
            messages.error(request, "The check is too old. Choose the file again.")
            return HttpResponseRedirect(self._page("import"))
        table = Dataset(*rows, headers=[ROW, *self.importing.columns])
        resource = self.importing(desk, with_mail="with_mail" in request.POST)
        told, errors = run(resource, table, store=True)
        if errors:
            found = {"told": told, "unread": [], "checked": checked, "meanwhile": True}
            return self._checked_page(request, resource, found, errors)
        messages.success(request, f"Imported. {' '.join(told)}")
        return HttpResponseRedirect(reverse(f"admin:{self._prefix}_changelist"))

    def import_template_view(self, request: HttpRequest) -> HttpResponse:
        """An empty file with the headings."""
        buffer = io.StringIO()
        csv.writer(buffer).writerow(self.importing.columns)
        name = f"{self.opts.model_name}-import.csv"
        return HttpResponse(
            f"\ufeff{buffer.getvalue()}",
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _checked_page(
        self,
        request: HttpRequest,
        resource: FileImport,
        found: dict[str, Any],
        errors: list[CellError],
    ) -> HttpResponse:
        context = {
            "meanwhile": False,
            **found,
            "errors": errors[:SHOWN],
            "more": max(0, len(errors) - SHOWN),
            "changes_nothing": resource.changes_nothing,
            "asks_for_email": resource.asks_for_email,
            "import_url": self._page("import"),
            "store_url": self._page("import_store"),
        }
        return self._render(request, "admin/import_checked.html", context)

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "title": self.importing.title,
            "subtitle": None,
            "opts": self.opts,
            "says": self.importing.says,
            "back_url": reverse(f"admin:{self._prefix}_changelist"),
        }
        return TemplateResponse(request, template, {**shared, **context})

    def _sign(self, table: Dataset, desk: Member) -> str:
        rows = [list(row) for row in table]
        signed = signing.dumps(rows, salt=self._salt(desk), compress=True)
        if len(signed) > CHECKED_BYTES:
            raise Refused("The file holds too much text. Split it.")
        return signed

    def _salt(self, desk: Member) -> str:
        return f"import {self._prefix} {desk.pk}"

    def _page(self, name: str) -> str:
        return reverse(f"admin:{self._prefix}_{name}")

    @property
    def _prefix(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"
