"""What is decided about announcements: sending, stopping and deleting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse

from desk.actions.bulk_action import BulkAction
from desk.changelist import counted, require_staff
from desk.records.versions import VersionForm
from members.models import Member
from teams.models import Announcement, AnnouncementRecipient
from teams.services import audience_of
from teams.services.announcements import content_version, sample_email


class AnnouncementAction(BulkAction[Announcement]):
    """A decision about announcements, for those who may write them."""

    model = Announcement
    nouns = ("announcement", "announcements")
    needs_form = True

    def has_permission(self, staff: Member, record: Announcement | None = None) -> bool:
        allowed = super().has_permission(staff, record)
        if not allowed or record is None:
            return allowed
        return Announcement.objects.editable_by(staff).filter(pk=record.pk).exists()

    def is_available(self, announcement: Announcement) -> bool:
        return announcement.is_draft

    def record_name(self, announcement: Announcement) -> str:
        return f"“{announcement}”"

    def describe(self, announcement: Announcement) -> str:
        return f"{announcement}: {announcement.audience}"

    def preview_data(self, form: forms.Form) -> None:
        """Return None: the page says itself what will happen."""


class Send(AnnouncementAction):
    name, label, title = "send", "Send", "Send {}"
    leave_label = "Back to the text"
    description = "Each person gets an email of their own; nobody sees who else gets it."
    template = "admin/teams/announcement/send.html"

    def get_form(self, request: HttpRequest, records: Sequence[Announcement]) -> forms.Form:
        initial = {"version": content_version(records[0])} if len(records) == 1 else {}
        return VersionForm(request.POST if request.method == "POST" else None, initial=initial)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Announcement], form: forms.Form
    ) -> dict[str, Any]:
        """Return the email as one recipient gets it, and who gets it; of several the list."""
        context = super().get_context_data(request, records, form)
        if len(records) > 1 or not records[0].is_draft:
            return context
        (announcement,) = records
        staff = require_staff(request)
        recipients = audience_of(announcement)
        pages = [
            reverse(f"admin:teams_announcement_{name}", args=[announcement.pk])
            for name in ("html", "test")
        ]
        return {
            **context,
            "announcement": announcement,
            "recipients": recipients,
            "is_settled": not (recipients.number or recipients.monthly),
            "effects": f"{recipients}.",
            "sample": sample_email(announcement, recipients, by=staff),
            "reply_to": staff.email,
            "html_url": pages[0],
            "test_url": pages[1],
        }


class Stop(AnnouncementAction):
    name, label, title = "stop", "Stop the emails", "Stop {}"
    leave_label = "Keep sending"
    template = "admin/teams/announcement/stop.html"
    description = (
        "Emails that have not been sent yet will not be. Those already sent cannot be recalled, "
        "and the announcement remains on the pages of the portal. You cannot undo this."
    )

    def is_available(self, announcement: Announcement) -> bool:
        return not (announcement.is_draft or announcement.stopped_at) and bool(
            self._waiting(announcement)
        )

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Announcement], form: forms.Form
    ) -> dict[str, Any]:
        """Return how many emails have not left."""
        number = sum(self._waiting(announcement) for announcement in records)
        emails = counted(number, "email has", "emails have")
        return {
            **super().get_context_data(request, records, form),
            "waiting": f"{emails} not been sent yet.",
        }

    def _waiting(self, announcement: Announcement) -> int:
        outcome = AnnouncementRecipient.Outcome.QUEUED
        return announcement.recipients.filter(outcome=outcome).count()


class Delete(AnnouncementAction):
    name, label, title = "delete", "Delete draft", "Delete {}"
    description = "Nobody has received it, and no email is sent. You cannot undo this."

    def success_url(self, form_data: dict[str, Any]) -> str:
        return reverse("admin:teams_announcement_changelist")
