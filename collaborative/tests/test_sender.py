"""The sender, with a real mail server, real processes and real kills; only the clock is ours."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as portal
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email, Log

from collaborative import sender as module
from collaborative.sender import NoLeadError, Sender, leading, seconds_until_retry
from members.emails import queue

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
PATIENCE = 90  # seconds until a test fails; generous, since the machine may be busy


class MailServer:
    """An SMTP server on this machine that keeps what it takes; it can go down and come back."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.taken: list[Message] = []
        self.refusals = 0  # how many of the next mails are put off
        self.wanted = 0
        self.complete = threading.Event()
        self.on_mail: Callable[[int], None] = lambda count: None
        self._controller: Controller | None = None

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.refusals:
            self.refusals -= 1
            return "451 Come back later"
        self.taken.append(message_from_bytes(envelope.content))
        # Before the answer: whoever dies now has a mail taken and does not know it.
        self.on_mail(len(self.taken))
        await asyncio.sleep(0)
        if len(set(self.message_ids())) >= self.wanted:
            self.complete.set()
        return "250 Taken"

    def up(self) -> None:
        if self._controller is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
            self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def message_ids(self) -> list[str]:
        return [message["Message-ID"] for message in self.taken]

    def subjects(self) -> list[str]:
        return [str(make_header(decode_header(message["Subject"]))) for message in self.taken]

    def expect(self, mails: int) -> None:
        self.wanted = mails
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
    """A clock that only moves when somebody sleeps on it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 9, 5, 0, tzinfo=UTC)  # a Wednesday; midnight in Chicago
        self.start = self.time

    def __call__(self) -> datetime:
        self.time += timedelta(microseconds=100)
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    @property
    def seconds(self) -> float:
        return (self.time - self.start).total_seconds()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timezone, "now", made)
    return made


def put(subject: str, *, to: str = "maria@rush.example", **fields) -> Email:
    """A mail in the queue, as members.emails.queue() writes it."""
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


# Processes ---------------------------------------------------------------------------------


class Process:
    """A `manage.py send_mail` of its own, on the test database."""

    def __init__(self, smtp: MailServer, log: Path, *options: str) -> None:
        database = connection.settings_dict
        if connection.vendor == "sqlite":
            url = f"sqlite:///{database['NAME']}"
        else:
            url = f"postgres://{database['USER']}@/{database['HOST']}/{database['NAME']}"
        env = {
            **os.environ,
            "DATABASE_URL": url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "PYTHONUNBUFFERED": "1",
        }
        self.log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, MANAGE, "send_mail", *options],
                env=env,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        self.popen.kill()

    def wait(self) -> int:
        return self.popen.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.wait()

    def says(self) -> str:
        return self.log.read_text()


@pytest.fixture
def start(transactional_db, smtp, tmp_path) -> Iterator[Callable[..., Process]]:
    """`start()` starts a sender process; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def start_process(*options: str) -> Process:
        process = Process(smtp, tmp_path / f"sender-{len(started)}.log", *options)
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.wait()
        sys.stdout.write(process.says())  # shown if the test failed


def test_killed_senders_lose_none_of_fifty_mails_and_repeat_one_at_most(start, smtp):
    for number in range(50):
        put(f"Mail {number}")
    smtp.expect(50)
    kill_after = [6, 15, 24, 33, 42]
    kills = 0
    process = start()

    def kill(count: int) -> None:
        nonlocal kills
        if kills < len(kill_after) and count >= kill_after[kills]:
            kills += 1
            process.kill()

    smtp.on_mail = kill
    while process.wait() == -signal.SIGKILL and kills < len(kill_after):
        process = start()
    process = start()
    smtp.wait()
    assert process.stop() == 0
    copies = Counter(smtp.message_ids())
    by_subject = defaultdict(set)
    for subject, message_id in zip(smtp.subjects(), smtp.message_ids(), strict=True):
        by_subject[subject].add(message_id)
    assert set(by_subject) == {f"Mail {number}" for number in range(50)}
    assert all(len(found) == 1 for found in by_subject.values())
    assert kills == 5
    assert sum(copies.values()) - 50 <= kills
    assert max(copies.values()) == 2
    assert statuses() == {STATUS.sent: 50}
    assert "@rush.example" not in process.says()


def test_of_two_senders_one_leads_and_the_other_takes_over(start, smtp):
    processes = [start(), start()]
    for number in range(30):
        put(f"Mail {number}")
    smtp.expect(30)
    smtp.wait()
    leaders = [process for process in processes if "Leading" in process.says()]
    assert len(leaders) == 1
    leaders[0].kill()
    leaders[0].wait()
    (other,) = [process for process in processes if process is not leaders[0]]
    smtp.expect(40)
    for number in range(30, 40):
        put(f"Mail {number}")
    smtp.wait()
    assert other.stop(signal.SIGINT) == 0
    assert "Leading" in other.says()
    # The kill may have come between the thirtieth mail and its mark.
    assert len(smtp.taken) - len(set(smtp.message_ids())) <= 1
    assert statuses() == {STATUS.sent: 40}


def test_sender_ends_when_it_loses_the_database(start, smtp):
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite file has no connection that could be lost")
    process = start()
    put("Mail 1")
    smtp.expect(1)
    smtp.wait()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchall() == [(True,)]
    assert process.wait() == 1


def test_send_mail_once_sends_what_is_due_and_ends(start, smtp):
    put("Mail 1")
    put("Mail 2", scheduled_time=timezone.now() + timedelta(hours=1))
    assert start("--once").wait() == 0
    assert smtp.subjects() == ["Mail 1"]


def test_send_mail_once_leaves_the_work_to_a_running_sender(start, smtp):
    put("Mail 1")
    with leading() as leads:
        assert leads
        process = start("--once")
        assert process.wait() == 0
    assert "Another sender is running" in process.says()
    assert smtp.taken == []


# Outages, in simulated time ----------------------------------------------------------------


def run_until(
    done: Callable[[], bool], clock: Clock, at: dict[float, Callable[[], None]], stride: float = 0
) -> None:
    """Run a sender in simulated time until `done()`; each of `at` happens at its second.

    With a `stride` every pause of the sender takes that many seconds at least.
    """
    sender = Sender(sleep=lambda seconds: step(seconds))

    def step(seconds: float) -> None:
        clock.sleep(max(seconds, stride))
        for second in [second for second in at if second <= clock.seconds]:
            at.pop(second)()
        if done() or clock.seconds > 7200:
            sender.stop()

    sender.run()
    assert done(), f"not done after {clock.seconds} simulated seconds"


@pytest.mark.django_db
def test_outage_of_the_mail_server_loses_nothing(smtp, clock):
    smtp.down()
    for number in range(50):
        put(f"Mail {number}", to=f"person{number}@rush.example")
    back_at = 600
    run_until(lambda: len(smtp.taken) >= 50, clock, {back_at: smtp.up}, stride=5)
    assert Counter(smtp.subjects()) == Counter(f"Mail {number}" for number in range(50))
    assert statuses() == {STATUS.sent: 50}
    # Backing off means few tries: doubled from two seconds, ten minutes hold about nine.
    tries = Email.objects.values_list("number_of_retries", flat=True)
    assert 6 <= min(tries) <= max(tries) <= 12
    # The wait was under ten minutes when the server came back, so half an hour is far away.
    assert clock.seconds < 2 * back_at


@pytest.mark.django_db
def test_mail_server_that_says_later_gets_the_mail_later(smtp, clock):
    smtp.refusals = 3
    put("Mail 1")
    run_until(lambda: bool(smtp.taken), clock, {})
    assert smtp.subjects() == ["Mail 1"]
    assert Email.objects.get().number_of_retries == 3
    assert 2 + 4 + 8 > clock.seconds > (2 + 4 + 8) / 2


@pytest.mark.django_db
def test_code_goes_out_within_seconds_once_the_server_is_back(smtp, clock):
    smtp.down()
    put("Code", priority=PRIORITY.high, expires_at=clock() + timedelta(minutes=15))
    run_until(lambda: bool(smtp.taken), clock, {300: smtp.up})
    assert clock.seconds < 300 + module.URGENT_CAP + 1


@pytest.mark.django_db
def test_code_that_expired_during_an_outage_is_never_sent(smtp, clock):
    smtp.down()
    put("Code", priority=PRIORITY.high, expires_at=clock() + timedelta(minutes=15))
    put("Notice")
    run_until(lambda: bool(smtp.taken), clock, {1200: smtp.up}, stride=5)
    assert smtp.subjects() == ["Notice"]
    assert Email.objects.get().subject == "Notice"


@pytest.mark.django_db
def test_once_ends_although_the_mail_server_is_down(smtp, clock):
    smtp.down()
    for number in range(3):
        put(f"Mail {number}")
    assert Sender().run_once() is True
    assert statuses() == {STATUS.requeued: 3}
    assert set(Email.objects.values_list("number_of_retries", flat=True)) == {1}


@pytest.mark.parametrize(
    ("tries", "urgent", "longest"),
    [
        (1, False, 2),
        (2, False, 4),
        (10, False, 1024),
        (11, False, 1800),
        (1000, False, 1800),
        (1, True, 2),
        (3, True, 8),
        (1000, True, 10),
    ],
)
def test_waits_double_up_to_the_cap_and_are_scattered(tries, urgent, longest):
    waits = {seconds_until_retry(tries, urgent=urgent) for _ in range(50)}
    assert longest / 2 <= min(waits) < max(waits) <= longest


# Order, safety, what is logged -------------------------------------------------------------


@pytest.mark.django_db
def test_urgent_mail_overtakes(smtp):
    for number in range(20):
        put(f"Notice {number}")
    put("Code", priority=PRIORITY.high)
    Sender().run_once()
    assert smtp.subjects() == ["Code", *(f"Notice {number}" for number in range(20))]


@pytest.fixture
def _one_template(settings, tmp_path) -> None:
    """The mail `note`, which says the `name` that it is given."""
    folder = tmp_path / "emails"
    folder.mkdir()
    (folder / "note_subject.txt").write_text(
        "{% autoescape off %}For {{ name }}{% endautoescape %}"
    )
    (folder / "note.txt").write_text("{% autoescape off %}Hello {{ name }}{% endautoescape %}")
    (folder / "note.html").write_text("<p>Hello {{ name }}</p>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
@pytest.mark.parametrize(
    "typed",
    ["{{ settings.SECRET_KEY }}", "{% now 'Y' %}", "{% include 'base.html' %}", "{{ 6|add:1 }}"],
)
def test_what_a_stranger_typed_arrives_verbatim(smtp, typed):
    queue("note", "maria@rush.example", {"name": typed})
    Sender().run_once()
    (message,) = smtp.taken
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    assert text.strip() == f"Hello {typed}"
    assert html.strip() == f"<p>Hello {typed.replace(chr(39), '&#x27;')}</p>"
    assert smtp.subjects() == [f"For {typed}"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_newline_in_a_subject_adds_no_header(smtp, newline):
    queue("note", "maria@rush.example", {"name": f"Mia{newline}Bcc: victim@example.org"})
    Sender().run_once()
    (message,) = smtp.taken
    assert message["Bcc"] is None
    assert smtp.subjects() == ["For Mia Bcc: victim@example.org"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
def test_rolled_back_change_sends_nothing(smtp):
    with transaction.atomic():
        queue("note", "maria@rush.example", {"name": "Maria"}, urgent=True)
        transaction.set_rollback(True)
    Sender().run_once()
    assert smtp.taken == []
    assert not Email.objects.exists()


@pytest.mark.django_db
def test_each_mail_is_logged_by_its_key_and_never_by_its_address(smtp, caplog):
    caplog.set_level("INFO")
    first, second = put("Private subject"), put("Other subject")
    smtp.refusals = 1
    Sender().run_once()
    lines = [record.getMessage() for record in caplog.records]
    assert sum(f"Mail {first.pk} not sent (SMTP" in line for line in lines) == 1
    assert sum(f"Mail {second.pk} sent" in line for line in lines) == 1
    assert len(lines) == 2
    assert "rush.example" not in caplog.text
    assert "subject" not in caplog.text


@pytest.mark.django_db
def test_mail_is_given_up_after_the_last_try(smtp, settings, caplog):
    settings.POST_OFFICE = {**settings.POST_OFFICE, "MAX_RETRIES": 0}
    smtp.refusals = 1
    row = put("Mail 1")
    Sender().run_once()
    assert statuses() == {STATUS.failed: 1}
    assert f"Mail {row.pk} given up" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_sender_that_lost_its_connection_leads_no_longer(smtp):
    sender = Sender(sleep=lambda seconds: connection.close())
    with pytest.raises(NoLeadError):
        sender.run()


@pytest.mark.django_db
def test_lead_is_free_again_after_a_clean_end(smtp):
    for _ in range(2):
        with leading() as leads:
            assert leads


# Chores ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_expired_codes_are_removed_sent_or_not(clock):
    now = clock()
    put("Old code", expires_at=now - timedelta(seconds=1), status=STATUS.sent)
    put("Unsent code", expires_at=now - timedelta(seconds=1))
    put("Fresh code", expires_at=now + timedelta(minutes=5))
    put("Notice")
    module.delete_expired()
    assert set(Email.objects.values_list("subject", flat=True)) == {"Fresh code", "Notice"}


@pytest.mark.django_db
def test_done_mails_are_kept_thirty_days_and_unsent_ones_for_good(clock):
    kept = {"Sent": STATUS.sent, "Failed": STATUS.failed, "Due": STATUS.requeued}
    for subject, status in kept.items():
        row = put(subject, status=status)
        Log.objects.create(email=row, status=STATUS.failed, message="late")
    clock.sleep(29 * 86400)
    put("Young", status=STATUS.sent)
    module.delete_old()
    assert Email.objects.count() == 4
    clock.sleep(2 * 86400)
    module.delete_old()
    assert set(Email.objects.values_list("subject", flat=True)) == {"Due", "Young"}
    assert Log.objects.count() == 1


@pytest.mark.django_db
def test_ended_sessions_are_removed(clock):
    Session.objects.create(session_key="ended", expire_date=clock() - timedelta(days=1))
    Session.objects.create(session_key="open", expire_date=clock() + timedelta(days=1))
    module.delete_old()
    assert Session.objects.get().session_key == "open"


@pytest.mark.django_db
def test_chores_wait_for_their_time(clock):
    sender = Sender()
    sender.keep_house()
    put("Code", expires_at=clock() + timedelta(seconds=30))
    clock.sleep(31)
    sender.keep_house()
    assert Email.objects.exists()
    clock.sleep(30)
    sender.keep_house()
    assert not Email.objects.exists()


@pytest.mark.django_db
def test_digest_comes_once_a_day_however_often_it_is_called(facilitator, applicant, mails, clock):
    clock.sleep(7 * 3600 - 60)  # a minute before seven
    module.queue_digests()
    assert mails() == []
    clock.sleep(61)
    for _ in range(3):
        module.queue_digests()
        clock.sleep(3600)
    assert Counter(mail.to[0] for mail in mails())[facilitator.email] == 1
    clock.sleep(86400)
    module.queue_digests()
    assert Counter(mail.to[0] for mail in mails())[facilitator.email] == 2


@pytest.mark.django_db
def test_digest_does_not_come_at_the_weekend(facilitator, applicant, mails, clock):
    clock.sleep(3 * 86400 + 9 * 3600)
    assert timezone.localtime().strftime("%A") == "Saturday"
    module.queue_digests()
    assert mails() == []


@pytest.mark.django_db
def test_failing_chore_is_logged_and_mails_go_out_all_the_same(
    facilitator, applicant, smtp, clock, settings, tmp_path, caplog
):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}]
    clock.sleep(8 * 3600)
    put("Mail 1")
    run_until(lambda: bool(smtp.taken), clock, {})
    assert "queue_digests failed" in caplog.text
    assert smtp.subjects() == ["Mail 1"]


def test_settings_send_one_mail_at_a_time():
    """The promise of one repeated mail per kill rests on these two."""
    assert portal.POST_OFFICE["BATCH_SIZE"] == portal.POST_OFFICE["THREADS_PER_PROCESS"] == 1
