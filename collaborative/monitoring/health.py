"""What machines ask: is the process alive, can it work? Neither answer says which software runs."""

import functools
import logging
import uuid
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from post_office.models import STATUS, Email

from collaborative.operations.jobs import ages, is_taken

LATE_AFTER = timedelta(minutes=10)
SENDER_IS_MISSED = timedelta(minutes=1)  # a restart is shorter

log = logging.getLogger(__name__)


@functools.cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations in the code. Read from disk once: it does not change while we run."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def missing_migrations() -> int:
    """How many migrations of the code the database does not have."""
    return len(known_migrations() - set(MigrationRecorder(connection).applied_migrations()))


def _migrations() -> None:
    missing = missing_migrations()
    if missing:
        raise RuntimeError(f"{missing} migrations are not applied; run manage.py migrate")


def _cache() -> None:
    # A key of its own for each request: several processes ask at once.
    key = f"readyz-{uuid.uuid4().hex}"
    cache.set(key, key, 60)
    if cache.get(key) != key:
        raise RuntimeError("the cache did not keep a value; run manage.py createcachetable")
    cache.delete(key)


def waiting_emails() -> QuerySet[Email]:
    """Emails that are still to be sent."""
    queued = Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued])
    waiting: QuerySet[Email] = queued.exclude(expires_at__lte=timezone.now())
    return waiting


def oldest_waiting_email() -> datetime | None:
    """When the oldest email that is still to be sent was queued; None if none waits."""
    found: datetime | None = waiting_emails().aggregate(oldest=Min("created"))["oldest"]
    return found


def _mail(waited: timedelta) -> str:
    """In a word how it is with email, of which the oldest has waited this long."""
    if waited > SENDER_IS_MISSED and not is_taken("sender"):
        return "no sender"
    return "late" if waited > LATE_AFTER else "ok"


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else, so that a slow database restarts no worker."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and cache work, else 503 with the first that does not.

    Email that waits, and how old the last backup and daily run are (null: never), are reported
    but make no worker unready: pages work without them. The reason
    of a failure goes to the log only.
    """
    answer: dict[str, object] = {"ready": True}
    for name, check in {"database": _database, "migrations": _migrations, "cache": _cache}.items():
        try:
            check()
        except Exception:
            # The rest would fail for the same reason, each after its own timeout.
            log.exception("Not ready: %s", name)
            return JsonResponse({"ready": False, name: "failed"}, status=503)
        answer[name] = "ok"
    oldest = oldest_waiting_email()
    waited = timezone.now() - oldest if oldest else timedelta()
    answer["mail"] = _mail(waited)
    answer["oldest_waiting_mail_seconds"] = max(0, int(waited.total_seconds()))
    answer |= ages()
    return JsonResponse(answer)
