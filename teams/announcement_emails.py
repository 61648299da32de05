"""The emails that people write to a team, or to those who come to a meeting. They know templates
and addresses, no rules."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.urls import reverse
from post_office.models import PRIORITY, Email

from members.emails import SharedEmail
from members.models import Member
from teams.markdown import email_html, email_text
from teams.meeting_emails import Reader
from teams.models import Announcement


def announcement(
    announcement: Announcement,
    readers: Sequence[Reader],
    *,
    author: Member | None,
    is_test: bool = False,
) -> list[Email]:
    """Send each of `readers` what `author` wrote, whom their replies reach. All of them can stop
    such emails, or none can. Return the emails, in the order of the readers."""
    can_stop = bool(readers[0].stop_url)
    context = {
        "announcement": announcement,
        "author": author,
        "text": email_text(announcement.body),
        "html": email_html(announcement.body, top=2),
        "is_test": is_test,
        # Guests of a meeting do not see it there, nor does anyone before it is sent.
        "page_url": settings.SITE_URL + announcement.get_absolute_url() if can_stop else "",
        "my_emails_url": settings.SITE_URL + reverse("my_emails"),
    }
    personal = ["reason", *(["stop_url"] if can_stop else [])]
    shared = SharedEmail("announcement", context, personal, author=author)
    emails = []
    for reader in readers:
        values = {"reason": reader.reason} | ({"stop_url": reader.stop_url} if can_stop else {})
        emails.append(
            shared.queue(
                reader.email,
                reader.full_name,
                values,
                # Nobody stops such emails from a test.
                stop_url="" if is_test else reader.stop_url,
                # Someone is waiting for a test.
                priority=PRIORITY.medium if is_test else PRIORITY.low,
            )
        )
    return emails
