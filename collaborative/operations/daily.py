"""What must happen once a day: the facilitators' digest, and the end of what has expired.

A timer runs `manage.py daily`; where none does, the mail worker does the same.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.utils import timezone
from post_office.models import STATUS, Email

from collaborative.models import JobRun
from collaborative.operations.jobs import exclusive_lock, record_run
from desk.imports.runs import delete_expired_imports
from desk.models import Selection
from members.auth.rate_limits import delete_expired_counters
from members.history.request_id import HEADER, bind_request_id
from members.models import Decision, SentCode
from members.services import delete_ended_sessions, delete_old_bounces
from teams.services import (
    anonymize_old_guests,
    delete_old_addresses,
    delete_old_invitations,
    delete_old_recipients,
    delete_settled_claims,
    hold_past_meetings,
    send_digests,
    send_goal_reminders,
    send_reminders,
    send_summaries,
)

# In local time.
FIRST_DIGEST_HOUR = 7
FIRST_SUMMARY_HOUR = 8
EMAIL_RETENTION = timedelta(days=30)
# Codes that the mail server refused stay until an administrator can have seen them.
REFUSED_CODE_RETENTION = timedelta(days=1)
# As long as the session that holds its key: until then the page says that the code is too old.
EXPIRED_CODE_RETENTION = timedelta(days=1)
# Item by item; what a decision changed stays in the history.
DECISION_RETENTION = timedelta(days=7)
JOB_RUN_RETENTION = timedelta(days=90)
DAILY_RUN_INTERVAL = timedelta(days=1)
# Between any two daily runs, whether a timer or the mail worker starts them.
MIN_DAILY_RUN_INTERVAL = timedelta(hours=1)
# Nothing schedules an email as far ahead as this; a clock that was wrong did.
MAX_SCHEDULED_AHEAD = timedelta(hours=1)
DELETE_BATCH_SIZE = 1000

logger = logging.getLogger(__name__)


def queue_digests() -> None:
    """Queue the facilitators' daily email, on working days from FIRST_DIGEST_HOUR on."""
    now = timezone.localtime()
    if now.hour >= FIRST_DIGEST_HOUR:
        send_digests(now.date())


def queue_reminders() -> None:
    """Queue the meeting reminders that are due."""
    send_reminders(timezone.now())


def queue_goal_reminders() -> None:
    """Queue the reminders of goals, on working days from FIRST_DIGEST_HOUR on."""
    now = timezone.localtime()
    if now.hour >= FIRST_DIGEST_HOUR:
        send_goal_reminders(now.date())


def queue_summaries() -> None:
    """Queue the monthly summaries, on working days from FIRST_SUMMARY_HOUR on."""
    now = timezone.localtime()
    if now.hour >= FIRST_SUMMARY_HOUR:
        send_summaries(now.date())


def delete_expired_emails() -> None:
    """Delete the codes that no longer work, sent or not; those that were refused a day later."""
    now = timezone.now()
    expired = Email.objects.filter(expires_at__lte=now)
    unsent = expired.filter(status__in=[STATUS.queued, STATUS.requeued])
    for email_id, headers in unsent.values_list("pk", "headers"):
        with bind_request_id((headers or {}).get(HEADER, "")):
            logger.warning("Email %s expired before it could be sent", email_id)
    recently_refused = {"status": STATUS.failed, "expires_at__gt": now - REFUSED_CODE_RETENTION}
    _delete_emails(expired.exclude(**recently_refused))


def release_stranded_emails() -> None:
    """Let emails leave now that wait for a time which a wrong clock, since set back, gave them."""
    now = timezone.now()
    unsent = Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued])
    stranded = unsent.filter(scheduled_time__gt=now + MAX_SCHEDULED_AHEAD)
    if count := stranded.update(scheduled_time=now):
        logger.warning("The clock was set back: %s scheduled emails are due now", count)


def delete_old_records() -> None:
    """Delete old emails that were sent or given up, sessions that have ended, codes that no session
    refers to, and old decisions, selections and job runs."""
    now = timezone.now()
    done = Email.objects.filter(status__in=[STATUS.sent, STATUS.failed])
    _delete_emails(done.filter(last_updated__lt=now - EMAIL_RETENTION))
    delete_ended_sessions()
    SentCode.objects.filter(expires_at__lt=now - EXPIRED_CODE_RETENTION).delete()
    Decision.objects.filter(finished_at__lt=now - DECISION_RETENTION).delete()
    Selection.objects.filter(created_at__lt=now - DECISION_RETENTION).delete()
    JobRun.objects.filter(started_at__lt=now - JOB_RUN_RETENTION).delete()


def _delete_emails(emails: QuerySet[Email]) -> None:
    """Delete in batches: the log lines of each email go with it, and locks stay short."""
    while email_ids := list(emails.values_list("pk", flat=True)[:DELETE_BATCH_SIZE]):
        Email.objects.filter(pk__in=email_ids).delete()


# Each of them may run any number of times a day.
DAILY_TASKS: tuple[Callable[[], object], ...] = (
    queue_digests,
    queue_reminders,
    queue_goal_reminders,
    queue_summaries,
    delete_expired_emails,
    release_stranded_emails,
    delete_old_records,
    delete_old_addresses,
    delete_old_invitations,
    delete_old_recipients,
    delete_old_bounces,
    delete_settled_claims,
    hold_past_meetings,
    anonymize_old_guests,
    delete_expired_imports,
    delete_expired_counters,
)


def run_daily(*, again: bool = False) -> JobRun | None:
    """Run all of DAILY_TASKS and return the record of the run.

    Return None, having done nothing, if another process is running them or has done so within the
    last hour (unless `again`). A task that fails is logged and named in the record, and the others
    still run; only an error of the database connection is raised.
    """
    with exclusive_lock("daily") as acquired:
        recent = JobRun.objects.succeeded("daily").filter(
            started_at__gt=timezone.now() - MIN_DAILY_RUN_INTERVAL
        )
        if not acquired or (not again and recent.exists()):
            return None
        with record_run(JobRun.Job.DAILY) as run:
            failed = [task.__name__ for task in DAILY_TASKS if not run_task(task)]
            run.succeeded = not failed
            run.outcome = f"failed: {', '.join(failed)}; see the log" if failed else "all done"
        return run


def ensure_daily_run() -> None:
    """Run the daily tasks if nothing has run them for a day; after a failed run, in an hour."""
    now, runs = timezone.now(), JobRun.objects.past().filter(name="daily")
    recent = runs.filter(started_at__gt=now - MIN_DAILY_RUN_INTERVAL)
    succeeded = runs.filter(started_at__gt=now - DAILY_RUN_INTERVAL, succeeded=True)
    if not (recent | succeeded).exists():
        run_daily()


def run_task(task: Callable[[], object]) -> bool:
    """Run a task and return whether it succeeded; log its error, unless the database is lost."""
    try:
        task()
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%s failed", task.__name__)
        return False
    return True
