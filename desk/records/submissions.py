"""What visitors send, at the desk: shared by all facilitators, taken on by one, decided once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from post_office.models import Email

from desk.actions.bulk_action import (
    MAX_LISTED_RECORDS,
    PREPARED_PARAM,
    ActionWithReason,
    BulkAction,
)
from desk.changelist import badge, counted
from desk.records.claims import ClaimableAdmin, with_claim
from members.dates import long_date
from members.models import Member
from members.services import Preview
from members.wording import end_sentence
from teams.models import Submission
from teams.workdays import working_days_since

Sent = TypeVar("Sent", bound=Submission)


class SubmissionAction(BulkAction[Sent]):
    """A decision about what a visitor sent."""

    needs_form = True

    def record_name(self, record: Sent) -> str:
        return f"“{record}”"

    def is_available(self, record: Sent) -> bool:
        return record.is_waiting

    def why_unavailable(self, record: Sent) -> str:
        """Return why nothing can be decided about `record` here; empty if something can."""
        if record.is_waiting:
            return ""
        return end_sentence(f"Already {record.status_in_words.lower()} by {record.decided_by}")

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Sent], form: forms.Form
    ) -> dict[str, Any]:
        """Return the records in full, each with why nothing can be decided about it."""
        return {
            **super().get_context_data(request, records, form),
            "items": [(each, self.why_unavailable(each)) for each in records[:MAX_LISTED_RECORDS]],
        }

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the first email: all facilitators share what was sent, and the answers."""
        return next(iter(preview.emails), None)


class DismissAction(ActionWithReason[Sent]):
    """Closing what a visitor sent, with or without a reason."""

    name, label, title = "dismiss", "Dismiss", "Dismiss {}"

    def get_form(self, request: HttpRequest, records: Sequence[Sent]) -> forms.Form:
        form = super().get_form(request, records)
        form.fields["reason"].required = False
        if PREPARED_PARAM not in request.POST:
            form.initial["reason"] = ""
        return form


class SubmissionAdmin(ClaimableAdmin[Sent]):
    """The list of what visitors sent. Only actions change it."""

    can_add = can_change = False
    # What stands in the place of an address.
    no_address = "none, or erased"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        sent_at = self.model.SENT_AT
        return (sent_at, "pk") if "waits" in request.GET else (f"-{sent_at}", "-pk")

    @admin.display
    def age(self, record: Sent) -> SafeString | str:
        """Return the working days that it waits, and whether the promised day has passed."""
        if not record.is_waiting:
            return "no longer waits"
        days = working_days_since(timezone.localdate(record.sent_at), timezone.localdate())
        age = counted(days, "working day", "working days")
        return format_html("{} {}", age, badge("attention", "Late")) if record.is_late else age

    @admin.display(description="status", ordering="status")
    def status_badge(self, record: Sent) -> SafeString | str:
        return with_claim(badge(record.badge, record.status_in_words), record)

    @admin.display(description="sender’s address")
    def address(self, record: Sent) -> str:
        email = getattr(record, record.EMAIL)
        return f"{email} (not verified)" if email else self.no_address

    @admin.display
    def decided(self, record: Sent) -> str:
        if record.decided_at is None:
            return "not yet"
        return f"{long_date(record.decided_at)}, by {record.decided_by}"
