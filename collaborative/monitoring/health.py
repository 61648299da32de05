"""What machines ask: is the process alive, can it work? No answer says which software runs."""

import functools
import logging
import uuid
from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from post_office.models import PRIORITY, STATUS, Email

from collaborative.operations.jobs import is_locked, seconds_since_success

EMAIL_LATE_AFTER = timedelta(minutes=10)
# Longer than a restart of the mail worker takes.
MAIL_WORKER_MISSED_AFTER = timedelta(minutes=1)

logger = logging.getLogger(__name__)


@functools.cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations in the code, read from disk once per process."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def count_missing_migrations() -> int:
    """Return how many migrations of the code the database does not have."""
    return len(known_migrations() - set(MigrationRecorder(connection).applied_migrations()))


def waiting_emails() -> QuerySet[Email]:
    """Return the emails that are still to be sent."""
    queued = Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued])
    waiting: QuerySet[Email] = queued.exclude(expires_at__lte=timezone.now())
    return waiting


def queue_age_seconds() -> int:
    """Return how long the oldest waiting email has been queued; 0 if none waits. Invitations and
    the like wait for their turn (EMAILS_PER_MINUTE) until they have been tried."""
    untried = Q(number_of_retries=None) | Q(number_of_retries=0)
    oldest = (
        waiting_emails()
        .exclude(untried, priority=PRIORITY.low)
        .aggregate(oldest=Min("created"))["oldest"]
    )
    return max(0, int((timezone.now() - oldest).total_seconds())) if oldest else 0


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_migrations() -> None:
    if missing := count_missing_migrations():
        raise RuntimeError(f"{missing} migrations are not applied; run manage.py migrate")


def _check_cache() -> None:
    # A key of its own for each request: several processes check at once.
    key = f"readyz-{uuid.uuid4().hex}"
    cache.set(key, key, 60)
    if cache.get(key) != key:
        raise RuntimeError("the cache did not keep a value; run manage.py createcachetable")
    cache.delete(key)


CHECKS = {"database": _check_database, "migrations": _check_migrations, "cache": _check_cache}


def _email_state(waited: timedelta) -> str:
    """Return the state of the email queue, whose oldest email has waited this long."""
    if waited > MAIL_WORKER_MISSED_AFTER and not is_locked("mail_worker"):
        return "no mail worker"
    return "late" if waited > EMAIL_LATE_AFTER else "ok"


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200. Touches nothing else, so that a slow database restarts no worker."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, migrations and cache work, else 503 with the first that does not.

    Emails that wait, and the age of the last backup and daily run (null: never), are reported but
    make no worker unready: pages work without them. The reason of a failure is only in the log.
    """
    report: dict[str, object] = {"ready": True}
    for name, check in CHECKS.items():
        try:
            check()
        except Exception:
            # The others would fail for the same reason, each after its own timeout.
            logger.exception("Not ready: %s", name)
            return JsonResponse({"ready": False, name: "failed"}, status=503)
        report[name] = "ok"
    waited = queue_age_seconds()
    report["email"] = _email_state(timedelta(seconds=waited))
    report["oldest_waiting_email_seconds"] = waited
    report |= {f"{job}_age_seconds": age for job, age in seconds_since_success().items()}
    return JsonResponse(report)
