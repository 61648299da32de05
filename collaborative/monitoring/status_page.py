"""The status page: how the portal itself is doing, for administrators."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST, require_safe
from post_office.models import STATUS, Email, Log

from collaborative.models import JobRun
from collaborative.monitoring.health import (
    EMAIL_LATE_AFTER,
    count_missing_migrations,
    waiting_emails,
)
from collaborative.operations.jobs import OVERDUE_AFTER, is_locked
from desk.changelist import counted, is_administrator, parse_pk, require_staff
from members.auth.code_limits import newcomer_limit, open_codes
from members.models import Bounce, Member
from members.services import failed_emails, requeue_emails

MAX_FAILED_EMAILS_SHOWN = 20
MIN_FREE_DISK_BYTES = 1024**3
START_BACKUPS = "have a timer run manage.py backup every day."
CHECK_BACKUP = "Run manage.py restore --check with a file, best on another machine."
CODES_BRAKED = (
    "A program may be entering addresses that it made up. Members sign in as before. The brake "
    "ends when there are fewer."
)
CODES_REFUSED = (
    "A mistyped address needs nothing. If the list of emails has one that is right, or many, fix "
    "what the mail server replied; then that person asks for a new code."
)


class State(StrEnum):
    GOOD = "confirmed"
    ATTENTION = "attention"
    INFO = ""


@dataclass(frozen=True)
class StatusItem:
    """One thing to know: what it is about, how it is, and what to do about it."""

    name: str
    description: str
    state: State = State.GOOD
    advice: str = ""


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show whether everything works, and what that rests on. Administrators only."""
    _require_administrator(request)
    groups = {
        "Email": email_items(),
        "Backups and the daily run": [*backup_items(), daily_run_item()],
        "Database and disks": [*database_items(), *disk_items()],
        "Versions": version_items(),
    }
    failed = _with_reasons(failed_emails())
    items = [item for group in groups.values() for item in group]
    context = {
        **admin.site.each_context(request),
        "title": "Status",
        "subtitle": None,
        "problems": [item for item in items if item.state == State.ATTENTION],
        "groups": groups,
        "failed_emails": failed.order_by("-last_updated", "-pk")[:MAX_FAILED_EMAILS_SHOWN],
        "failed_count": failed.count(),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "admin/status.html", context)


@require_POST
def requeue(request: HttpRequest) -> HttpResponse:
    """Queue one failed email again, or all of them. Administrators only."""
    administrator = _require_administrator(request)
    chosen = request.POST.get("email", "")
    pk = parse_pk(chosen)
    if chosen != "all" and pk is None:
        raise BadRequest
    count = requeue_emails(None if pk is None else [pk], by=administrator)
    if count:
        messages.success(request, f"{counted(count, 'email is', 'emails are')} queued again.")
    else:
        messages.warning(request, "That email is no longer among the failed ones.")
    return HttpResponseRedirect(reverse("status"))


def _require_administrator(request: HttpRequest) -> Member:
    if not is_administrator(request):
        raise PermissionDenied
    return require_staff(request)


# The groups --------------------------------------------------------------------------------


def email_items() -> list[StatusItem]:
    """Return what waits and since when, whether it is being sent, and what was refused."""
    sent = Email.objects.filter(status=STATUS.sent).order_by("-last_updated").first()
    last_sent = f"{_age(sent.last_updated)} ago" if sent else "none yet"
    return [
        StatusItem("Mail worker", "running")
        if is_locked("mail_worker")
        else StatusItem(
            "Mail worker", "not running", State.ATTENTION, "Start manage.py mail_worker."
        ),
        _queue_item(),
        *failed_email_items(),
        _last_refusal_item(),
        _bounces_item(),
        *open_codes_items(),
        StatusItem("Last sent", last_sent, State.INFO),
    ]


def _queue_item() -> StatusItem:
    oldest = waiting_emails().order_by("created", "pk").first()
    if oldest is None:
        return StatusItem("Queue", "nothing waits")
    count = counted(waiting_emails().count(), "email waits", "emails wait")
    tries = counted(oldest.number_of_retries or 0, "failed try", "failed tries")
    description = f"{count}, the oldest for {_age(oldest.created)}, after {tries}"
    if timezone.now() - oldest.created <= EMAIL_LATE_AFTER:
        return StatusItem("Queue", description)
    advice = "See the last refusal; the mail server's log says more."
    return StatusItem("Queue", description, State.ATTENTION, advice)


def failed_email_items() -> list[StatusItem]:
    """Return the emails that are no longer tried, and the codes of the last day among them."""
    failed = failed_emails().count()
    codes = Email.objects.filter(status=STATUS.failed, expires_at__isnull=False).count()
    items = []
    if failed:
        description = f"{counted(failed, 'email', 'emails')} could not be sent"
        advice = "They are listed below and can be queued again."
        items.append(StatusItem("Given up", description, State.ATTENTION, advice))
    if codes:
        description = f"{counted(codes, 'code', 'codes')} could not be sent in the last day"
        items.append(StatusItem("Codes given up", description, State.ATTENTION, CODES_REFUSED))
    return items or [StatusItem("Given up", "none")]


def open_codes_items() -> list[StatusItem]:
    """Return how many codes nobody has entered yet, and whether these are so many that newcomers
    get no more."""
    names = {True: "Open codes, recognized organizations", False: "Open codes, others"}
    return [_open_codes_item(name, is_recognized=kind) for kind, name in names.items()]


def _open_codes_item(name: str, *, is_recognized: bool) -> StatusItem:
    number, limit = open_codes(is_recognized=is_recognized).count(), newcomer_limit()
    description = f"{number:,} not entered yet"
    if number < limit:
        return StatusItem(name, f"{description}, newcomers get no more from {limit:,} on")
    return StatusItem(name, f"{description}, newcomers get no more", State.ATTENTION, CODES_BRAKED)


def _last_refusal_item() -> StatusItem:
    """Return the mail server's last refusal; if it was not reached, the name of the error."""
    last = Log.objects.filter(status=STATUS.failed).order_by("-pk").first()
    description = f"{last.exception_type or 'unknown'}, {_age(last.date)} ago" if last else "none"
    return StatusItem("Last refusal", description, State.INFO)


def _bounces_item() -> StatusItem:
    """Return from how many addresses emails came back, and whether the portal reads the reports."""
    number = Bounce.objects.open().count()
    last = Bounce.objects.order_by("-last_at").first()
    description = f"emails to {counted(number, 'address', 'addresses')}"
    if last:
        description += f", the last one {_age(last.last_at)} ago"
    advice = "" if settings.BOUNCE_EMAIL else "Set BOUNCE_EMAIL, so that the portal reads them."
    return StatusItem("Came back", description, State.INFO, advice)


def _with_reasons(emails: QuerySet[Email]) -> QuerySet[Email]:
    """Annotate why each was last given up: `reason` and the mail server's `reply`."""
    last = Log.objects.filter(email=OuterRef("pk")).order_by("-pk")
    annotated: QuerySet[Email] = emails.defer("message", "html_message").annotate(
        reason=Subquery(last.values("exception_type")[:1]),
        reply=Subquery(last.values("message")[:1]),
    )
    return annotated


def backup_items() -> list[StatusItem]:
    """Return how old the last backup is, whether it is encrypted and proves where it is from, and
    when one was checked."""
    run = JobRun.objects.succeeded(JobRun.Job.BACKUP).first()
    if run is None:
        advice = f"Run manage.py backup, and {START_BACKUPS}"
        if not settings.BACKUP_DIR:
            advice = f"Set BACKUP_DIR, and {START_BACKUPS}"
        return [StatusItem("Last backup", "none yet", State.ATTENTION, advice)]
    encryption = StatusItem("Encryption", "on")
    if not run.details.get("encrypted"):
        description = "off: anyone who has the file can read it"
        encryption = StatusItem("Encryption", description, State.INFO, "Set BACKUP_KEY.")
    proof = StatusItem("Proof of origin", "on")
    if not run.details.get("authenticated"):
        description = "off: a changed or foreign file is not recognized"
        proof = StatusItem("Proof of origin", description, State.INFO, "Set BACKUP_MAC_KEY.")
    check = JobRun.objects.succeeded(JobRun.Job.CHECK).first()
    checked = f"{_age(check.ended_at)} ago, {check.details.get('file', '')}" if check else "never"
    return [
        _last_backup_item(run),
        encryption,
        proof,
        StatusItem("Last check", checked, State.INFO, "" if check else CHECK_BACKUP),
        *_failed_backup_items(run),
    ]


def _last_backup_item(run: JobRun) -> StatusItem:
    """Return its age and file, and whether that still exists, as far as this process can see: the
    job may run on another machine."""
    description, state, advice = f"{_age(run.ended_at)} ago", State.GOOD, ""
    # Without a folder it is the record inside the very backup that was restored.
    if "folder" in run.details:
        folder = Path(run.details["folder"])
        file = folder / run.details["file"]
        description += f", {filesizeformat(run.details.get('bytes', 0))}, {file}"
        if not os.access(folder, os.R_OK | os.X_OK):
            description, state = f"{description}, which cannot be seen from here", State.INFO
        elif not file.exists():
            description, state = f"missing: {file} no longer exists", State.ATTENTION
            advice = "Find out who moved it, and run manage.py backup."
    if timezone.now() - run.ended_at > OVERDUE_AFTER:
        state, advice = State.ATTENTION, f"Run manage.py backup, and {START_BACKUPS}"
    return StatusItem("Last backup", description, state, advice)


def _failed_backup_items(run: JobRun) -> list[StatusItem]:
    """Return the last failure since `run`, if there is one."""
    failures = JobRun.objects.past().filter(name=run.name, succeeded=False)
    later = failures.filter(started_at__gt=run.started_at)
    failed = later.order_by("-started_at").first()
    if failed is None:
        return []
    description = f"{_age(failed.ended_at)} ago"
    return [StatusItem("A backup failed", description, State.ATTENTION, failed.outcome)]


def daily_run_item() -> StatusItem:
    """Return the last daily run that succeeded."""
    run = JobRun.objects.succeeded(JobRun.Job.DAILY).first()
    description = f"{_age(run.ended_at)} ago" if run else "none yet"
    if run and timezone.now() - run.ended_at <= OVERDUE_AFTER:
        return StatusItem("Last daily run", description)
    advice = "A running mail worker does it, or a timer with manage.py daily. Their log says more."
    return StatusItem("Last daily run", description, State.ATTENTION, advice)


def database_items() -> list[StatusItem]:
    """Return which database it is, its size, and whether it fits the code."""
    migrations = StatusItem("Migrations", "all applied")
    if missing := count_missing_migrations():
        description = f"{counted(missing, 'is', 'are')} not applied"
        advice = "Run manage.py migrate."
        migrations = StatusItem("Migrations", description, State.ATTENTION, advice)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database()), version()")
            size, server = cursor.fetchone()
        software = " ".join(server.split()[:2])
    else:
        size = sum(path.stat().st_size for path in _database_files())
        software = f"SQLite {sqlite3.sqlite_version}"
    return [
        migrations,
        StatusItem("Database", f"{software}, {filesizeformat(size)}", State.INFO),
        StatusItem("Cache", _describe_cache(), State.INFO),
    ]


def _database_files() -> list[Path]:
    name = str(connection.settings_dict["NAME"])
    return [path for path in (Path(name), Path(f"{name}-wal")) if path.exists()]


def _describe_cache() -> str:
    backend = settings.CACHES["default"]["BACKEND"].rsplit(".", 1)[-1]
    descriptions = {"DatabaseCache": "in the database", "RedisCache": "Redis"}
    return descriptions.get(backend, f"{backend}, of each process")


def disk_items() -> list[StatusItem]:
    """Return the free space where the portal writes."""
    folders = {"Disk of the backups": Path(settings.BACKUP_DIR)} if settings.BACKUP_DIR else {}
    if connection.vendor == "sqlite":
        folders["Disk of the database"] = Path(str(connection.settings_dict["NAME"])).parent
    return [_disk_item(name, folder) for name, folder in folders.items() if folder.exists()]


def _disk_item(name: str, folder: Path) -> StatusItem:
    disk = shutil.disk_usage(folder)
    description = f"{filesizeformat(disk.free)} free of {filesizeformat(disk.total)}"
    if disk.free >= min(MIN_FREE_DISK_BYTES, disk.total // 10):
        return StatusItem(name, description)
    advice = "Make room, or the portal stops accepting anything."
    return StatusItem(name, description, State.ATTENTION, advice)


def version_items() -> list[StatusItem]:
    """Return the versions of the portal and of what it is built on."""
    advice = "" if settings.RELEASE else "Set RELEASE to name it."
    return [
        StatusItem("Portal", settings.RELEASE or "not set", State.INFO, advice),
        StatusItem("Python", platform.python_version(), State.INFO),
        StatusItem("Django", version("Django"), State.INFO),
        StatusItem("allauth", version("django-allauth"), State.INFO),
    ]


def _age(moment: datetime) -> str:
    """Return the time since `moment` in words: "3 hours", or "less than a minute"."""
    if timezone.now() - moment < timedelta(minutes=1):
        return "less than a minute"
    return timesince(moment, depth=1).replace("\xa0", " ")
