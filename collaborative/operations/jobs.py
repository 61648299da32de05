"""Jobs that must happen: one process at a time does each, and what came of it is kept."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, transaction
from django.db.models import Max
from django.utils import timezone

from collaborative.models import JobRun

OVERDUE = timedelta(hours=26)  # a day, and time to run late
KILLED = "the process ended before it could say what came of it"
POOLED = (
    "DATABASE_URL leads through a pooler, and this command needs a connection of its own. Set it "
    "to the database's own address for this process: deploy/many-machines.md, part 3."
)
# Any numbers that nothing else in this database locks.
LOCKS = {"sender": 0x636F6C6C6162, "backup": 0x636F6C6C6163, "daily": 0x636F6C6C6164}

log = logging.getLogger(__name__)


@contextmanager
def alone(lock: str) -> Iterator[bool]:
    """Try to take one of LOCKS, for all processes on this database; yields whether that worked.

    A lock on the database connection (PostgreSQL), which must stay open for as long, or on a
    file beside the database (SQLite): it ends with the process, however that dies. Raises
    ImproperlyConfigured behind a pooler like pgbouncer, where such a lock holds nothing.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s), pg_backend_pid()", [LOCKS[lock]])
            taken, server_process = cursor.fetchone()
        if server_process != connection.connection.info.backend_pid:
            raise ImproperlyConfigured(POOLED)
        try:
            yield taken
        finally:
            # After an error of the database its connection ends, and the lock with it.
            if taken:
                with suppress(Error), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCKS[lock]])
        return
    with _lock_file(lock).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = True
        except BlockingIOError:
            taken = False
        yield taken


def is_taken(lock: str) -> bool:
    """Whether some process holds one of LOCKS now."""
    if connection.vendor == "postgresql":
        high, low = divmod(LOCKS[lock], 2**32)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND classid = %s AND objid = %s AND objsubid = 1)",
                [high, low],
            )
            return bool(cursor.fetchone()[0])
    with alone(lock) as free:
        return not free


def _lock_file(lock: str) -> Path:
    return Path(f"{connection.settings_dict['NAME']}-{lock}-lock")


@contextmanager
def recorded(job: JobRun.Job) -> Iterator[JobRun]:
    """Keep what comes of a job: set `outcome`, `facts` and, where it went wrong, `succeeded`.

    An exception is kept as its text and goes on. Other runs that have not ended were killed: they
    are closed here, so call it while holding the lock of the job. A record that cannot be kept
    (the disk is full, the table comes with the next migration) stops no job.
    """
    run = _begin(job)
    try:
        yield run
    except BaseException as error:
        run.succeeded, run.outcome = False, str(error) or type(error).__name__
        _end(run)
        raise
    run.succeeded = run.succeeded is not False
    _end(run)


def _begin(job: JobRun.Job) -> JobRun:
    run = JobRun(name=job, started_at=timezone.now())
    try:
        with transaction.atomic():
            JobRun.objects.open(job).update(
                finished_at=run.started_at, succeeded=False, outcome=KILLED
            )
            run.save()
    except Error as error:
        log.error("%s: no record of it can be kept: %s", run.get_name_display(), error)
    return run


def _end(run: JobRun) -> None:
    run.finished_at = timezone.now()
    log.log(
        logging.INFO if run.succeeded else logging.ERROR,
        "%s: %s",
        run.get_name_display(),
        run.outcome,
    )
    if run.pk:
        with suppress(Error):  # the log has it
            run.save()


def ages() -> dict[str, int | None]:
    """Seconds since the last good backup and the last good daily run ended; None: never."""
    last: dict[str, Any] = dict(
        JobRun.objects.filter(name__in=[JobRun.Job.BACKUP, JobRun.Job.DAILY], succeeded=True)
        .order_by()
        .values_list("name")
        .annotate(last=Max("finished_at"))
    )
    return {f"{job}_age_seconds": _age(last.get(job)) for job in ("backup", "daily")}


def _age(moment: datetime | None) -> int | None:
    return max(0, int((timezone.now() - moment).total_seconds())) if moment else None
