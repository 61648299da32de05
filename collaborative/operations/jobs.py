"""Jobs that must run: at most one process runs each at a time, and each run leaves a record."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, transaction
from django.db.models import Max
from django.utils import timezone

from collaborative.models import JobRun

# A day, and time to run late.
OVERDUE_AFTER = timedelta(hours=26)
KILLED = "the process was killed before it could record a result"
BEHIND_POOLER = (
    "DATABASE_URL leads through a pooler, and this command needs a connection of its own. Set it "
    "to the database's own address for this process: deploy/many-machines.md, part 3."
)
# PostgreSQL's advisory locks are numbers: any that nothing else in this database locks.
LOCK_IDS = {"mail_worker": 0x636F6C6C6162, "backup": 0x636F6C6C6163, "daily": 0x636F6C6C6164}

logger = logging.getLogger(__name__)


@contextmanager
def exclusive_lock(name: str) -> Iterator[bool]:
    """Try to take the lock `name` of LOCK_IDS, for all processes on this database; yield whether
    that worked.

    The lock belongs to the database connection (PostgreSQL), which must stay open meanwhile, or to
    a file beside the database (SQLite): it ends with the process, however that dies. Raises
    ImproperlyConfigured behind a pooler like pgbouncer, where such a lock holds nothing.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s), pg_backend_pid()", [LOCK_IDS[name]])
            acquired, server_process = cursor.fetchone()
        if server_process != connection.connection.info.backend_pid:
            raise ImproperlyConfigured(BEHIND_POOLER)
        try:
            yield acquired
        finally:
            # After an error of the database its connection ends, and the lock with it.
            if acquired:
                with suppress(Error), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_IDS[name]])
        return
    with _lock_file(name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            acquired = True
        except BlockingIOError:
            acquired = False
        yield acquired


def is_locked(name: str) -> bool:
    """Return whether some process holds the lock `name` of LOCK_IDS."""
    if connection.vendor == "postgresql":
        high, low = divmod(LOCK_IDS[name], 2**32)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND classid = %s AND objid = %s AND objsubid = 1)",
                [high, low],
            )
            return bool(cursor.fetchone()[0])
    with exclusive_lock(name) as acquired:
        return not acquired


def _lock_file(name: str) -> Path:
    return Path(f"{connection.settings_dict['NAME']}-{name.replace('_', '-')}-lock")


@contextmanager
def record_run(job: JobRun.Job) -> Iterator[JobRun]:
    """Record a run of a job; the block sets `outcome`, `details` and, after a failure that it
    handles, `succeeded`.

    The text of an exception is recorded, and the exception raised. Other unfinished runs of the job
    were killed: they are closed here, so hold the lock of the job. A record that cannot be written
    (the disk is full, the table comes with the next migration) stops no job.
    """
    run = _start_run(job)
    try:
        yield run
    except BaseException as error:
        run.succeeded, run.outcome = False, str(error) or type(error).__name__
        _finish_run(run)
        raise
    run.succeeded = run.succeeded is not False
    _finish_run(run)


def _start_run(job: JobRun.Job) -> JobRun:
    run = JobRun(name=job, started_at=timezone.now())
    try:
        with transaction.atomic():
            JobRun.objects.unfinished(job).update(
                finished_at=run.started_at, succeeded=False, outcome=KILLED
            )
            run.save()
    except Error as error:
        logger.error("%s: the run cannot be recorded: %s", run.get_name_display(), error)
    return run


def _finish_run(run: JobRun) -> None:
    run.finished_at = timezone.now()
    level = logging.INFO if run.succeeded else logging.ERROR
    logger.log(level, "%s: %s", run.get_name_display(), run.outcome)
    if run.pk:
        # The log line above is the record that cannot get lost.
        with suppress(Error):
            run.save()


def seconds_since_success() -> dict[str, int | None]:
    """Return how long ago each job that must run every day last succeeded; None means never."""
    jobs = (JobRun.Job.BACKUP, JobRun.Job.DAILY)
    succeeded = JobRun.objects.past().filter(name__in=jobs, succeeded=True).order_by()
    last = dict(succeeded.values_list("name").annotate(Max("finished_at")))
    now = timezone.now()
    return {
        job.value: max(0, int((now - last[job]).total_seconds())) if job in last else None
        for job in jobs
    }
