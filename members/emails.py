"""The emails about people and their accounts, and the one way into the queue.

An email is a row written by the transaction that it reports; `manage.py mail_worker` sends it.
"""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import conditional_escape
from post_office.models import PRIORITY, STATUS, Email

from members.history.changesets import collect_unsaved_emails, current_change_set
from members.history.request_id import HEADER, current_request_id
from members.models import Member
from members.site_identity import site_identity
from members.wording import first_name

SEPARATORS = set(',;"<> \t\r\n')
MAX_SUBJECT_CHARACTERS = 200
MAX_SENDER_CHARACTERS = 80
# What would end the name of a sender, or the quotation marks around it.
SENDER_MARKS = str.maketrans("", "", '"\\<>')
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
    priority = PRIORITY.high if urgent else PRIORITY.medium
    _store(to, _render(name, context), priority=priority, expires_at=expires_at)


class SharedEmail:
    """An email to many people, rendered once; `queue` fills in what differs between them, which
    takes a fiftieth of the time of rendering it."""

    def __init__(
        self,
        name: str,
        context: dict[str, Any],
        personal: Collection[str],
        *,
        author: Member | None = None,
    ) -> None:
        """Render the templates `emails/<name>…`, in which the variables `personal`, and the
        greeting, are each person's own. `author` is the person who wrote it, if one did: its
        sender has their name, and replies reach them."""
        self._author, self._sender = author, _sender(author)
        # What no text of a person can hold.
        self._marks = {
            variable: f"mark{secrets.token_hex(16)}" for variable in ["greeting", *personal]
        }
        self._parts = _render(name, {**context, **self._marks})

    def queue(
        self,
        to: str,
        full_name: str,
        personal: dict[str, str],
        *,
        stop_url: str = "",
        priority: int = PRIORITY.low,
    ) -> Email:
        """Put the email to the address `to` into the queue, after all more urgent ones, and return
        it. `stop_url` is the page that stops emails of this kind (RFC 8058), if any does."""
        values = {**personal, "greeting": _greeting(full_name)}
        parts = dict(self._parts)
        for variable, mark in self._marks.items():
            text = values[variable]
            parts["subject"] = parts["subject"].replace(mark, text)
            parts["message"] = parts["message"].replace(mark, text)
            html = str(conditional_escape(text))
            parts["html_message"] = parts["html_message"].replace(mark, html)
        return _store(
            to,
            parts,
            priority=priority,
            stop_url=stop_url,
            sender=self._sender,
            author=self._author,
        )


def _store(
    to: str,
    parts: dict[str, str],
    *,
    priority: int,
    expires_at: datetime | None = None,
    stop_url: str = "",
    sender: str = "",
    author: Member | None = None,
) -> Email:
    """Put a rendered email into the queue, and return it."""
    if set(to) & SEPARATORS or to.count("@") != 1:
        raise ValueError("An email goes to one plain address.")
    change_set = current_change_set()
    email = Email(
        from_email=sender or settings.DEFAULT_FROM_EMAIL,
        to=[to],
        **parts,
        status=STATUS.queued,
        priority=priority,
        expires_at=expires_at,
        scheduled_time=change_set.hold_until,
        message_id=make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
        headers=_headers(stop_url, author),
    )
    if change_set.unsaved_emails is not None:
        change_set.unsaved_emails.append(email)
        return email
    email.save()
    change_set.add_emails([email.pk])
    return email


def _sender(author: Member | None) -> str:
    """Return from whom an email is: the portal, with the name of a person who wrote it. The address
    is always that of the portal, for which alone its mail server can sign."""
    if author is None or not author.full_name:
        return settings.DEFAULT_FROM_EMAIL
    name = f"{author.full_name[:MAX_SENDER_CHARACTERS]} via {site_identity().short_name}"
    # Within quotation marks all other characters of a name are only that.
    return f'"{name.translate(SENDER_MARKS)}" <{settings.DEFAULT_FROM_EMAIL}>'


def _headers(stop_url: str, author: Member | None) -> dict[str, str]:
    """Return the headers of an email: whether a person wrote it (RFC 3834), whom replies reach, and
    that mail programs offer to stop it where it can be stopped (RFC 8058)."""
    headers = {"Auto-Submitted": "auto-generated", "Reply-To": settings.CONTACT_EMAIL}
    if author:
        headers = {"Auto-Submitted": "no", "Reply-To": author.email}
    if request_id := current_request_id():
        headers[HEADER] = request_id
    if stop_url:
        headers["List-Unsubscribe"] = f"<{stop_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _greeting(full_name: str) -> str:
    """Return what follows the heading: ", Ana", or nothing."""
    name = first_name(full_name)
    return f", {name}" if name else ""


def _render(name: str, context: dict[str, Any]) -> dict[str, str]:
    """Return subject, text and HTML of an email, from its templates."""
    member: Member | None = context.get("member")
    context = {
        "greeting": _greeting(member.full_name) if member else "",
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
