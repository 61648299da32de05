"""What follows from emails that came back: the address is marked, and the results of the
announcement say so. Nothing is ever sent to the sender of a report; ignored reports are logged, by
key.
"""

import logging
from datetime import datetime

from django.db import transaction
from post_office.models import STATUS, Email

from members.bounce_codes import describe_code
from members.bounce_reports import BounceReport, read_bounce
from members.models import Bounce, Member
from members.services import Refused, record_bounce
from members.services.bounces import ALREADY_SETTLED
from teams.models import AnnouncementRecipient, Membership
from teams.services.announcements import record_outcome
from teams.services.memberships import decline_all_requests, end_membership

# Begins the line in the log of an email.
CAME_BACK = "Came back"

logger = logging.getLogger(__name__)


def process_bounce(content: bytes, recipient: str = "") -> Bounce | None:
    """Note what the email `content`, as it came to BOUNCE_EMAIL, reports about an address, and
    return what is known about the address now; None where it reports nothing that counts.

    Anyone can send such an email: it counts only for the email and the address for which the
    portal signed the token that it came to, and once. `recipient` is the address that it came to,
    where the mail server gives it. Raises nothing but errors of the database.
    """
    report = read_bounce(content, recipient)
    if report is None:
        logger.info("Ignored an email to the bounce mailbox: no permanent failure of an email")
        return None
    with transaction.atomic():
        # In the order of locks. Emails of a member are deleted by who has locked the member.
        members = Member.objects.select_for_update(no_key=True)
        member = members.filter(pk=report.token.member_key).first()
        email = Email.objects.select_for_update().filter(pk=report.token.email_key).first()
        if member is None or email is None:
            logger.info("Ignored an email to the bounce mailbox: it is about no email of ours")
            return None
        reason = _why_not(report, email)
        if reason:
            logger.info("Bounce of email %s not taken: %s", email.pk, reason)
            return None
        code = report.codes[email.to[0]]
        text = f"{CAME_BACK} {code}".strip()
        email.logs.create(status=STATUS.failed, message=describe_code(code), exception_type=text)
        return _note(email, member, code, sent_at=email.last_updated)


def process_refusal(email: Email, code: str) -> None:
    """Note that a mail server refused `email` at once, with `code`, since its address does not
    work. Not in the transaction that gives it up: members are locked before emails."""
    with transaction.atomic():
        members = Member.objects.select_for_update(no_key=True)
        if member := members.filter(email=",".join(email.to)).first():
            _note(email, member, code, sent_at=None)


def record_departure(bounce: Bounce, *, reason: str, by: Member) -> list[Membership]:
    """End the memberships that the member of `bounce` has in the teams of `by`, and decline what
    they ask for there, with a reason; return the memberships.

    Facilitators of the other teams decide about these. The address stays marked: if the person
    comes back with it, they are asked. Refuses without a reason, what is settled, and a person who
    is in none of the teams of `by`.
    """
    with transaction.atomic():
        member = Member.objects.select_for_update(no_key=True).get(pk=bounce.member_id)
        if Bounce.objects.get(pk=bounce.pk).settled_at:
            raise Refused(ALREADY_SETTLED)
        own = Membership.objects.visible_to(by).of(member).current().select_related("team")
        memberships = list(own.order_by("team__position", "pk"))
        if not memberships:
            raise Refused(f"{member} is not in one of your teams. Nothing was changed.")
        for membership in memberships:
            if membership.is_active:
                end_membership(membership, reason=reason, by=by)
        if any(membership.is_waiting for membership in memberships):
            decline_all_requests(member, reason=reason, by=by)
    return memberships


def _why_not(report: BounceReport, email: Email) -> str:
    """Return why `report` says nothing about `email`, or an empty text."""
    address = ",".join(email.to)
    if not report.token.is_of(address):
        return "its token is not ours"
    if address not in report.codes:
        return "it is about another address"
    if email.logs.filter(exception_type__startswith=CAME_BACK).exists():
        return "it was taken before"
    return ""


def _note(email: Email, member: Member, code: str, *, sent_at: datetime | None) -> Bounce | None:
    """Note that `email`, which left at `sent_at` (None: now), came back with `code` from the
    address of `member`."""
    record_outcome(email, AnnouncementRecipient.Outcome.BOUNCED, describe_code(code))
    bounce = record_bounce(member, email.to[0], code, sent_at=sent_at)
    logger.info("Email %s of member %s came back: %s", email.pk, member.pk, code or "no code")
    return bounce
