"""The answers that calendar programs send to invitations (RFC 5546, METHOD:REPLY), as they are read
from an email. Anyone can send one: nothing in it raises an error, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from email.message import Message
from itertools import islice

from members.plus_addresses import recipients_in
from members.received_emails import parse_email
from teams.reply_addresses import reply_tokens

MAX_EMAIL_BYTES = 1_000_000
# An answer has less than a thousandth of that.
MAX_CALENDAR_BYTES = 100_000
# multipart/mixed, multipart/alternative, and one more by a mailing list.
MAX_DEPTH = 5
MAX_PARTS, MAX_CALENDARS = 20, 5


@dataclass(frozen=True)
class CalendarReply:
    """An answer: the token says whose it is and to what, and only the token can be trusted."""

    token: str
    uid: str
    sequence: int
    # In capitals: ACCEPTED, DECLINED, TENTATIVE …
    participation: str
    # The time that was answered; None where the program does not repeat it.
    starts: datetime | date | None
    # When it was answered, by the clock of the program.
    answered_at: datetime | None


def read_reply(content: bytes) -> CalendarReply | None:
    """Return the answer in an email, or None if it holds none: an absence reply, spam, an email
    that is too large or broken, one for nobody or for several people at once."""
    if len(content) > MAX_EMAIL_BYTES or b"text/calendar" not in content.lower():
        return None
    # The libraries raise what they like about an email that was written to break them.
    try:
        return _read(parse_email(content))
    except Exception:
        return None


def _read(message: Message) -> CalendarReply | None:
    tokens = reply_tokens(recipients_in(message))
    if len(tokens) != 1:
        return None
    for text in islice(_calendars(message), MAX_CALENDARS):
        if reply := _parse(text, tokens.copy().pop()):
            return reply
    return None


def _calendars(message: Message) -> Iterator[str]:
    """Yield the text of each calendar in `message`, and in none that is attached to it."""
    parts = [(message, 0)]
    for part, depth in parts:
        if part.get_content_maintype() == "multipart" and depth < MAX_DEPTH:
            within = part.get_payload()
            if isinstance(within, list):
                messages = [each for each in within[:MAX_PARTS] if isinstance(each, Message)]
                parts += [(each, depth + 1) for each in messages]
        elif part.get_content_type() == "text/calendar":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and len(content) <= MAX_CALENDAR_BYTES:
                yield _decode(content, str(part.get_content_charset("utf-8")))


def _decode(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, errors="replace")
    except (LookupError, UnicodeError):
        return content.decode(errors="replace")


def _parse(text: str, token: str) -> CalendarReply | None:
    """Return the answer in the calendar `text`, or None if it is another kind of calendar, or
    answers for several people differently."""
    from icalendar import Calendar  # noqa: PLC0415  # takes longer than most pages

    calendar = Calendar.from_ical(text)
    if str(calendar.get("method", "")).upper() != "REPLY" or not calendar.events:
        return None
    event = calendar.events[0]
    attendees = event.get("attendee", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    answers = {str(each.params.get("PARTSTAT", "")).upper() for each in attendees}
    if len(answers) != 1:
        return None
    starts, stamp = event.get("dtstart"), event.get("dtstamp")
    answered_at = getattr(stamp, "dt", None)
    is_moment = isinstance(answered_at, datetime) and answered_at.tzinfo is not None
    return CalendarReply(
        token=token,
        uid=str(event.get("uid", "")).strip().lower(),
        sequence=int(event.get("sequence", 0)),
        participation=answers.pop(),
        starts=getattr(starts, "dt", None),
        answered_at=answered_at if is_moment else None,
    )
