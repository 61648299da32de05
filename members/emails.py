"""The mails about people and their accounts, and the one way into the queue.

A mail is a row written by the transaction that it reports; `manage.py send_mail` sends it.
"""

from datetime import datetime
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from post_office.models import PRIORITY, STATUS, Email

from members.models import Member
from members.trail import current_trail


def queue(
    name: str,
    to: str,
    context: dict[str, Any],
    *,
    urgent: bool = False,
    expires_at: datetime | None = None,
) -> None:
    """Put the mail of the templates `emails/<name>…` to the address `to` into the queue.

    Urgent mails overtake the others; one that `expires_at` has passed is never sent. The mails
    of a decision at the desk wait until it can no longer be undone (members.trail). The row
    is created directly: post_office's own `send()` would render the text a second time, as a
    template, with whatever a stranger typed into it.
    """
    context = {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        **context,
    }
    subject = render_to_string(f"emails/{name}_subject.txt", context)
    trail = current_trail()
    mail = Email.objects.create(
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        subject=" ".join(subject.split())[:200],
        message=render_to_string(f"emails/{name}.txt", context),
        html_message=render_to_string(f"emails/{name}.html", context),
        status=STATUS.queued,
        priority=PRIORITY.high if urgent else PRIORITY.medium,
        expires_at=expires_at,
        scheduled_time=trail.hold_until if trail else None,
        message_id=make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
    )
    if trail:
        trail.mails.append(mail.pk)


def address_code(email: str, code: str, expires_at: datetime) -> None:
    """The code that proves the address; the same mail whoever asks, known here or not."""
    queue(
        "address_code",
        email,
        {"code": code, "minutes": settings.CODE_MINUTES},
        urgent=True,
        expires_at=expires_at,
    )


def account_closed(member: Member) -> None:
    """Tell the person that the account is closed; called before the address is erased."""
    queue("account_closed", member.email, {"full_name": member.full_name})
