"""The addresses to which calendar programs send the answer to an invitation.

Each belongs to one meeting and one person: `meetings+<token>@portal.example.org`. The token decides
whose answer it is; what else stands in the email, anyone can write. As the links in emails
(`teams.answer_links`) it works no longer once the address is another person's or the account is
closed.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from members.models import Member
from teams.answer_links import GUEST, MEMBER, AnswerLink, address_of, link_of
from teams.models import Attendance, Meeting

# No secret: it tells signatures apart.
TOKEN_SALT = "teams.reply_addresses"  # noqa: S105
SIGNATURE_LENGTH = 20
# Small letters and digits, as mail servers may change the case. With the 20 characters that
# CALENDAR_EMAIL may have before its plus it fits into the 64 of an address (RFC 5321, 4.5.3.1.1).
MAX_TOKEN_LENGTH = 43
_TOKEN = re.compile(
    rf"([0-9a-f]{{1,16}})([{MEMBER}{GUEST}])([0-9a-f]{{1,16}})s([0-9a-f]{{{SIGNATURE_LENGTH}}})"
)

# Behind a token stands nothing else of the address, before the mailbox neither.
_ADDRESS = re.compile(rf"(?<![\w.+-])([\w.-]+)\+(\w{{1,{MAX_TOKEN_LENGTH}}})@([\w.-]+)", re.ASCII)


def reply_address(meeting: Meeting, person: Member | Attendance) -> str:
    """Return the address at which `person` (a member, or the answer of a guest) answers `meeting`.
    CALENDAR_EMAIL must be set."""
    mailbox, _, domain = settings.CALENDAR_EMAIL.partition("@")
    return f"{mailbox}+{_token(meeting, person)}@{domain}"


def reply_tokens(text: str) -> set[str]:
    """Return the tokens of all addresses in `text` (headers of an email) that `reply_address` could
    have made, whatever their case."""
    mailbox, _, domain = settings.CALENDAR_EMAIL.partition("@")
    return {
        token
        for name, token, host in _ADDRESS.findall(text.lower())
        if (name, host) == (mailbox, domain)
    }


def resolve_reply_token(token: str) -> AnswerLink | None:
    """Return whose answer to which meeting an email to the address with this `token` is; None if it
    is forged, or if its person no longer answers from that address."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    meeting = Meeting.objects.filter(pk=_key(match[1])).first()
    person: Member | Attendance | None
    if match[2] == MEMBER:
        members = Member.objects.select_related("merged_into")
        person = members.filter(pk=_key(match[3])).first()
    else:
        answers = Attendance.objects.select_related("member__merged_into")
        person = answers.filter(pk=_key(match[3]), meeting=meeting).first()
    if meeting is None or person is None:
        return None
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(token, _token(meeting, person, key)) for key in keys):
        return None
    return link_of(meeting, person)


def _key(digits: str) -> int:
    """Return a key that every database takes."""
    return min(int(digits, 16), 2**63 - 1)


def _token(meeting: Meeting, person: Member | Attendance, key: str | None = None) -> str:
    kind = MEMBER if isinstance(person, Member) else GUEST
    text = f"{meeting.pk:x}{kind}{person.pk:x}"
    # With the address: it ends with it.
    signed = f"{text} {address_of(person)}"
    digest = salted_hmac(TOKEN_SALT, signed, secret=key, algorithm="sha256").hexdigest()
    return f"{text}s{digest[:SIGNATURE_LENGTH]}"
