"""Jobs that must run: one process runs each, and leaves a record."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from post_office.models import STATUS, Email

from collaborative.models import JobRun
from collaborative.operations.daily import DAILY_TASKS, ensure_daily_run, run_daily
from collaborative.operations.jobs import (
    exclusive_lock,
    is_locked,
    record_run,
    seconds_since_success,
)
from collaborative.operations.link_checks import check_links_in_background
from collaborative.operations.mail_worker import (
    PERIODIC_TASKS,
    MailWorker,
    process_pending_decisions,
)
from collaborative.operations.mailboxes import read_mailboxes
from collaborative.tests.backup_files import environment, locked_elsewhere, run
from collaborative.tests.conftest import put
from desk.imports.runs import run_pending_imports


def daily_runs() -> list[bool | None]:
    return list(JobRun.objects.filter(name="daily").order_by("pk").values_list("succeeded", flat=1))


@pytest.fixture
def broken(facilitator, applicant, settings, tmp_path) -> None:
    """There is something to report, but the digest cannot be rendered."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}]


# Refusals ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_run_daily_happens_once_for_two_at_once():
    def daily(_: int) -> str:
        try:
            return run("daily")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        outputs = sorted(both.map(daily, range(2)))
    assert outputs[0].startswith("Nothing to do: it was done within the last hour")
    assert outputs[1] == "The daily run: all done.\n"
    assert daily_runs() == [True]


@pytest.mark.django_db(transaction=True)
def test_run_daily_does_nothing_beside_a_running_one():
    with locked_elsewhere("daily"):
        assert "is being done" in run("daily", "--again")
    assert daily_runs() == []


@pytest.mark.django_db
def test_run_daily_is_not_repeated_within_the_hour_unless_requested(clock):
    assert run_daily().succeeded
    assert run_daily() is None
    assert run_daily(again=True).succeeded
    clock.sleep(3700)
    assert run_daily().succeeded


@pytest.mark.django_db
def test_daily_run_goes_on_after_the_clock_was_set_back(clock):
    """A run of the future neither holds up the next one nor hides that none was made."""
    clock.set_back(timedelta(days=-30))
    assert run_daily().succeeded
    clock.set_back(timedelta(days=30))
    assert seconds_since_success()["daily"] is None
    assert run_daily().succeeded
    ensure_daily_run()
    assert daily_runs() == [True, True]
    clock.sleep(25 * 3600)
    ensure_daily_run()
    assert daily_runs() == [True, True, True]


@pytest.mark.django_db
def test_run_daily_names_what_failed_and_does_the_rest(broken, clock, caplog):
    clock.sleep(8 * 3600)
    put("Old", status=STATUS.sent)
    clock.sleep(34 * 86400)  # a Tuesday
    with pytest.raises(CommandError, match="The daily run failed: queue_digests; see the log"):
        call_command("daily")
    assert not Email.objects.filter(subject="Old").exists()
    assert "queue_digests failed" in caplog.text
    assert daily_runs() == [False]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "invalid",
    [
        {"name": "party"},
        {"name": "daily", "succeeded": True},
        {"name": "daily", "finished_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_job_run_constraints_refuse_invalid_rows(invalid):
    with pytest.raises(IntegrityError), transaction.atomic():
        JobRun.objects.create(**invalid)


@pytest.mark.django_db
def test_record_run_stores_the_error_and_raises_it():
    with pytest.raises(ValueError, match="no such luck"), record_run(JobRun.Job.BACKUP):
        raise ValueError("no such luck")
    failed = JobRun.objects.get()
    assert (failed.succeeded, failed.outcome) == (False, "no such luck")
    assert failed.finished_at >= failed.started_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_record_run_stops_no_job_when_it_cannot_write():
    with connection.cursor() as cursor:
        cursor.execute('ALTER TABLE "collaborative_jobrun" RENAME TO "elsewhere"')
    try:
        with record_run(JobRun.Job.BACKUP) as recorded:
            recorded.outcome = "done"
    finally:
        with connection.cursor() as cursor:
            cursor.execute('ALTER TABLE "elsewhere" RENAME TO "collaborative_jobrun"')
    assert recorded.succeeded
    assert not JobRun.objects.exists()


# The lock ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_exclusive_lock_is_seen_by_others():
    assert not is_locked("daily")
    with locked_elsewhere("daily"):
        assert is_locked("daily")
        assert not is_locked("backup")
        with exclusive_lock("daily") as acquired:
            assert not acquired
    assert not is_locked("daily")


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="test_mail_worker_command.py kills who holds it there"
)
def test_exclusive_lock_ends_with_the_process():
    script = (
        "import django; django.setup()\n"
        "import sys\n"
        "from collaborative.operations.jobs import exclusive_lock\n"
        "with exclusive_lock('daily') as free:\n"
        "    print(free, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**environment(), "DJANGO_SETTINGS_MODULE": "collaborative.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"True\n"
        assert is_locked("daily")
    finally:
        holder.kill()
        holder.communicate()
    assert not is_locked("daily")


# The mail worker and the timer ----------------------------------------------------------------


@pytest.mark.django_db
def test_mail_worker_does_the_daily_run_once_a_day(clock):
    worker = MailWorker()
    for _ in range(24 * 2):  # two days, every hour
        worker.run_due_tasks()
        clock.sleep(3600)
    assert daily_runs() == [True] * 2


@pytest.mark.django_db
def test_ensure_daily_run_leaves_it_to_a_timer(clock):
    for _ in range(3):
        call_command("daily")
        clock.sleep(86390)
        ensure_daily_run()
    assert daily_runs() == [True] * 3


@pytest.mark.django_db
def test_ensure_daily_run_retries_a_failed_run_after_an_hour(broken, clock):
    clock.sleep(8 * 3600)
    for _ in range(12):
        ensure_daily_run()
        clock.sleep(600)
    assert daily_runs() == [False, False]


def test_periodic_tasks_are_in_the_daily_run_too():
    frequent = {task for _, task in PERIODIC_TASKS}
    assert frequent - set(DAILY_TASKS) == {
        process_pending_decisions,
        run_pending_imports,
        read_mailboxes,
        check_links_in_background,
        ensure_daily_run,
    }


@pytest.mark.django_db
def test_run_daily_deletes_old_job_runs(clock):
    run_daily()
    clock.sleep(91 * 86400)
    run_daily()
    assert daily_runs() == [True]


@pytest.mark.django_db
@pytest.mark.both_databases
def test_seconds_since_success_ignores_failed_and_unfinished_runs():
    assert seconds_since_success() == {"backup": None, "daily": None}
    now = timezone.now()
    for hours, good in [(50, True), (30, True), (1, False)]:
        at = now - timedelta(hours=hours)
        JobRun.objects.create(name="backup", started_at=at, finished_at=at, succeeded=good)
    JobRun.objects.create(name="daily", started_at=now)
    seconds = seconds_since_success()
    assert 30 * 3600 <= seconds["backup"] < 30 * 3600 + 60
    assert seconds["daily"] is None
