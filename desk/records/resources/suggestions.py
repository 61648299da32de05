"""What people suggest as a resource, shared by all facilitators and decided like questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.changelist import require_staff
from desk.changelist.filters import WaitsFilter
from desk.records.resources.forms import PublishForm
from desk.records.submissions import (
    DismissAction,
    SubmissionAction,
    SubmissionAdmin,
)
from members.dates import short_date
from teams.models import ResourceSuggestion


class SuggestionAction(SubmissionAction[ResourceSuggestion]):
    model = ResourceSuggestion
    nouns = ("suggestion", "suggestions")
    template = "admin/teams/resourcesuggestion/action.html"


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


class Dismiss(DismissAction[ResourceSuggestion], SuggestionAction):
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


class ResourceSuggestionAdmin(SubmissionAdmin[ResourceSuggestion]):
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

    @admin.display(description="address")
    def page(self, suggestion: ResourceSuggestion) -> SafeString:
        """Return a link to the page, which is what a decision needs."""
        link = '<a href="{0}" rel="noreferrer">{0}</a>'
        return format_html(link, suggestion.url)

    @admin.display(ordering="suggested_at")
    def suggested(self, suggestion: ResourceSuggestion) -> str:
        return short_date(suggestion.suggested_at)

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
