"""The worker that sends the queued emails, started by `manage.py mail_worker`.

Any number of workers may run, on any number of hosts: the one that holds the leader lock sends,
the others wait for the lock. It belongs to the database connection (PostgreSQL) or to a file
beside the database (SQLite), so it ends with the process, however that dies.

An email is marked as sent right after the mail server accepted it: a worker killed in between
repeats that one email, with the same Message-ID. While the database cannot work (stopped, locked,
its disk full) nothing is sent: the worker gives up the lock and tries again after longer and
longer pauses. Any other error ends it, and the service manager starts it again.

This is the only module that uses what post_office does not document: `get_queued()`, `dispatch()`,
its connections and its limit of retries.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from post_office import mail
from post_office.connections import connections as smtp_connections
from post_office.models import PRIORITY, STATUS, Email
from post_office.settings import get_max_retries

from collaborative.operations.daily import (
    delete_expired_emails,
    ensure_daily_run,
    queue_digests,
    queue_goal_reminders,
    queue_reminders,
    queue_summaries,
    release_stranded_emails,
    run_task,
)
from collaborative.operations.jobs import exclusive_lock
from collaborative.operations.link_checks import check_links_in_background
from collaborative.operations.mailboxes import read_mailboxes
from collaborative.operations.outages import is_outage
from collaborative.operations.smtp_replies import dead_address_reply, is_permanent, reply_code
from desk.imports.runs import run_pending_imports
from members.bounce_addresses import bounce_address
from members.history.request_id import HEADER, bind_request_id
from members.models import Member
from teams.actions import process_pending_decisions
from teams.calendars import email_calendar
from teams.models import AnnouncementRecipient, TeamEmail
from teams.services import write_summary_again
from teams.services.announcements import record_outcome
from teams.services.bounces import process_refusal
from teams.services.invitation_emails import note_delivered
from teams.services.team_emails import Reason, why_not_to_send

POLL_SECONDS = 0.5
FIRST_RETRY_SECONDS = 2.0
# A person is waiting in front of the page for the code in an urgent email.
MAX_URGENT_RETRY_SECONDS = 10.0
MAX_RETRY_SECONDS = 30 * 60.0
MAX_OUTAGE_PAUSE_SECONDS = 5.0
# PostgreSQL notices within a minute that the leader's host has vanished, and frees the lock. The
# other direction is in env.POSTGRES_OPTIONS.
SET_KEEPALIVES = (
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
)
PERIODIC_TASKS: tuple[tuple[timedelta, Callable[[], object]], ...] = (
    (timedelta(seconds=1), process_pending_decisions),
    (timedelta(seconds=1), run_pending_imports),
    (timedelta(minutes=1), delete_expired_emails),
    (timedelta(minutes=1), check_links_in_background),
    (timedelta(minutes=1), read_mailboxes),
    (timedelta(minutes=1), release_stranded_emails),
    (timedelta(minutes=10), queue_digests),
    (timedelta(minutes=10), queue_reminders),
    (timedelta(minutes=10), queue_goal_reminders),
    (timedelta(minutes=10), queue_summaries),
    (timedelta(minutes=10), ensure_daily_run),
)

Outcome = AnnouncementRecipient.Outcome

logger = logging.getLogger(__name__)


class LeaderLockLostError(Exception):
    """The connection that held the lock was replaced; another worker may hold the lock now."""


@contextmanager
def leader_lock() -> Iterator[bool]:
    """Try to take the lock of the one worker that sends; yield whether that worked.

    The lock is the open database connection: the caller must keep it for as long as it sends.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SET_KEEPALIVES)
    with exclusive_lock("mail_worker") as acquired:
        yield acquired


class Pace:
    """How many emails of low priority, such as invitations, are sent per minute. Mail servers
    take many at once for spam, and delay all that follow."""

    def __init__(self) -> None:
        # In seconds of the monotonic clock.
        self._sent_at: deque[float] = deque()

    def allows_one(self) -> bool:
        """Return whether one more can leave now."""
        while self._sent_at and self._sent_at[0] <= time.monotonic() - 60:
            self._sent_at.popleft()
        return len(self._sent_at) < settings.EMAILS_PER_MINUTE

    def count(self) -> None:
        """Note that one leaves now."""
        self._sent_at.append(time.monotonic())


class MailWorker:
    """The loop that sends emails and runs the periodic tasks; tests replace `sleep`."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.sleep = sleep
        self.stopping = False
        self._waiting_for_lock = False
        self._consecutive_outages = 0
        self._pace = Pace()
        # In seconds of the monotonic clock, which nobody can set back.
        self._next_run_at: dict[Callable[[], object], float] = {}

    def stop(self) -> None:
        """End after the email that is being sent."""
        self.stopping = True

    def run(self) -> None:
        """Send emails as they become due until `stop()`, through outages of the database."""
        while not self.stopping:
            try:
                self._lead_or_wait()
            except Exception as error:
                if not isinstance(error, LeaderLockLostError) and not is_outage(error):
                    raise
                _release_connection()
                self._pause(error)
        logger.info("Stopped")

    def run_once(self) -> bool:
        """Send what is due now, each email once, and run the tasks.

        Return False, having done nothing, while another worker holds the lock.
        """
        with leader_lock() as acquired:
            if not acquired:
                return False
            tried: set[int] = set()
            while not self.stopping:
                email_id = self.send_next()
                if email_id is None or email_id in tried:
                    break
                tried.add(email_id)
            self.run_due_tasks()
        return True

    def _lead_or_wait(self) -> None:
        """Send for as long as this worker holds the lock; without the lock, pause once."""
        with leader_lock() as acquired:
            if acquired:
                logger.info("Leading: sending emails")
                self._send_until_stopped()
            elif not self._waiting_for_lock:
                logger.info("Another mail worker leads; waiting for it to end")
            self._waiting_for_lock, self._consecutive_outages = not acquired, 0
        if not self.stopping:
            self.sleep(POLL_SECONDS)

    def _send_until_stopped(self) -> None:
        # The lock of SQLite is a file and has opened no connection.
        connection.ensure_connection()
        locked_connection = connection.connection
        while not self.stopping:
            email_id = self.send_next()
            self.run_due_tasks()
            if connection.connection is not locked_connection:
                raise LeaderLockLostError("The database connection was replaced.")
            self._consecutive_outages = 0
            if email_id is None:
                self.sleep(POLL_SECONDS)

    def _pause(self, error: Exception) -> None:
        """Sleep after an outage: twice as long after each one, up to the limit."""
        if self.stopping:
            return
        seconds = min(
            MAX_OUTAGE_PAUSE_SECONDS, POLL_SECONDS * 2 ** min(self._consecutive_outages, 10)
        )
        self._consecutive_outages += 1
        logger.warning("Pausing: %s; next try in %.1f s", str(error).strip(), seconds)
        self.sleep(seconds)

    def send_next(self) -> int | None:
        """Send the most urgent email that is due; return its key, or None if none is due.

        An email that could not be sent gets the time of its next try, or is given up. One from a
        team that is no longer right is deleted instead.
        """
        email = self._next_email()
        if email is None:
            return None
        # Proves that the database can be written to. Without that, on a full disk, the email would
        # be sent but could not be marked, and each worker started later would send it again.
        Email.objects.filter(pk=email.pk).update(last_updated=timezone.now())
        email_id: int = email.pk
        with bind_request_id((email.headers or {}).get(HEADER, "")):
            if reason := why_not_to_send(email):
                _drop(email, reason)
                return email_id
            if email.priority == PRIORITY.low:
                self._pace.count()
            try:
                error = _deliver(email)
                if error:
                    _schedule_retry(email, error)
                else:
                    self._mark_sent(email)
            finally:
                # After the mark, so that a kill repeats fewer emails.
                _close_smtp()
        return email_id

    def _next_email(self) -> Email | None:
        """Return the most urgent email that is due. One of low priority comes after all others,
        and waits while as many as may left within the last minute."""
        email: Email | None = mail.get_queued().first()
        if email is None or email.priority != PRIORITY.low:
            return email
        return email if self._pace.allows_one() else None

    def _mark_sent(self, email: Email) -> None:
        """Mark an email as sent, however long the database needs to accept that: until then only
        this process knows, and any other worker would send the email again."""
        now = timezone.now()
        while True:
            try:
                with transaction.atomic():
                    Email.objects.filter(pk=email.pk).update(status=STATUS.sent, last_updated=now)
                    record_outcome(email, Outcome.SENT)
                    note_delivered(email)
                break
            except Error as error:
                if self.stopping or not is_outage(error):
                    logger.error(
                        "Email %s was sent and will be again: it could not be marked", email.pk
                    )
                    raise
                if not connection.is_usable():
                    connection.close()
                self._pause(error)
        seconds = (now - email.created).total_seconds()
        logger.info("Email %s sent %.1f s after it was queued", email.pk, seconds)

    def run_due_tasks(self) -> None:
        """Run the periodic tasks whose time has come.

        A task that fails is logged and runs again after its interval; emails go out all the same.
        An error of the database connection is raised.
        """
        for interval, task in PERIODIC_TASKS:
            now = time.monotonic()
            if now >= self._next_run_at.get(task, now):
                self._next_run_at[task] = now + interval.total_seconds()
                run_task(task)


def _release_connection() -> None:
    """Close the database connection, and with it the leader lock; a pool would keep both."""
    connection.close()
    # Only the PostgreSQL backend has a pool.
    if hasattr(connection, "close_pool"):
        connection.close_pool()


def _deliver(email: Email) -> Exception | None:
    """Give an email to the mail server; return the error, of whatever kind, if that failed."""
    try:
        _attach_calendar(email)
        _set_envelope_sender(email)
        email.dispatch(commit=False, disconnect_after_delivery=False)
    except Exception as error:
        return error
    return None


def _attach_calendar(email: Email) -> None:
    """Add the calendar entry of an email that has one, as the last of its alternatives: programs
    show the last one that they know. It is made now, from the meeting as it is now."""
    team_emails = TeamEmail.objects.select_related("email", "meeting", "member")
    team_email = team_emails.filter(email=email.pk).exclude(method="").first()
    if team_email and (entry := email_calendar(team_email)):
        method, text = entry
        email.email_message().attach_alternative(text, f"text/calendar; method={method}")


def _drop(email: Email, reason: str) -> None:
    """Delete an email from a team that is no longer right, and record why."""
    email_id = email.pk
    with transaction.atomic():
        record_outcome(email, Outcome.SKIPPED, reason)
        if reason == Reason.LEFT:
            write_summary_again(email)
        email.delete()
    logger.info("Email %s no longer applies (%s); deleted", email_id, reason)


def _set_envelope_sender(email: Email) -> None:
    """Let an email to a member come back, if it does, to an address that says which one it was.
    Django takes the sender of the envelope from `from_email`; people see the header."""
    if not settings.BOUNCE_EMAIL or len(email.to) != 1:
        return
    if member := Member.objects.filter(email=email.to[0]).only("email").first():
        message = email.email_message()
        message.extra_headers.setdefault("From", message.from_email)
        message.from_email = bounce_address(member, email.pk)


def _close_smtp() -> None:
    """End the session with the mail server; what it has accepted stays accepted."""
    # The errors of smtplib are OSErrors, too.
    with suppress(OSError):
        smtp_connections.close()


def _schedule_retry(email: Email, error: Exception) -> None:
    """Give an email that was not sent the time of its next try.

    After the last try, or a permanent refusal, it is given up instead. The log gets its key and the
    mail server's code, never its address.
    """
    now, tries = timezone.now(), (email.number_of_retries or 0) + 1
    reason = f"{type(error).__name__} {reply_code(error)}".strip()
    changes: dict[str, Any] = {
        "status": STATUS.failed,
        "last_updated": now,
        "number_of_retries": tries,
    }
    seconds = 0.0
    if tries <= get_max_retries() and not is_permanent(error):
        seconds = seconds_until_retry(tries, urgent=(email.priority or 0) >= PRIORITY.high)
        scheduled_time = now + timedelta(seconds=seconds)
        changes |= {"status": STATUS.requeued, "scheduled_time": scheduled_time}
    with transaction.atomic():
        Email.objects.filter(pk=email.pk).update(**changes)
        email.logs.create(status=STATUS.failed, message=str(error), exception_type=reason)
        if not seconds:
            record_outcome(email, Outcome.FAILED, _in_words(error))
    code = dead_address_reply(error)
    if code is not None:
        process_refusal(email, code)
    if seconds:
        logger.warning(
            "Email %s not sent (%s), try %s, next in %.0f s", email.pk, reason, tries, seconds
        )
    else:
        # Anyone can mistype an address and ask for a code: that is no error of the portal.
        level = logging.WARNING if email.expires_at else logging.ERROR
        logger.log(level, "Email %s given up at try %s: %s", email.pk, tries, reason)


def _in_words(error: Exception) -> str:
    """Return for people why an email could not be sent."""
    code = reply_code(error)
    return f"the mail server refused it ({code})" if code else "the mail server did not accept it"


def seconds_until_retry(tries: int, *, urgent: bool) -> float:
    """Return how long an email waits after `tries` failures: doubled each time, up to a limit.

    Scattered, so that emails that failed together are not retried all at once.
    """
    limit = MAX_URGENT_RETRY_SECONDS if urgent else MAX_RETRY_SECONDS
    seconds: float = min(limit, FIRST_RETRY_SECONDS * 2 ** min(tries - 1, 20))
    return seconds * random.uniform(0.5, 1)  # noqa: S311  # spreads load, guards nothing
