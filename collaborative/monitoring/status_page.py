"""How the portal itself is, in words: a page at the desk for administrators."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from collaborative.monitoring.health import LATE_AFTER, missing_migrations, waiting_emails
from collaborative.operations.jobs import OVERDUE, is_taken
from desk.changelist import counted, is_administrator, parse_pk, require_staff
from members.models import Member
from members.services import failed_emails, requeue_emails

SHOWN = 20  # failed emails
LITTLE_ROOM = 1024**3  # bytes left on a disk
PROVE = "Run manage.py restore --check with a file, best on another machine."
CODES_REFUSED = (
    "A mistyped address needs nothing. If the list of emails has one that is right, or many, mend "
    "what the mail server answered; then that person asks for a new code."
)
GOOD, ATTENTION, PLAIN = "confirmed", "attention", ""


@dataclass
class Line:
    """One thing to know: what it is about, how it is, and what to do about it."""

    name: str
    words: str
    state: str = GOOD
    todo: str = ""


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Is everything all right? First the answer, then what it rests on. Administrators only."""
    _administrator(request)
    groups = {
        "Mail": mail(),
        "Backups and the daily run": [*backup(), daily()],
        "Database and disks": [*database(), *disks()],
        "Versions": versions(),
    }
    failed = _with_reasons(failed_emails())
    lines = [line for group in groups.values() for line in group]
    context = {
        **admin.site.each_context(request),
        "title": "Status",
        "subtitle": None,
        "troubles": [line for line in lines if line.state == ATTENTION],
        "groups": groups,
        "failed": failed.order_by("-last_updated", "-pk")[:SHOWN],
        "failed_number": failed.count(),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "admin/status.html", context)


@require_POST
def requeue(request: HttpRequest) -> HttpResponse:
    """Queue failed emails anew: the one that is named, or all. Administrators only."""
    by = _administrator(request)
    chosen = request.POST.get("mail", "")
    key = parse_pk(chosen)
    if chosen != "all" and key is None:
        raise BadRequest
    number = requeue_emails(None if key is None else [key], by=by)
    if number:
        messages.success(request, f"{counted(number, 'email is', 'emails are')} queued anew.")
    else:
        messages.warning(request, "No failed email was there any more.")
    return HttpResponseRedirect(reverse("status"))


def _administrator(request: HttpRequest) -> Member:
    if not is_administrator(request):
        raise PermissionDenied
    return require_staff(request)


# Each part: what is asked, and how the answer reads --------------------------------------------


def mail() -> list[Line]:
    """What waits, since when; whether somebody sends it; what the mail server refused."""
    leads = is_taken("sender")
    oldest = waiting_emails().order_by("created", "pk").first()
    late = bool(oldest and timezone.now() - oldest.created > LATE_AFTER)
    waiting = "nothing waits"
    if oldest:
        number = counted(waiting_emails().count(), "email waits", "emails wait")
        tries = counted(oldest.number_of_retries or 0, "failed try", "failed tries")
        waiting = f"{number}, the oldest for {_for(oldest.created)}, after {tries}"
    sent = Email.objects.filter(status=STATUS.sent).order_by("-last_updated").first()
    return [
        Line("Sender", "running", GOOD)
        if leads
        else Line("Sender", "not running", ATTENTION, "Start manage.py mail_worker."),
        Line("Queue", waiting, ATTENTION, "See the last refusal; the mail server's log says more.")
        if late
        else Line("Queue", waiting),
        *given_up(),
        _last_refusal(),
        Line("Last sent", f"{_for(sent.last_updated)} ago" if sent else "none yet", PLAIN),
    ]


def given_up() -> list[Line]:
    """The emails that nobody tries any more, and the codes of the last day."""
    failed = failed_emails().count()
    codes = Email.objects.filter(status=STATUS.failed, expires_at__isnull=False).count()
    lines = []
    if failed:
        words = f"{counted(failed, 'email', 'emails')} could not be sent"
        todo = "They are listed below and can be queued anew."
        lines.append(Line("Given up", words, ATTENTION, todo))
    if codes:
        words = f"{counted(codes, 'code', 'codes')} could not be sent in the last day"
        lines.append(Line("Codes given up", words, ATTENTION, CODES_REFUSED))
    return lines or [Line("Given up", "none")]


def _last_refusal() -> Line:
    """What the mail server answered when it last took an email not; of how it was not reached, the
    error's name."""
    last = Log.objects.filter(status=STATUS.failed).order_by("-pk").first()
    words = f"{last.exception_type or 'not known'}, {_for(last.date)} ago" if last else "none"
    return Line("Last refusal", words, PLAIN)


def _with_reasons(mails: QuerySet[Email]) -> QuerySet[Email]:
    """Adds why each was given up last: `reason` and the mail server's `reply`."""
    last = Log.objects.filter(email=OuterRef("pk")).order_by("-pk")
    found: QuerySet[Email] = mails.defer("message", "html_message").annotate(
        reason=Subquery(last.values("exception_type")[:1]),
        reply=Subquery(last.values("message")[:1]),
    )
    return found


def backup() -> list[Line]:
    """The last one: how old, how big, whether anybody could read it, whether it was tried."""
    todo = "Run manage.py backup, and have a timer run it every day."
    if not settings.BACKUP_DIR:
        todo = "Set BACKUP_DIR, and have a timer run manage.py backup every day."
    run = JobRun.objects.good(JobRun.Job.BACKUP).first()
    if run is None:
        return [Line("Last backup", "none yet", ATTENTION, todo)]
    late = timezone.now() - run.ended_at > OVERDUE
    lines = [_last_backup(run)]
    if late:
        lines = [Line("Last backup", lines[0].words, ATTENTION, todo)]
    if not run.facts.get("encrypted"):
        lines.append(
            Line("Encryption", "off: whoever has the file can read it", PLAIN, "Set BACKUP_KEY.")
        )
    else:
        lines.append(Line("Encryption", "on"))
    tried = JobRun.objects.good(JobRun.Job.CHECK).first()
    words = f"{_for(tried.ended_at)} ago, {tried.facts.get('file', '')}" if tried else "never"
    lines.append(Line("Last proven by restoring", words, PLAIN, "" if tried else PROVE))
    return [*lines, *_failure_since(run)]


def _last_backup(run: JobRun) -> Line:
    """Is its file still there? Only where this process can look: the job may run elsewhere."""
    words = f"{_for(run.ended_at)} ago"
    if "folder" not in run.facts:  # restored from the very backup that the run made
        return Line("Last backup", words)
    folder = Path(run.facts["folder"])
    file = folder / run.facts["file"]
    words += f", {filesizeformat(run.facts.get('bytes', 0))}, {file}"
    if not os.access(folder, os.R_OK | os.X_OK):
        return Line("Last backup", f"{words}, which cannot be looked at from here", PLAIN)
    if not file.exists():
        todo = "Look who moved it, and run manage.py backup."
        return Line("Last backup", f"missing: {file} is not there any more", ATTENTION, todo)
    return Line("Last backup", words)


def _failure_since(run: JobRun) -> list[Line]:
    later = JobRun.objects.filter(name=run.name, succeeded=False, started_at__gt=run.started_at)
    failed = later.order_by("-started_at").first()
    if failed is None:
        return []
    return [Line("A backup failed", f"{_for(failed.ended_at)} ago", ATTENTION, failed.outcome)]


def daily() -> Line:
    """The last daily run that did everything."""
    run = JobRun.objects.good(JobRun.Job.DAILY).first()
    todo = "A running mail worker does it, or a timer with manage.py daily. Their log says more."
    if run is None:
        return Line("Last daily run", "none yet", ATTENTION, todo)
    late = timezone.now() - run.ended_at > OVERDUE
    words = f"{_for(run.ended_at)} ago"
    return Line("Last daily run", words, ATTENTION, todo) if late else Line("Last daily run", words)


def database() -> list[Line]:
    """Which one, how big, and whether it fits the code."""
    missing = missing_migrations()
    lines = [Line("Migrations", "all applied")]
    if missing:
        words = f"{counted(missing, 'is', 'are')} not applied"
        lines = [Line("Migrations", words, ATTENTION, "Run manage.py migrate.")]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database()), version()")
            size, told = cursor.fetchone()
        words = " ".join(told.split()[:2])
    else:
        size = sum(path.stat().st_size for path in _database_files())
        with connection.cursor() as cursor:
            cursor.execute("SELECT sqlite_version()")
            words = f"SQLite {cursor.fetchone()[0]}"
    return [
        *lines,
        Line("Database", f"{words}, {filesizeformat(size)}", PLAIN),
        Line("Cache", _cache_kind(), PLAIN),
    ]


def _database_files() -> list[Path]:
    name = str(connection.settings_dict["NAME"])
    return [path for path in (Path(name), Path(f"{name}-wal")) if path.exists()]


def _cache_kind() -> str:
    backend = settings.CACHES["default"]["BACKEND"].rsplit(".", 1)[-1]
    known = {"DatabaseCache": "in the database", "RedisCache": "Redis"}
    return known.get(backend, f"{backend}, of each process")


def disks() -> list[Line]:
    """The room that is left where the portal writes."""
    places = {"Disk of the backups": Path(settings.BACKUP_DIR)} if settings.BACKUP_DIR else {}
    if connection.vendor == "sqlite":
        places["Disk of the database"] = Path(str(connection.settings_dict["NAME"])).parent
    return [_room(name, place) for name, place in places.items() if place.exists()]


def _room(name: str, place: Path) -> Line:
    disk = shutil.disk_usage(place)
    words = f"{filesizeformat(disk.free)} free of {filesizeformat(disk.total)}"
    if disk.free < min(LITTLE_ROOM, disk.total // 10):
        return Line(name, words, ATTENTION, "Make room, or the portal stops taking anything in.")
    return Line(name, words)


def versions() -> list[Line]:
    """Of the portal and what it stands on."""
    release, todo = settings.RELEASE, "" if settings.RELEASE else "Set RELEASE to name it."
    return [
        Line("Portal", release or "not set", PLAIN, todo),
        Line("Python", platform.python_version(), PLAIN),
        *(
            Line(name, version(package), PLAIN)
            for name, package in {"Django": "Django", "allauth": "django-allauth"}.items()
        ),
    ]


def _for(moment: datetime) -> str:
    """“3 hours”; of what is younger than a minute, “less than a minute”."""
    if timezone.now() - moment < timedelta(minutes=1):
        return "less than a minute"
    return timesince(moment, depth=1).replace("\xa0", " ")
