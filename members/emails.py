"""The emails about people and their accounts, and the one way into the queue.

An email is a row written by the transaction that it reports; `manage.py mail_worker` sends it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from post_office.models import PRIORITY, STATUS, Email

from members.history.changesets import collect_unsaved_emails, current_change_set
from members.history.request_id import HEADER, current_request_id
from members.models import Member
from members.site_identity import site_identity
from members.wording import first_name

SEPARATORS = set(',;"<> \t\r\n')
MAX_SUBJECT_CHARACTERS = 200
BATCH = 200  # emails of one statement


def queue(
    name: str,
    to: str,
    context: dict[str, Any],
    *,
    urgent: bool = False,
    expires_at: datetime | None = None,
) -> None:
    """Put the email of the templates `emails/<name>…` to the address `to` into the queue.

    Urgent emails overtake the others; one that `expires_at` has passed is never sent. The emails
    of a decision wait until it can no longer be undone (see `ChangeSet`). The row is created
    directly: post_office's own `send()` would render the text a second time, as a template, with
    anything that a stranger typed into it. Raises ValueError unless `to` is one plain address:
    post_office splits its recipients at commas.
    """
    if set(to) & SEPARATORS or to.count("@") != 1:
        raise ValueError("An email goes to one plain address.")
    change_set, request_id = current_change_set(), current_request_id()
    email = Email(
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        **_render(name, context),
        status=STATUS.queued,
        priority=PRIORITY.high if urgent else PRIORITY.medium,
        expires_at=expires_at,
        scheduled_time=change_set.hold_until,
        message_id=make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
        headers={HEADER: request_id} if request_id else None,
    )
    if change_set.unsaved_emails is not None:
        change_set.unsaved_emails.append(email)
        return
    email.save()
    change_set.add_emails([email.pk])


def _render(name: str, context: dict[str, Any]) -> dict[str, str]:
    """Return subject, text and HTML of an email, from its templates."""
    member: Member | None = context.get("member")
    context = {
        "first_name": first_name(member.full_name) if member else "",
        "site": site_identity(),
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        **context,
    }
    subject = " ".join(render_to_string(f"emails/{name}_subject.txt", context).split())
    context["subject"] = subject[:MAX_SUBJECT_CHARACTERS]
    return {
        "subject": context["subject"],
        "message": render_to_string(f"emails/{name}.txt", context),
        "html_message": render_to_string(f"emails/{name}.html", context),
    }


@contextmanager
def collect_emails() -> Iterator[list[Email]]:
    """Yield the list of the emails that are written inside; they are not stored."""
    with collect_unsaved_emails() as emails:
        yield emails


@contextmanager
def bulk_queue() -> Iterator[None]:
    """Store the emails that are queued inside all at once at the end: one query for any number."""
    with collect_emails() as emails:
        yield
    for email in emails:
        email.full_clean()
    Email.objects.bulk_create(emails, batch_size=BATCH)
    current_change_set().add_emails(email.pk for email in emails)


def address_code(email: str, code: str, expires_at: datetime) -> None:
    """Send the code that proves the address; members and strangers get the same email."""
    queue(
        "address_code",
        email,
        {"code": code, "expires_at": expires_at},
        urgent=True,
        expires_at=expires_at,
    )


def second_factor_changed(member: Member, what: str) -> None:
    """Tell the person what changed in the second step: another person may have done it."""
    context = {"member": member, "what": what, "security_url": _security_url()}
    queue("second_factor_changed", member.email, context)


def second_factor_reset(member: Member) -> None:
    """Tell the person that an administrator removed the second step."""
    queue("second_factor_reset", member.email, {"member": member, "security_url": _security_url()})


def _security_url() -> str:
    return f"{settings.SITE_URL}{reverse('mfa_index')}"


def account_closed(member: Member) -> None:
    """Tell the person that the account is closed; called before the address is erased."""
    queue("account_closed", member.email, {"member": member})
