"""The list of emails."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from post_office.models import STATUS, Email, Log

from desk.changelist import DeskModelAdmin, badge, is_administrator
from teams.models import TeamEmail

# The others wait.
BADGES = {STATUS.sent: "confirmed", STATUS.failed: "attention"}
STATUS_LABELS = {
    STATUS.queued: "Queued",
    STATUS.requeued: "To be tried again",
    STATUS.failed: "Given up",
    STATUS.sent: "Sent",
}


class StatusFilter(admin.SimpleListFilter):
    """By status, in the words of the list."""

    title = "status"
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(status), label) for status, label in STATUS_LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        chosen = [status for status in STATUS_LABELS if str(status) == self.value()]
        return queryset.filter(status__in=chosen) if chosen else queryset


class EmailAdmin(DeskModelAdmin[Email]):
    """The emails and whether they went out, for administrators. No text is shown, and of an email
    with a sign-in code not even the subject."""

    can_add = can_change = False
    title = "Emails"
    list_display = [
        "recipient", "subject_or_code", "kind", "status_badge", "failed_tries", "last_refusal",
        "created", "last_updated",
    ]  # fmt: skip
    list_display_links = None
    list_filter = [StatusFilter]
    search_fields = ["to"]
    search_help_text = "Search by address"
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """Return the list only; no page of a single email."""
        return [url for url in super().get_urls() if (url.name or "").endswith("_changelist")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        refusals = Log.objects.filter(email=OuterRef("pk"), status=STATUS.failed)
        latest = Subquery(refusals.order_by("-pk").values("exception_type")[:1])
        emails: QuerySet[Email] = (
            super().get_queryset(request).annotate(refusal=latest, team_kind=F("team_email__kind"))
        )
        return emails.defer("message", "html_message")

    def has_view_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return is_administrator(request)

    @admin.display(description="to")
    def recipient(self, email: Email) -> str:
        return ", ".join(email.to)

    @admin.display(description="subject")
    def subject_or_code(self, email: Email) -> str:
        return "Sign-in code" if email.expires_at else email.subject

    @admin.display(description="kind")
    def kind(self, email: Email) -> str:
        """Return what members would stop to get no more of these; nothing else can be stopped."""
        if email.team_kind is None:
            return "Other"
        return dict(TeamEmail.KINDS).get(email.team_kind, "About their own answer")

    @admin.display(description="status", ordering="status")
    def status_badge(self, email: Email) -> SafeString:
        status = STATUS.queued if email.status is None else email.status
        return badge(BADGES.get(status, "waiting"), STATUS_LABELS[status])

    @admin.display(description="failed tries", ordering="number_of_retries")
    def failed_tries(self, email: Email) -> int:
        return email.number_of_retries or 0

    @admin.display(description="last refusal", empty_value="none")
    def last_refusal(self, email: Email) -> str:
        """Return the error's name and the mail server's code, never its text."""
        refusal: str = email.refusal or ""
        return refusal
