"""Links in emails that show a person's answer to a meeting, and let it be changed there.

A link proves that its email was read at the address it went to. It opens that one answer, signs
nobody in, and works no longer once the address is another person's or the account is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from members.models import Member
from teams.models import Attendance, Meeting

# No secret: it tells signatures apart.
TOKEN_SALT = "teams.answer_links"  # noqa: S105
MEMBER, GUEST = "m", "g"


@dataclass(frozen=True)
class AnswerLink:
    """What a link in an email is about: the meeting, and the member or else the answer of a
    guest."""

    meeting: Meeting
    member: Member | None
    guest: Attendance | None


def answer_token(meeting: Meeting, person: Member | Attendance) -> str:
    """Return the token of a link for `person` to answer `meeting`: a member, or what a guest has
    answered before."""
    if isinstance(person, Attendance) and person.member:
        person = person.member
    kind = MEMBER if isinstance(person, Member) else GUEST
    text = f"{meeting.pk}.{kind}{person.pk}.{_digest(address_of(person))}"
    return signing.Signer(salt=TOKEN_SALT).sign(text)


def answer_url(meeting: Meeting, person: Member | Attendance) -> str:
    """Return the whole address, for an email, at which `person` answers `meeting`."""
    return settings.SITE_URL + reverse("meeting_answer_link", args=[answer_token(meeting, person)])


def resolve_answer_token(token: str) -> AnswerLink | None:
    """Return what `token` is about; None if it is forged, or if its person no longer answers from
    that address."""
    try:
        text = signing.Signer(salt=TOKEN_SALT).unsign(token)
    except signing.BadSignature:
        return None
    meeting_key, person_key, digest = text.split(".")
    meeting = Meeting.objects.filter(pk=meeting_key).first()
    person: Member | Attendance | None
    if person_key[0] == MEMBER:
        person = Member.objects.select_related("merged_into").filter(pk=person_key[1:]).first()
    else:
        answers = Attendance.objects.select_related("member")
        person = answers.filter(pk=person_key[1:], meeting=meeting).first()
    if meeting is None or person is None:
        return None
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    address = address_of(person)
    if not any(constant_time_compare(digest, _digest(address, key)) for key in keys):
        return None
    return link_of(meeting, person)


def link_of(meeting: Meeting, person: Member | Attendance) -> AnswerLink | None:
    """Return the link of `person`: of who has joined since, or was merged, the account that goes
    on; None where that is closed or on hold."""
    member = person if isinstance(person, Member) else person.member
    if member is None:
        return AnswerLink(meeting, None, person if isinstance(person, Attendance) else None)
    account = member.merged_into or member
    return AnswerLink(meeting, account, None) if account.is_active else None


def address_of(person: Member | Attendance) -> str:
    """Return the address at which `person` reads emails: of a member, or of a guest."""
    if isinstance(person, Member):
        return person.email
    return person.member.email if person.member else person.guest_email


def _digest(email: str, key: str | None = None) -> str:
    """Return what binds a token to its address, without showing it."""
    return salted_hmac(TOKEN_SALT, email, secret=key, algorithm="sha256").hexdigest()[:16]
