"""Checking and importing files in the background: once, whole, and whatever happens meanwhile."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from collaborative.operations.daily import DAILY_TASKS
from collaborative.operations.mail_worker import PERIODIC_TASKS
from desk.imports import runs
from desk.imports.members import MemberImport
from desk.imports.reader import TableRow
from desk.models import Import
from members.models import Member

pytestmark = pytest.mark.both_databases

NORA = ("nora@rush.example", "Nora Newcomer", "", "Rush Example Hospital", "Education")


@pytest.fixture
def pending(facilitator, team, organization, monkeypatch) -> Import:
    """Return an import that waits to be checked."""
    monkeypatch.setattr(runs, "MAX_ROWS_IN_REQUEST", 0)
    row = TableRow(2, dict(zip(MemberImport.columns, NORA, strict=True)))
    notes = ["Read: the sheet “A\0\u202eB”."]
    return runs.create_import("members", [row], by=facilitator, notes=notes)


def run(record: Import) -> Import:
    runs.run_pending_imports()
    record.refresh_from_db()
    return record


def is_imported() -> bool:
    return Member.objects.filter(email=NORA[0]).exists()


def test_run_pending_imports_checks_and_then_stores_what_is_asked_for(pending):
    assert pending.notes == ["Read: the sheet “AB”."]
    assert run(pending).state == "checked"
    assert not is_imported()
    assert runs.start_import(pending, version=pending.version, send_email=False)
    assert run(pending).state == "done"
    assert is_imported()
    # The file is gone; what it brought is in the records.
    assert (pending.rows, list(pending.report)) == ([], ["summary"])
    assert pending.records.count() == 2


def test_run_pending_imports_leaves_a_small_file_to_its_request_for_a_while(pending):
    Import.objects.update(run_after=timezone.now() + timedelta(seconds=5))
    assert run(pending).state == "checking"
    # The clock was set back.
    Import.objects.update(run_after=timezone.now() + timedelta(days=5))
    assert run(pending).state == "checked"


def test_run_import_begins_again_after_a_kill_and_says_when_it_gives_up(pending, monkeypatch):
    def end(self, changes):
        raise KeyboardInterrupt

    runs.run_pending_imports()
    assert runs.start_import(pending, version=1, send_email=False)
    with monkeypatch.context() as patched:
        patched.setattr(MemberImport, "summarize", end)
        with pytest.raises(KeyboardInterrupt):
            runs.run_pending_imports()
    pending.refresh_from_db()
    assert (pending.state, pending.attempts, is_imported()) == ("running", 1, False)
    assert run(pending).state == "done"
    assert is_imported()


def test_run_import_gives_up_a_file_that_ends_every_process(pending):
    Import.objects.update(attempts=runs.MAX_ATTEMPTS)
    assert run(pending).state == "failed"
    assert runs.report_of(pending).summary == [runs.BROKE]
    assert pending.rows == []


def test_run_import_ends_after_an_error_of_the_program(pending, monkeypatch):
    monkeypatch.setattr(MemberImport, "changes_nothing", property(lambda self: 1 / 0))
    assert run(pending).state == "failed"
    assert not is_imported()


def test_run_import_tries_again_after_an_outage_of_the_database(pending, monkeypatch):
    def lose_connection(self):
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(MemberImport, "apply", lose_connection)
        with pytest.raises(OperationalError):
            runs.run_pending_imports()
    assert run(pending).state == "checked"


def test_run_import_stores_nothing_for_someone_who_lost_the_desk(pending, facilitator):
    runs.run_pending_imports()
    assert runs.start_import(pending, version=1, send_email=False)
    Member.objects.filter(pk=facilitator.pk).update(is_staff=False)
    assert run(pending).state == "failed"
    assert runs.report_of(pending).summary == [runs.NOT_ALLOWED]
    assert not is_imported()


def test_change_rows_leaves_an_import_that_was_started_as_it_is(pending):
    runs.run_pending_imports()
    assert runs.start_import(pending, version=1, send_email=False)
    assert runs.change_rows(pending, 1, runs.leave_out_failed_rows) is None
    assert run(pending).state == "done"


def test_delete_expired_imports_forgets_what_files_said(pending):
    done = Import.objects.create(
        by=pending.by,
        kind="members",
        file_name="done.csv",
        state="done",
        finished_at=timezone.now(),
        left_out=[{"number": 2}],
        report={"summary": ["1 known person: nora@rush.example"]},
    )
    runs.run_pending_imports()
    runs.delete_expired_imports()
    assert Import.objects.filter(pk=pending.pk).exists()
    Import.objects.update(created_at=timezone.now() - runs.ROWS_RETENTION)
    runs.delete_expired_imports()
    done.refresh_from_db()
    assert list(Import.objects.all()) == [done]
    assert (done.left_out, done.report) == ([], {})


def test_imports_are_run_by_the_mail_worker_and_deleted_every_day():
    assert runs.run_pending_imports in [task for _, task in PERIODIC_TASKS]
    assert runs.delete_expired_imports in DAILY_TASKS
