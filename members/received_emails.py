"""Emails that anyone can send to the portal's mailboxes, taken apart in a time that their size
limits: the standard library takes a minute for a header of 200 kB with parameters, and as long for
parts without end."""

import email
from email.message import Message
from email.policy import Compat32

# Far more than any header that counts has, with all its lines.
MAX_HEADER_CHARACTERS = 2_000
# One within the other: a report, and the email that came back with its own.
MAX_MULTIPARTS = 10
# Lines that may begin a part; text has a few of them, too.
MAX_BOUNDARIES = 500


class _ShortHeaders(Compat32):
    """Reads the beginning of each header."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER_CHARACTERS]


def parse_email(content: bytes) -> Message:
    """Return the email. Raises ValueError for one with more parts than any that counts, and what
    the library raises about one that was written to break it."""
    boundaries = content.count(b"\n--") + content.count(b"\r--")
    multiparts = content.lower().count(b"multipart/")
    if boundaries > MAX_BOUNDARIES or multiparts > MAX_MULTIPARTS:
        raise ValueError("An email with too many parts")
    return email.message_from_bytes(content, policy=_ShortHeaders())
