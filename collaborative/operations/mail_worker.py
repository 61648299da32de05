"""Sends the queued emails, for ever: the loop behind `manage.py mail_worker`.

Any number of senders may run, on any number of hosts; one leads, the others wait for it to
end. The lead is a lock on the database connection (PostgreSQL) or on a file beside the
database (SQLite), so it ends with the process, however that dies. An email is marked as sent
right after the mail server took it: a process killed in between repeats that one email, with
the same Message-ID. While the database cannot work (stopped, locked, its disk full), nothing is
sent; the lead is given back and the process tries again, after longer and longer pauses. Any
other error ends it, and whatever supervises it starts it again.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from post_office import mail
from post_office.connections import connections as mail_servers
from post_office.models import PRIORITY, STATUS, Email
from post_office.settings import get_max_retries

from collaborative.error_views import is_away
from collaborative.models import JobRun
from collaborative.operations.jobs import alone, recorded
from collaborative.operations.smtp_replies import is_permanent, reply_code
from desk.models import Selection
from members.auth.rate_limits import delete_expired_counters
from members.history.request_id import HEADER, bind_request_id
from members.models import Decision
from members.services import delete_ended_sessions
from teams.actions import process_pending_decisions
from teams.services import delete_old_addresses, send_digests

POLL_SECONDS = 0.5
FIRST_WAIT = 2.0  # seconds, doubled with every try up to the cap
URGENT_CAP = 10.0  # somebody sits in front of the page and waits for the code
OTHER_CAP = 30 * 60.0
REST_CAP = 5.0  # between two tries to reach the database
DIGEST_HOUR = 7  # local time
KEEP_DONE = timedelta(days=30)
KEEP_REFUSED = timedelta(days=1)  # codes: until somebody at the desk has seen them
KEEP_DECISIONS = timedelta(days=7)  # row by row; what happened stays in the history
KEEP_RUNS = timedelta(days=90)
DAY = timedelta(days=1)
PAUSE = timedelta(hours=1)  # between two daily runs, whoever asks for them
# The server notices within a minute that the leader's host has vanished, and frees the lock.
# The other direction is in environment.POSTGRES_OPTIONS.
KEEPALIVES = (
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
)
CHUNK = 1000

log = logging.getLogger(__name__)


class NoLeaderLockError(Exception):
    """The connection that holds the lead was replaced; another sender may lead by now."""


@contextmanager
def leader_lock() -> Iterator[bool]:
    """Try to become the one sender of this database; yields whether that worked.

    The connection must stay open for as long as the lead is needed: it is the lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(KEEPALIVES)
    with alone("sender") as leads:
        yield leads


class Sender:
    """The loop and what it remembers; `sleep` is given by tests that cannot wait."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.sleep = sleep
        self.stopping = False
        self._waiting = False
        self._failures = 0  # of the database, one after another
        self._next: dict[Callable[[], object], datetime] = {}

    def stop(self) -> None:
        """End after the email that is on its way."""
        self.stopping = True

    def run(self) -> None:
        """Wait for the lead, then send whatever becomes due, until `stop()`; through outages of
        the database."""
        while not self.stopping:
            try:
                self._lead()
            except Exception as error:
                if not isinstance(error, NoLeaderLockError) and not is_away(error):
                    raise
                _release_connection()
                self._pause(error)
        log.info("Stopped")

    def run_once(self) -> bool:
        """Send what is due now, each email once; False if another sender does that already."""
        with leader_lock() as leads:
            if not leads:
                return False
            tried: set[int] = set()
            while not self.stopping:
                handled = self.send_next()
                if handled is None or handled in tried:
                    break
                tried.add(handled)
            self.run_due_tasks()
        return True

    def _lead(self) -> None:
        """Send for as long as this process leads; if another one does, look again soon."""
        with leader_lock() as leads:
            if leads:
                log.info("Leading: sending emails")
                self._go_on()
            elif not self._waiting:
                log.info("Another sender leads; waiting for it to end")
            self._waiting, self._failures = not leads, 0
        if not self.stopping:
            self.sleep(POLL_SECONDS)

    def _go_on(self) -> None:
        connection.ensure_connection()  # the lock of SQLite needs none
        held = connection.connection
        while not self.stopping:
            handled = self.send_next()
            self.run_due_tasks()
            if connection.connection is not held:
                raise NoLeaderLockError("The database connection was replaced.")
            self._failures = 0
            if handled is None:
                self.sleep(POLL_SECONDS)

    def _pause(self, error: Exception) -> None:
        """Rest after an error of the database: longer after each, but somebody may wait for a
        code."""
        if self.stopping:
            return
        wait = min(REST_CAP, POLL_SECONDS * 2 ** min(self._failures, 10))
        self._failures += 1
        log.warning("Resting: %s; next try in %.1f s", str(error).strip(), wait)
        self.sleep(wait)

    def send_next(self) -> int | None:
        """Send the most urgent email that is due; returns its key, None if there is none.

        An email that could not be sent gets the time of its next try.
        """
        due = mail.get_queued().first()
        if due is None:
            return None
        # Proves that something can be written. Else, on a full disk, an email that is sent could
        # not be marked, and would be sent again by each sender that is started after this one.
        Email.objects.filter(pk=due.pk).update(last_updated=timezone.now())
        with (
            bind_request_id((due.headers or {}).get(HEADER, "")),
            _close_smtp(),
        ):  # of whoever caused it
            error = _hand_over(due)
            if error:
                _schedule_retry(due, error)
            else:
                self._mark(due)
        key: int = due.pk
        return key

    def _mark(self, row: Email) -> None:
        """Note that an email was sent, however long the database needs to take that: until then
        this process is the only one who knows, and any sender would send it again."""
        mark = {"status": STATUS.sent, "last_updated": timezone.now()}
        while True:
            try:
                Email.objects.filter(pk=row.pk).update(**mark)
                break
            except Error as error:
                if self.stopping or not is_away(error):
                    log.error("Email %s was sent and will be again: it could not be marked", row.pk)
                    raise
                if not connection.is_usable():
                    connection.close()
                self._pause(error)
        waited = (mark["last_updated"] - row.created).total_seconds()
        log.info("Email %s sent %.1f s after it was queued", row.pk, waited)

    def run_due_tasks(self) -> None:
        """Do the chores whose time has come.

        A chore that fails is logged and tried again when its time comes round: emails go out
        all the same. An error of the database is left to the caller.
        """
        for every, chore in CHORES:
            now = timezone.now()
            if now < self._next.get(chore, now):
                continue
            self._next[chore] = now + every
            _done(chore)


def _release_connection() -> None:
    """End the database connection, and the lead with it; a pool would keep both."""
    connection.close()
    if hasattr(connection, "close_pool"):  # of PostgreSQL
        connection.close_pool()


def _hand_over(row: Email) -> Exception | None:
    """Give an email to the mail server; returns the error if that failed, of whatever kind."""
    try:
        row.dispatch(commit=False, disconnect_after_delivery=False)
    except Exception as error:
        return error
    return None


@contextmanager
def _close_smtp() -> Iterator[None]:
    """Leave the mail server at the end: after the mark, so that a kill repeats fewer emails."""
    try:
        yield
    finally:
        with suppress(OSError):  # of smtplib, too: what was taken is taken
            mail_servers.close()


def _schedule_retry(row: Email, error: Exception) -> None:
    """Give an email that was not sent the time of its next try; give it up after the last, or if
    the mail server refused it for good. Log its key and the server's code, never its address."""
    now, tries = timezone.now(), (row.number_of_retries or 0) + 1
    reason = f"{type(error).__name__} {reply_code(error)}".strip()
    changes: dict[str, Any] = {
        "status": STATUS.failed,
        "last_updated": now,
        "number_of_retries": tries,
    }
    wait = 0.0
    if tries <= get_max_retries() and not is_permanent(error):
        wait = seconds_until_retry(tries, urgent=(row.priority or 0) >= PRIORITY.high)
        changes |= {
            "status": STATUS.requeued,
            "scheduled_time": now + timedelta(seconds=wait),
        }
    with transaction.atomic():
        Email.objects.filter(pk=row.pk).update(**changes)
        row.logs.create(status=STATUS.failed, message=str(error), exception_type=reason)
    if wait:
        log.warning("Email %s not sent (%s), try %s, next in %.0f s", row.pk, reason, tries, wait)
    else:
        # A code is whatever address a stranger typed: told at the desk, and no error of ours.
        level = logging.WARNING if row.expires_at else logging.ERROR
        log.log(level, "Email %s given up at try %s: %s", row.pk, tries, reason)


def seconds_until_retry(tries: int, *, urgent: bool) -> float:
    """How long an email rests after `tries` failures: doubled each time, capped, and scattered.

    Scattered, so that what failed together does not come back all at once.
    """
    cap = URGENT_CAP if urgent else OTHER_CAP
    doubled: float = min(cap, FIRST_WAIT * 2 ** min(tries - 1, 20))
    return doubled * random.uniform(0.5, 1)  # noqa: S311  # spreads load, guards nothing


def _remove(mails: QuerySet[Email]) -> None:
    """In pieces: the logs of each email go with it, and nobody waits long for a lock."""
    while keys := list(mails.values_list("pk", flat=True)[:CHUNK]):
        Email.objects.filter(pk__in=keys).delete()


def remove_expired() -> None:
    """Codes that no longer work, sent or not; those given up stay for a day, to be seen."""
    now = timezone.now()
    expired = Email.objects.filter(expires_at__lte=now)
    unsent = expired.filter(status__in=[STATUS.queued, STATUS.requeued])
    for key, headers in unsent.values_list("pk", "headers"):
        with bind_request_id((headers or {}).get(HEADER, "")):
            log.warning("Email %s expired before it could be sent", key)
    _remove(expired.exclude(status=STATUS.failed, expires_at__gt=now - KEEP_REFUSED))


def remove_old() -> None:
    """Emails that are done and old, sessions that have ended, the rows of old decisions, what is
    known of old runs."""
    before = timezone.now() - KEEP_DONE
    done = [STATUS.sent, STATUS.failed]
    _remove(Email.objects.filter(status__in=done, last_updated__lt=before))
    delete_ended_sessions()
    decisions_before = timezone.now() - KEEP_DECISIONS
    Decision.objects.filter(finished_at__lt=decisions_before).delete()
    Selection.objects.filter(created_at__lt=decisions_before).delete()
    JobRun.objects.filter(started_at__lt=timezone.now() - KEEP_RUNS).delete()


def queue_digests() -> None:
    """The facilitators' daily email, on working days from seven in the morning."""
    now = timezone.localtime()
    if now.hour >= DIGEST_HOUR:
        send_digests(now.date())


# All of it can be done any number of times.
DAILY: tuple[Callable[[], object], ...] = (
    queue_digests,
    remove_expired,
    remove_old,
    delete_old_addresses,
    delete_expired_counters,
)


def run_daily(*, again: bool = False) -> JobRun | None:
    """Do everything of DAILY and keep a record of it; None if another process is at it, or did
    it within the last hour (unless `again`).

    What fails is logged and told in the record; the rest is done all the same. Only a lost
    database ends it.
    """
    with alone("daily") as free:
        recent = JobRun.objects.good("daily").filter(started_at__gt=timezone.now() - PAUSE)
        if not free or (not again and recent.exists()):
            return None
        with recorded(JobRun.Job.DAILY) as run:
            failed = [chore.__name__ for chore in DAILY if not _done(chore)]
            run.succeeded = not failed
            run.outcome = f"failed: {', '.join(failed)}; see the log" if failed else "all done"
        return run


def keep_days() -> None:
    """The daily run, where no timer has begun it for a day; one that failed, after an hour."""
    now, runs = timezone.now(), JobRun.objects.filter(name="daily")
    tried = runs.filter(started_at__gt=now - PAUSE)
    if not (tried | runs.filter(started_at__gt=now - DAY, succeeded=True)).exists():
        run_daily()


def _done(chore: Callable[[], object]) -> bool:
    """Do a chore; one that fails is logged. A lost database is left to the caller."""
    try:
        chore()
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("%s failed", chore.__name__)
        return False
    return True


CHORES: tuple[tuple[timedelta, Callable[[], object]], ...] = (
    (timedelta(seconds=1), process_pending_decisions),
    (timedelta(minutes=1), remove_expired),
    (timedelta(minutes=10), queue_digests),
    (timedelta(minutes=10), keep_days),
)
