"""A real mail server, and a clock that only moves when somebody sleeps on it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from django.core.management import call_command
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email

from collaborative.operations import mail_worker
from collaborative.tests.ports import free_port
from collaborative.tests.postgres import client_programs
from collaborative.tests.web import NO_NGINX, NO_POOLER

PATIENCE = 90  # seconds until a test fails; generous, since the machine may be busy


def pytest_terminal_summary(terminalreporter) -> None:
    """Say once more, at the end, which tests of deploy/ did not run for want of a program."""
    skipped = terminalreporter.stats.get("skipped", [])
    for why in (NO_NGINX, NO_POOLER):
        if count := sum(why in str(report.longrepr) for report in skipped):
            terminalreporter.write_line(
                f"WARNING: {count} tests of deploy/ did NOT run: {why}.", yellow=True, bold=True
            )


class MailServer:
    """An SMTP server on this machine that keeps what it takes; it can go down and come back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.host = "127.0.0.1"
        self.taken: list[Message] = []
        self.envelope_senders: list[str] = []
        self.refusals = 0  # how many of the next emails are put off
        self.answers: dict[str, str] = {}  # to a recipient; others are taken
        self.expected = 0
        self.complete = threading.Event()
        self.on_email: Callable[[int], None] = lambda count: None
        self._controller: Controller | None = None

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.refusals:
            self.refusals -= 1
            return "451 Come back later"
        self.taken.append(message_from_bytes(envelope.content))
        self.envelope_senders.append(envelope.mail_from)
        # Before the answer: a worker that dies now has an accepted email and does not know it.
        self.on_email(len(self.taken))
        await asyncio.sleep(0)
        if len(set(self.message_ids())) >= self.expected:
            self.complete.set()
        return "250 Taken"

    def up(self) -> None:
        if self._controller is None:
            self._controller = Controller(self, hostname=self.host, port=self.port)
            self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def message_ids(self) -> list[str]:
        return [message["Message-ID"] for message in self.taken]

    def subjects(self) -> list[str]:
        return [str(make_header(decode_header(message["Subject"]))) for message in self.taken]

    def expect(self, emails: int) -> None:
        self.expected = emails
        self.complete.clear()

    def wait(self) -> None:
        assert self.complete.wait(PATIENCE), f"only {self.subjects()} arrived"


@pytest.fixture
def smtp(settings, caplog) -> Iterator[MailServer]:
    caplog.set_level("ERROR", "mail.log")  # aiosmtpd's own, a line for each command
    server = MailServer()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.POST_OFFICE = {**settings.POST_OFFICE, "BACKENDS": {"default": backend}}
    server.up()
    yield server
    server.down()


class Clock:
    """A clock that only moves when somebody sleeps on it, or sets it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 9, 5, 0, tzinfo=UTC)  # a Wednesday; midnight in Chicago
        self.start = self.time
        self.changed = timedelta(0)

    def __call__(self) -> datetime:
        self.time += timedelta(microseconds=100)
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def set_back(self, by: timedelta) -> None:
        """Correct the time, as an administrator or a time server does: no time passes."""
        self.time -= by
        self.changed -= by

    @property
    def seconds(self) -> float:
        return (self.time - self.start - self.changed).total_seconds()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    monkeypatch.setattr(mail_worker, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


def put(subject: str, *, to: str = "maria@rush.example", **fields) -> Email:
    """An email in the queue, as members.emails.queue() writes it."""
    return Email.objects.create(
        from_email="portal@example.org",
        to=[to],
        subject=subject,
        message="Hello",
        status=fields.pop("status", STATUS.queued),
        priority=fields.pop("priority", PRIORITY.medium),
        message_id=f"<{subject.replace(' ', '-')}@portal.example.org>",
        **fields,
    )


def statuses() -> Counter:
    return Counter(Email.objects.values_list("status", flat=True))


# Backups ----------------------------------------------------------------------------------------


@pytest.fixture
def backup_dir(settings, tmp_path) -> Path:
    """An empty folder for the backups of a test."""
    settings.BACKUP_DIR = str(tmp_path / "backups")
    settings.PG_BIN = str(client_programs())
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def identity(backup_dir, settings, tmp_path) -> Path:
    """Backups are encrypted; this file has the secret key."""
    out = StringIO()
    call_command("backup", new_key=True, stdout=out)
    settings.BACKUP_KEY = out.getvalue().split("BACKUP_KEY=")[1].split()[0]
    path = tmp_path / "key.txt"
    path.write_text(out.getvalue())
    return path
