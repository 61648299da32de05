"""The mailboxes that programs write to: calendar apps their answers, mail servers what comes back.

Each is read over IMAP every minute, in a thread of its own: however slow that server is, no email
waits for it. What was read is marked as seen; what caused an error is also flagged for a person to
look at, and delays no others. Or the mail server pipes each email into a command.
"""

import imaplib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connections

from collaborative.env import ImapFolder
from collaborative.operations.outages import is_outage
from members import bounce_reports
from teams import calendar_replies
from teams.services.bounces import process_bounce
from teams.services.calendar_replies import take_calendar_reply

TIMEOUT_SECONDS = 5
MAX_EMAILS_PER_RUN = 200
# Mail servers keep a piped email then, and try again (sysexits.h).
EX_TEMPFAIL = 75

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mailbox:
    """One of them, and what is done with each email in it, of which no more than `max_bytes` and
    one more are read."""

    name: str
    folder_setting: str
    take: Callable[[bytes], object]
    max_bytes: int
    reading: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @property
    def folder(self) -> ImapFolder:
        """Where it is read; without a host it is not."""
        folder: ImapFolder = getattr(settings, self.folder_setting)
        return folder

    def start_reading(self) -> None:
        """Read it in a thread of its own, unless there is none, or the last run has not ended."""
        if self.folder.host and self.reading.acquire(blocking=False):
            name = f"{self.name}-mailbox"
            threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        try:
            read_new_emails(self)
        finally:
            connections.close_all()
            self.reading.release()


CALENDAR = Mailbox(
    "calendar", "CALENDAR_IMAP", take_calendar_reply, calendar_replies.MAX_EMAIL_BYTES
)
BOUNCES = Mailbox("bounce", "BOUNCE_IMAP", process_bounce, bounce_reports.MAX_EMAIL_BYTES)


def read_mailboxes() -> None:
    """Start reading the mailboxes that are set."""
    for mailbox in (CALENDAR, BOUNCES):
        mailbox.start_reading()


def read_new_emails(
    mailbox: Mailbox, connect: Callable[[ImapFolder], imaplib.IMAP4] | None = None
) -> int:
    """Take the unread emails in `mailbox`; return how many were read.

    What goes wrong is logged without what the server says, which may repeat the user's name; the
    next run tries again.
    """
    number = 0
    try:
        with _open_folder(mailbox.folder, connect or _connect) as server:
            _, found = server.uid("SEARCH", "UNSEEN")
            for key in (found[0] or b"").split()[:MAX_EMAILS_PER_RUN]:
                _read(mailbox, server, key.decode("ascii"))
                number += 1
    # Those of imaplib are of its own class, those of the network OSErrors.
    except (imaplib.IMAP4.error, OSError, ValueError) as error:
        logger.warning("The %s mailbox could not be read: %s", mailbox.name, type(error).__name__)
    except Exception as error:
        if not is_outage(error):
            raise
        logger.warning("The %s mailbox is waiting for the database", mailbox.name)
    return number


def take_piped_email(take: Callable[[bytes], object], max_bytes: int) -> None:
    """Let `take` have the email on standard input, of which no more than `max_bytes` and one more
    are kept. It is read to its end, so that the mail server sees no broken pipe; nothing is
    refused, since that would go back to who wrote it. Ends with EX_TEMPFAIL while the database is
    down."""
    content = sys.stdin.buffer.read(max_bytes + 1)
    while sys.stdin.buffer.read(max_bytes):
        pass
    try:
        take(content)
    except Exception as error:
        if not is_outage(error):
            raise
        sys.stderr.write("The database is down. Try again later.\n")
        raise SystemExit(EX_TEMPFAIL) from error


def _connect(folder: ImapFolder) -> imaplib.IMAP4:
    return imaplib.IMAP4_SSL(folder.host, folder.port, timeout=TIMEOUT_SECONDS)


@contextmanager
def _open_folder(
    folder: ImapFolder, connect: Callable[[ImapFolder], imaplib.IMAP4]
) -> Iterator[imaplib.IMAP4]:
    # Leaving it logs out.
    with connect(folder) as server:
        server.login(folder.user, folder.password)
        status, _ = server.select(f'"{folder.folder}"')
        if status != "OK":
            raise imaplib.IMAP4.error("no such folder")
        yield server


def _read(mailbox: Mailbox, server: imaplib.IMAP4, key: str) -> None:
    """Take one email, of which no more is fetched than counts."""
    _, parts = server.uid("FETCH", key, f"(BODY.PEEK[]<0.{mailbox.max_bytes + 1}>)")
    content = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    flags = r"(\Seen)"
    try:
        mailbox.take(content)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception(
            "An email in the %s mailbox caused an error; it is flagged there", mailbox.name
        )
        flags = r"(\Seen \Flagged)"
    server.uid("STORE", key, "+FLAGS", flags)
