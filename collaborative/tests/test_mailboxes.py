"""Invitations as they leave, and the two ways in which answers, and what came back, come in."""

import imaplib
import io
import re
import sys
from types import SimpleNamespace

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, connection
from post_office.models import STATUS, Email

from collaborative.env import imap_folder
from collaborative.operations.mail_worker import MailWorker
from collaborative.operations.mailboxes import BOUNCES, CALENDAR, read_mailboxes, read_new_emails
from members.bounce_addresses import bounce_address
from members.services import has_bounced
from members.tests.bounces import report
from teams.models import Attendance, Meeting, TeamEmail
from teams.tests.calendars import only_event
from teams.tests.meetings import make_meeting
from teams.tests.test_calendar_replies import reply

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailbox(settings) -> None:
    settings.CALENDAR_EMAIL = "meetings@portal.example.org"
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"
    settings.BOUNCE_IMAP = imap_folder("imaps://bounces:word@mail.example.org/Answers")
    settings.CALENDAR_IMAP = imap_folder("imaps://user:pass%20word@mail.example.org/Answers")


@pytest.fixture
def meeting(team) -> Meeting:
    return make_meeting(team)


def returned_to(member) -> str:
    """Return the address to which an email to `member` comes back."""
    email = Email.objects.create(from_email="portal@example.org", to=[member.email])
    return bounce_address(member, email.pk)


def bounce(member, recipient: str, is_given: bool = False) -> bytes:
    """Return what comes back there, without that address if the mail server gives it."""
    return report("portal@example.org" if is_given else recipient, address=member.email)


# Invitations ----------------------------------------------------------------------------------


def send(member, meeting: Meeting | None, settings) -> mail.EmailMessage:
    backend = "django.core.mail.backends.locmem.EmailBackend"
    settings.POST_OFFICE = {**settings.POST_OFFICE, "BACKENDS": {"default": backend}}
    email = Email.objects.create(
        from_email="portal@example.org",
        to=[member.email],
        subject="Invitation",
        message="Come",
        html_message="<p>Come</p>",
        status=STATUS.queued,
    )
    if meeting:
        TeamEmail.objects.create(email=email, member=member, meeting=meeting, method="REQUEST")
    assert MailWorker().send_next() == email.pk
    (message,) = mail.outbox
    return message


def test_mail_worker_adds_the_calendar_entry_as_the_last_alternative(member, meeting, settings):
    message = send(member, meeting, settings).message()
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html", "text/calendar"]
    *_, part = message.walk()
    assert (part.get_param("method"), part.get_content_charset()) == ("REQUEST", "utf-8")
    assert part.get_filename() is None
    text = part.get_payload(decode=True).decode()
    assert only_event(text)["attendee"] == f"mailto:{member.email}"


def test_mail_worker_adds_nothing_to_other_emails(member, settings):
    assert [part[1] for part in send(member, None, settings).alternatives] == ["text/html"]


# The pipe -------------------------------------------------------------------------------------


def pipe(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    call_command("read_calendar_replies")


def test_read_calendar_replies_takes_the_email_on_its_input(monkeypatch, member, meeting):
    pipe(monkeypatch, reply(meeting, member))
    assert Attendance.objects.get().member == member


def test_read_calendar_replies_refuses_no_email(monkeypatch, member, meeting):
    for content in (b"", b"Hello", reply(meeting, member) + b"x" * 3_000_000):
        pipe(monkeypatch, content)
    assert not Attendance.objects.exists()


def test_read_calendar_replies_lets_the_mail_server_try_again(monkeypatch, member, meeting):
    def fail(*args):
        raise OperationalError("the connection is closed")

    with connection.execute_wrapper(fail), pytest.raises(SystemExit) as ended:
        pipe(monkeypatch, reply(meeting, member))
    assert ended.value.code == 75


@pytest.mark.parametrize("is_given", [True, False], ids=["argument", "header"])
def test_read_bounces_takes_the_email_on_its_input(monkeypatch, member, is_given):
    recipient = returned_to(member)
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bounce(member, recipient, is_given)))
    )
    call_command("read_bounces", *([recipient] if is_given else []))
    assert has_bounced(member)


# IMAP -----------------------------------------------------------------------------------------


class FakeMailbox:
    """A mailbox as imaplib shows it, with these emails."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = {str(number).encode(): text for number, text in enumerate(contents, 1)}
        self.flags: dict[str, str] = {}
        self.commands: list[tuple[str, ...]] = []

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.commands.append(("LOGOUT",))

    def login(self, *credentials: str) -> None:
        self.commands.append(("LOGIN", *credentials))

    def select(self, folder: str):
        self.commands.append(("SELECT", folder))
        return ("OK" if folder == '"Answers"' else "NO"), []

    def uid(self, command: str, *args: str):
        if command == "SEARCH":
            unseen = [key for key in self.contents if key.decode() not in self.flags]
            return "OK", [b" ".join(unseen)]
        if command == "STORE":
            self.flags[args[0]] = args[2]
            return "OK", []
        size = int(re.fullmatch(r"\(BODY\.PEEK\[\]<0\.(\d+)>\)", args[1])[1])
        assert size in {1_000_001, 200_001}
        text = self.contents[args[0].encode()][:size]
        return "OK", [(b"1 (UID 1 BODY[] {9}", text), b")"]


def test_read_new_emails_takes_each_answer_once(member, colleague, meeting):
    mailbox = FakeMailbox(
        reply(meeting, member), b"broken", b"", reply(meeting, colleague, "DECLINED")
    )
    assert read_new_emails(CALENDAR, lambda folder: mailbox) == 4
    assert {each.member for each in Attendance.objects.all()} == {member, colleague}
    assert set(mailbox.flags.values()) == {r"(\Seen)"}
    assert mailbox.commands == [
        ("LOGIN", "user", "pass word"), ("SELECT", '"Answers"'), ("LOGOUT",),
    ]  # fmt: skip
    assert read_new_emails(CALENDAR, lambda folder: mailbox) == 0


def test_read_new_emails_takes_what_came_back(member, colleague):
    other = bounce(colleague, returned_to(colleague))
    mailbox = FakeMailbox(bounce(member, returned_to(member)), b"broken", other + b"x" * 300_000)
    assert read_new_emails(BOUNCES, lambda folder: mailbox) == 3
    assert has_bounced(member)
    assert has_bounced(colleague)
    assert set(mailbox.flags.values()) == {r"(\Seen)"}
    assert mailbox.commands[0] == ("LOGIN", "bounces", "word")


def test_read_new_emails_flags_what_makes_an_error_and_goes_on(
    member, colleague, meeting, monkeypatch, caplog
):
    first, second = reply(meeting, member), reply(meeting, colleague)

    def fail_once(execute, sql, params, many, context):
        if sql.startswith("INSERT") and member.pk in params:
            raise ZeroDivisionError
        return execute(sql, params, many, context)

    mailbox = FakeMailbox(first, second)
    with connection.execute_wrapper(fail_once):
        assert read_new_emails(CALENDAR, lambda folder: mailbox) == 2
    assert mailbox.flags == {"1": r"(\Seen \Flagged)", "2": r"(\Seen)"}
    assert Attendance.objects.get().member == colleague
    assert "flagged" in caplog.text


def test_read_new_emails_waits_for_the_database(member, meeting, caplog):
    def fail(*args):
        raise OperationalError("the connection is closed")

    mailbox = FakeMailbox(reply(meeting, member))
    with connection.execute_wrapper(fail):
        assert read_new_emails(CALENDAR, lambda folder: mailbox) == 0
    assert mailbox.flags == {}
    assert "is waiting for the database" in caplog.text


@pytest.mark.parametrize(
    "error", [OSError("no route"), imaplib.IMAP4.error("LOGIN user pass word"), TimeoutError()]
)
def test_read_new_emails_logs_no_secret_of_a_server_that_is_away(error, caplog):
    def connect(folder):
        raise error

    assert read_new_emails(CALENDAR, connect) == 0
    assert "could not be read" in caplog.text
    for secret in ("user", "pass", "word", "mail.example.org"):
        assert secret not in caplog.text


def test_read_new_emails_says_when_there_is_no_such_folder(settings, caplog):
    settings.CALENDAR_IMAP = imap_folder("imaps://user:password@mail.example.org/Other")
    assert read_new_emails(CALENDAR, lambda folder: FakeMailbox()) == 0
    assert "could not be read" in caplog.text


def test_read_mailboxes_without_one_does_nothing(settings):
    settings.CALENDAR_IMAP = settings.CALENDAR_IMAP._replace(host="")
    read_mailboxes()


def test_imap_folder_reads_an_address():
    folder = imap_folder("imaps://a%40b:p%2Fw@mail.example.org:1993/In%20Box")
    assert folder == ("mail.example.org", 1993, "a@b", "p/w", "In Box")
    assert imap_folder("imaps://a:b@c").folder == "INBOX"
    for wrong in (
        "imap://a:b@c",
        "imaps://c",
        "imaps://a@c",
        "x",
        "imaps://a:b%0d@c",
        "imaps://:b@c",
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # the setting says what is wrong
            imap_folder(wrong)
