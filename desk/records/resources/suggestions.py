"""What people suggest as a resource, shared by all facilitators and decided like questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
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
from desk.changelist import badge, counted, require_staff
from desk.records.claims import ClaimableAdmin, with_claim
from desk.records.resources.forms import PublishForm
from members.dates import long_date
from members.models import Member
from members.services import Preview
from members.wording import end_sentence
from teams.models import ResourceSuggestion, ResourceSuggestionQuerySet
from teams.workdays import working_days_since

BADGES = {"waiting": "waiting", "published": "confirmed"}


class SuggestionAction(BulkAction[ResourceSuggestion]):
    model = ResourceSuggestion
    nouns = ("suggestion", "suggestions")
    template = "admin/teams/resourcesuggestion/action.html"
    needs_form = True

    def record_name(self, suggestion: ResourceSuggestion) -> str:
        return f"“{suggestion}”"

    def is_available(self, suggestion: ResourceSuggestion) -> bool:
        return suggestion.is_waiting

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the first email: all facilitators share the suggestions and their answers."""
        return next(iter(preview.emails), None)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[ResourceSuggestion], form: forms.Form
    ) -> dict[str, Any]:
        """Return the suggestions in full, and why nothing can be decided about some."""
        return {
            **super().get_context_data(request, records, form),
            "items": [(each, _why_unavailable(each)) for each in records[:MAX_LISTED_RECORDS]],
        }


def _why_unavailable(suggestion: ResourceSuggestion) -> str:
    """Return why nothing can be decided about `suggestion`; empty if something can."""
    if suggestion.is_waiting:
        return ""
    status = suggestion.get_status_display().lower()
    return end_sentence(f"Already {status} by {suggestion.decided_by}")


class Publish(SuggestionAction):
    name, label, title = "publish", "Publish", "Publish {}"
    description = (
        "It is added to the library right away. If the person who suggested it left an address, "
        "they get the link by email. The address is not published."
    )

    def get_form(self, request: HttpRequest, records: Sequence[ResourceSuggestion]) -> forms.Form:
        is_entered = request.method == "POST" and "title" in request.POST
        staff = require_staff(request)
        form_class = type("PublishForm", (PublishForm,), {"staff": staff})
        form = form_class(request.POST if is_entered else None, suggestions=records)
        return cast(forms.Form, form)


class Dismiss(SuggestionAction, ActionWithReason[ResourceSuggestion]):
    name, label, title = "dismiss", "Dismiss", "Dismiss {}"
    description = (
        "It is not published. If you give a reason, a person who left an address is notified by "
        "email. For spam, give no reason: then nobody is notified."
    )
    reason_help = "Optional. It is in the email to a person who left an address."
    prepared_reasons = (
        "Thank you. We already have this in our library.",
        "Thank you. It does not fit what our teams are working on now.",
        "Thank you. We could not open the page that you suggested.",
        "Thank you. We do not list products or services for sale.",
    )

    def get_form(self, request: HttpRequest, records: Sequence[ResourceSuggestion]) -> forms.Form:
        form = super().get_form(request, records)
        form.fields["reason"].required = False
        if PREPARED_PARAM not in request.POST:
            form.initial["reason"] = ""
        return form


class WaitsFilter(admin.SimpleListFilter):
    title = "what it is waiting for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("decision", "A decision")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ResourceSuggestion]
    ) -> QuerySet[ResourceSuggestion]:
        suggestions = cast("ResourceSuggestionQuerySet", queryset)
        return suggestions.waiting() if self.value() == "decision" else suggestions


class ResourceSuggestionAdmin(ClaimableAdmin[ResourceSuggestion]):
    """What people suggested. Only actions change it."""

    title = "Suggested resources"
    bulk_actions = [Publish(), Dismiss()]
    list_display = ["title", "page", "suggested", "age", "status_badge"]
    list_filter = [WaitsFilter, "status"]
    search_fields = ["title", "url", "text"]
    export_columns = [
        ("Title", "title"), ("Address", "url"), ("Why it helps", "text"),
        ("Suggested", "suggested_at"), ("Status", "get_status_display"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Reason", "answer"),
        ("Published as", "published_as.get_absolute_url"),
    ]  # fmt: skip
    fields = [
        "title", "page", "text", "suggested", "age", "address", "status_badge", "decided",
        "reason", "resource",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ResourceSuggestion]:
        return ResourceSuggestion.objects.select_related("decided_by", "published_as")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        return ("suggested_at", "pk") if "waits" in request.GET else ("-suggested_at", "-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: ResourceSuggestion | None = None
    ) -> bool:
        return False

    @admin.display(description="address")
    def page(self, suggestion: ResourceSuggestion) -> SafeString:
        """Return a link to the page, which is what a decision needs."""
        link = '<a href="{0}" rel="noreferrer">{0}</a>'
        return format_html(link, suggestion.url)

    @admin.display(ordering="suggested_at")
    def suggested(self, suggestion: ResourceSuggestion) -> str:
        return long_date(suggestion.suggested_at)

    @admin.display
    def age(self, suggestion: ResourceSuggestion) -> SafeString | str:
        """Return the working days that it waits, and whether the promised day has passed."""
        if not suggestion.is_waiting:
            return "no longer waits"
        today = timezone.localdate()
        days = working_days_since(timezone.localdate(suggestion.suggested_at), today)
        age = counted(days, "working day", "working days")
        return format_html("{} {}", age, badge("attention", "Late")) if suggestion.is_late else age

    @admin.display(description="suggester’s address")
    def address(self, suggestion: ResourceSuggestion) -> str:
        return f"{suggestion.email} (not verified)" if suggestion.email else "none, or erased"

    @admin.display(description="status", ordering="status")
    def status_badge(self, suggestion: ResourceSuggestion) -> SafeString | str:
        status = badge(BADGES.get(suggestion.status, "closed"), suggestion.get_status_display())
        return with_claim(status, suggestion)

    @admin.display
    def decided(self, suggestion: ResourceSuggestion) -> str:
        if suggestion.decided_at is None:
            return "not yet"
        return f"{long_date(suggestion.decided_at)}, by {suggestion.decided_by}"

    @admin.display
    def reason(self, suggestion: ResourceSuggestion) -> str:
        return suggestion.answer or "none"

    @admin.display(description="published as")
    def resource(self, suggestion: ResourceSuggestion) -> SafeString | str:
        if suggestion.published_as is None:
            return "not published"
        # Its title now may be for members of other teams alone, as its page is.
        url = suggestion.published_as.get_absolute_url()
        return format_html('<a href="{}">Its page</a>', url)
