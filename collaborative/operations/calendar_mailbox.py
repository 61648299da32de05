"""The mailbox to which calendar apps send answers, read over IMAP every minute.

In a thread of its own: however slow that server is, no email waits for it. What was read is marked
as seen; what caused an error is also flagged for a person to look at, and delays no others.
"""

import imaplib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections

from collaborative.operations.outages import is_outage
from teams.calendar_replies import MAX_EMAIL_BYTES
from teams.services.calendar_replies import take_calendar_reply

TIMEOUT_SECONDS = 5
MAX_EMAILS_PER_RUN = 200

logger = logging.getLogger(__name__)
_reading = threading.Lock()


def read_calendar_mailbox() -> None:
    """Start reading the mailbox, unless there is none, or the last run has not ended."""
    if settings.CALENDAR_IMAP.host and _reading.acquire(blocking=False):
        threading.Thread(target=_run, name="calendar-mailbox", daemon=True).start()


def _run() -> None:
    try:
        read_new_emails()
    finally:
        connections.close_all()
        _reading.release()


def read_new_emails(connect: Callable[[], imaplib.IMAP4] | None = None) -> int:
    """Store the unread answers in the mailbox; return how many emails were read.

    What goes wrong is logged without what the server says, which may repeat the user's name; the
    next run tries again.
    """
    number = 0
    try:
        with _open_folder(connect or _connect) as mailbox:
            _, found = mailbox.uid("SEARCH", "UNSEEN")
            for key in (found[0] or b"").split()[:MAX_EMAILS_PER_RUN]:
                _read(mailbox, key.decode("ascii"))
                number += 1
    # Those of imaplib are of its own class, those of the network OSErrors.
    except (imaplib.IMAP4.error, OSError, ValueError) as error:
        logger.warning("The calendar mailbox could not be read: %s", type(error).__name__)
    except Exception as error:
        if not is_outage(error):
            raise
        logger.warning("The calendar mailbox is waiting for the database")
    return number


def _connect() -> imaplib.IMAP4:
    folder = settings.CALENDAR_IMAP
    return imaplib.IMAP4_SSL(folder.host, folder.port, timeout=TIMEOUT_SECONDS)


@contextmanager
def _open_folder(connect: Callable[[], imaplib.IMAP4]) -> Iterator[imaplib.IMAP4]:
    folder = settings.CALENDAR_IMAP
    # Leaving it logs out.
    with connect() as mailbox:
        mailbox.login(folder.user, folder.password)
        status, _ = mailbox.select(f'"{folder.folder}"')
        if status != "OK":
            raise imaplib.IMAP4.error("no such folder")
        yield mailbox


def _read(mailbox: imaplib.IMAP4, key: str) -> None:
    """Take the answer in one email, of which no more is fetched than an answer may have."""
    _, parts = mailbox.uid("FETCH", key, f"(BODY.PEEK[]<0.{MAX_EMAIL_BYTES + 1}>)")
    content = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    flags = r"(\Seen)"
    try:
        take_calendar_reply(content)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("An email in the calendar mailbox caused an error; it is flagged there")
        flags = r"(\Seen \Flagged)"
    mailbox.uid("STORE", key, "+FLAGS", flags)
