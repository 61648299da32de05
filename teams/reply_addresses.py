"""The addresses to which calendar programs send the answer to an invitation.

Each belongs to one meeting and one person: `meetings+<token>@portal.example.org`. The token decides
whose answer it is; what else stands in the email, anyone can write. As the links in emails
(`teams.answer_links`) it works no longer once the address is another person's or the account is
closed.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.utils.crypto import constant_time_compare

from members.models import Member
from members.plus_addresses import SIGNATURE_LENGTH, key_in, plus_address, plus_tokens, signature
from teams.answer_links import GUEST, MEMBER, AnswerLink, address_of, link_of
from teams.models import Attendance, Meeting

# No secret: it tells signatures apart.
TOKEN_SALT = "teams.reply_addresses"  # noqa: S105
_TOKEN = re.compile(
    rf"([0-9a-f]{{1,16}})([{MEMBER}{GUEST}])([0-9a-f]{{1,16}})s([0-9a-f]{{{SIGNATURE_LENGTH}}})"
)


def reply_address(meeting: Meeting, person: Member | Attendance) -> str:
    """Return the address at which `person` (a member, or the answer of a guest) answers `meeting`.
    CALENDAR_EMAIL must be set."""
    return plus_address(settings.CALENDAR_EMAIL, _token(meeting, person))


def reply_tokens(text: str) -> set[str]:
    """Return the tokens of all addresses in `text` (headers of an email) that `reply_address` could
    have made, whatever their case."""
    return plus_tokens(settings.CALENDAR_EMAIL, text)


def resolve_reply_token(token: str) -> AnswerLink | None:
    """Return whose answer to which meeting an email to the address with this `token` is; None if it
    is forged, or if its person no longer answers from that address."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    meeting = Meeting.objects.filter(pk=key_in(match[1])).first()
    person: Member | Attendance | None
    if match[2] == MEMBER:
        members = Member.objects.select_related("merged_into")
        person = members.filter(pk=key_in(match[3])).first()
    else:
        answers = Attendance.objects.select_related("member__merged_into")
        person = answers.filter(pk=key_in(match[3]), meeting=meeting).first()
    if meeting is None or person is None:
        return None
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(token, _token(meeting, person, key)) for key in keys):
        return None
    return link_of(meeting, person)


def _token(meeting: Meeting, person: Member | Attendance, key: str | None = None) -> str:
    kind = MEMBER if isinstance(person, Member) else GUEST
    text = f"{meeting.pk:x}{kind}{person.pk:x}"
    # With the address: it ends with it.
    return f"{text}s{signature(TOKEN_SALT, f'{text} {address_of(person)}', key)}"
