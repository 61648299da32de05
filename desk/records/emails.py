"""The list of emails."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from post_office.models import STATUS, Email, Log

from desk.changelist.base import DeskModelAdmin, badge, is_administrator

BADGES = {STATUS.sent: "confirmed", STATUS.failed: "attention"}  # the others wait
WORDS = {
    STATUS.queued: "Queued",
    STATUS.requeued: "To be tried again",
    STATUS.failed: "Given up",
    STATUS.sent: "Sent",
}


class StateFilter(admin.SimpleListFilter):
    """By status, in the words of the list."""

    title = "status"
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(status), words) for status, words in WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        chosen = [status for status in WORDS if str(status) == self.value()]
        return queryset.filter(status__in=chosen) if chosen else queryset


@admin.register(Email)
class EmailAdmin(DeskModelAdmin[Email]):
    """The emails and whether they went out, for administrators. No text is shown, and of an email
    with a sign-in code not even the subject."""

    title = "Mail"
    list_display = ["recipient", "about", "state", "tries", "answer", "created", "last_updated"]
    list_display_links = None
    list_filter = [StateFilter]
    search_fields = ["to"]
    search_help_text = "Search by address"
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """The list only; no page of a single email."""
        return [url for url in super().get_urls() if (url.name or "").endswith("_changelist")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        refusals = Log.objects.filter(email=OuterRef("pk"), status=STATUS.failed)
        answer = Subquery(refusals.order_by("-pk").values("exception_type")[:1])
        mails: QuerySet[Email] = super().get_queryset(request).annotate(answer=answer)
        return mails.defer("message", "html_message")

    def has_view_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False

    @admin.display(description="to")
    def recipient(self, mail: Email) -> str:
        return ", ".join(mail.to)

    @admin.display(description="subject")
    def about(self, mail: Email) -> str:
        return "Sign-in code" if mail.expires_at else mail.subject

    @admin.display(description="status", ordering="status")
    def state(self, mail: Email) -> SafeString:
        status = STATUS.queued if mail.status is None else mail.status
        return badge(BADGES.get(status, "waiting"), WORDS[status])

    @admin.display(description="failed tries", ordering="number_of_retries")
    def tries(self, mail: Email) -> int:
        return mail.number_of_retries or 0

    @admin.display(description="last refusal", empty_value="none")
    def answer(self, mail: Email) -> str:
        """The error's name and the mail server's code, never its text."""
        found: str = mail.answer or ""
        return found
