"""Checking and importing a file: a small one in the request, a large one by the mail worker.

Each run is one transaction that holds the lock of its record: a process that is killed leaves the
record as it was, and the mail worker begins once more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from desk.imports.base import CellError, FileImport, ImportReport
from desk.imports.members import MemberImport
from desk.imports.organizations import OrganizationImport
from desk.imports.reader import TableRow
from desk.models import Import
from members.models import Member
from members.normalize import clean_text

IMPORT_CLASSES: dict[str, type[FileImport]] = {
    import_class.kind: import_class for import_class in (MemberImport, OrganizationImport)
}
# With more rows a web server would wait too long.
MAX_ROWS_IN_REQUEST = 1000
# Until then a small import is checked or stored by the request that asked for it.
REQUEST_PATIENCE = timedelta(seconds=10)
# A file that ends three processes would end any number of them.
MAX_ATTEMPTS = 3
# What the file says is kept so long after the upload.
ROWS_RETENTION = timedelta(days=1)

NOT_ALLOWED = "You can no longer import this. Nothing was stored."
BROKE = "This did not work, and nothing was stored. The error is in the portal’s log."

log = logging.getLogger(__name__)


def create_import(
    kind: str,
    rows: Sequence[TableRow],
    *,
    by: Member,
    file_name: str = "",
    notes: Sequence[str] = (),
) -> Import:
    """Store what was read of a file, and return it checked, or about to be."""
    record = Import(
        by=by,
        kind=kind,
        file_name=file_name[:255],
        rows=[vars(row) for row in rows],
        # Names of sheets are in them as they were read.
        notes=[clean_text(note) for note in notes],
    )
    _save_to_check(record)
    _run_in_request(record)
    return record


def change_rows(record: Import, version: int, change: Callable[[Import], int]) -> int | None:
    """Check once more after a `change` to the rows, and return how many that changed.

    Return None, having done nothing, if the import is not as the person who asked for it has seen
    it: changed in another window, or done.
    """
    with transaction.atomic():
        seen = Import.objects.filter(pk=record.pk, state=Import.State.CHECKED, version=version)
        locked = seen.select_for_update(no_key=True).first()
        if locked is None:
            return None
        count = change(locked)
        locked.version += 1
        _save_to_check(locked)
    _run_in_request(locked)
    return count


def accept_suggestion(record: Import, fingerprint: str) -> int:
    """Put what this group of errors suggests into its cells; return how many."""
    errors = {error.row: error for error in _errors_of(record, fingerprint) if error.suggestion}
    for row in record.rows:
        if error := errors.get(row["number"]):
            row["cells"][error.column] = error.suggestion
    return len(errors)


def confirm_cells(record: Import, fingerprint: str) -> int:
    """Leave the cells of this group of questions as they are; return how many."""
    cells = [[error.row, error.column] for error in _errors_of(record, fingerprint)]
    record.confirmed_cells += cells
    return len(cells)


def leave_out_failed_rows(record: Import) -> int:
    """Take the rows that cannot be imported out of the import; return how many."""
    failed = failed_rows(record)
    numbers = {row["number"] for row in failed}
    record.left_out += failed
    record.rows = [row for row in record.rows if row["number"] not in numbers]
    return len(failed)


def failed_rows(record: Import) -> list[dict[str, Any]]:
    """Return the rows with errors, as they were read, each with what is wrong, in words."""
    messages: dict[int | None, list[str]] = {}
    for error in report_of(record).errors:
        message = f"{error.column}: {error.message}" if error.column else error.message
        messages.setdefault(error.row, []).append(message)
    return [
        {**row, "error": " ".join(messages[row["number"]])}
        for row in record.rows
        if row["number"] in messages
    ]


def start_import(record: Import, *, version: int, send_email: bool) -> bool:
    """Import what was checked; return False, having done nothing, if it is not as the person who
    asked for it has seen it, or was imported before."""
    checked = Import.objects.filter(pk=record.pk, state=Import.State.CHECKED, version=version)
    run_after = _run_after(record)
    if not checked.update(
        state=Import.State.RUNNING, send_email=send_email, attempts=0, run_after=run_after
    ):
        return False
    _run_in_request(record)
    return True


def report_of(record: Import) -> ImportReport:
    """Return what the last check, or the import, has reported."""
    return ImportReport.from_json(record.report)


def run_pending_imports() -> None:
    """Check and import what is left of the requests. The mail worker calls this every second."""
    now = timezone.now()
    # One of a far future is from before the clock was set back.
    is_due = Q(run_after__lte=now) | Q(run_after__gt=now + REQUEST_PATIENCE)
    due = Import.objects.pending().filter(is_due).order_by("pk").values_list("pk", flat=True)
    if (pk := due.first()) is not None:
        run_import(pk)


def run_import(pk: int) -> None:
    """Check or import the file of this record, unless another process does or nothing is to do.

    An error of the program is logged and ends the import; one of the database is raised, and the
    mail worker tries again.
    """
    if not _begin_attempt(pk):
        return
    try:
        with transaction.atomic():
            pending = Import.objects.pending().filter(pk=pk)
            record = pending.select_for_update(skip_locked=True, no_key=True).first()
            if record:
                _run(record)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Import %s", pk)
        _fail(pk, BROKE)


def delete_expired_imports() -> None:
    """Delete the files that no one imported, and of the others what they said."""
    old = Import.objects.filter(created_at__lt=timezone.now() - ROWS_RETENTION)
    old.filter(state__in=[Import.State.CHECKED, Import.State.FAILED]).delete()
    old.carried_out().exclude(left_out=[], report={}).update(left_out=[], report={})


def _errors_of(record: Import, fingerprint: str) -> list[CellError]:
    return [error for error in report_of(record).errors if error.fingerprint == fingerprint]


def _save_to_check(record: Import) -> None:
    record.row_count = len(record.rows)
    record.state, record.attempts = Import.State.CHECKING, 0
    record.run_after = _run_after(record)
    record.save()


def _run_after(record: Import) -> datetime:
    is_small = record.row_count <= MAX_ROWS_IN_REQUEST
    return timezone.now() + (REQUEST_PATIENCE if is_small else timedelta())


def _run_in_request(record: Import) -> None:
    if record.row_count <= MAX_ROWS_IN_REQUEST:
        run_import(record.pk)


def _begin_attempt(pk: int) -> bool:
    """Count the attempt, so that it is known if this process is killed; return whether to go on."""
    with transaction.atomic():
        pending = Import.objects.pending().filter(pk=pk).only("attempts")
        record = pending.select_for_update(skip_locked=True, no_key=True).first()
        if record is None:
            return False
        record.attempts, record.started_at = record.attempts + 1, timezone.now()
        record.save(update_fields=["attempts", "started_at"])
    if record.attempts > MAX_ATTEMPTS:
        _fail(pk, BROKE)
        return False
    return True


def _run(record: Import) -> None:
    if not (record.by.is_active and record.by.is_staff):
        _fail(record.pk, NOT_ALLOWED)
        return
    importer = IMPORT_CLASSES[record.kind](
        [TableRow(**row) for row in record.rows],
        by=record.by,
        send_email=record.send_email,
        confirmed_cells={(number, column) for number, column in record.confirmed_cells},
    )
    if record.state == Import.State.CHECKING:
        record.report = importer.check().as_json()
        record.state = Import.State.CHECKED
        record.save(update_fields=["report", "state"])
    else:
        report = importer.store(record, expected=report_of(record))
        if record.state == Import.State.DONE:
            # From now on the records themselves say who was imported.
            record.rows, record.confirmed_cells = [], []
            record.report = {"summary": report.summary}
        else:
            record.state, record.version = Import.State.CHECKED, record.version + 1
            record.report = {**report.as_json(), "changed_since_check": True}
        record.save()


def _fail(pk: int, message: str) -> None:
    Import.objects.filter(pk=pk).update(
        state=Import.State.FAILED, rows=[], report={"summary": [message]}
    )
