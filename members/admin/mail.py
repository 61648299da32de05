"""The list of mails."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from post_office.models import Email

from members.admin.desk import DeskModelAdmin, badge, is_administrator

BADGES = {"sent": "confirmed", "failed": "attention"}  # the others wait


@admin.register(Email)
class MailAdmin(DeskModelAdmin[Email]):
    """The mails and whether they went out, for administrators. No text is shown, and of a mail
    with a sign-in code not even the subject."""

    title = "Mail"
    list_display = ["recipient", "about", "state", "created", "last_updated"]
    list_display_links = None
    list_filter = ["status"]
    search_fields = ["to"]
    search_help_text = "Search by address"
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """The list only; no page of a single mail."""
        return [url for url in super().get_urls() if (url.name or "").endswith("_changelist")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return super().get_queryset(request).defer("message", "html_message")

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
        word = mail.get_status_display() or "queued"
        return badge(BADGES.get(word, "waiting"), word.capitalize())
