"""The list and the records of announcements."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from csp.decorators import csp_replace, csp_update
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.clickjacking import xframe_options_sameorigin

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.changelist import badge, is_administrator, only_team, parse_pk, require_staff, team_tag
from desk.changelist.filters import TeamFilter
from desk.email_policy import EMAIL_POLICY, FRAME_POLICY
from desk.records.announcements.actions import Delete, Send, Stop
from desk.records.announcements.forms import (
    MEETING_PREFIX,
    AnnouncementForm,
    audience_choices,
)
from desk.records.announcements.results import (
    counts_in_words,
    outcome_counts,
    results_of,
    with_counts,
)
from members.dates import short_date
from members.services import Refused
from teams.actions import TEAM_PREFIX
from teams.markdown import render_markdown
from teams.meeting_times import moment_in_words
from teams.models import Announcement
from teams.models.teams import MARKDOWN_HELP
from teams.services import (
    audience_of,
    change_announcement,
    create_announcement,
    send_test,
    visible_announcements,
)
from teams.services.announcements import sample_email

SAVE_AND_PREVIEW = "_preview"
HOW_TO_WRITE = f"{MARKDOWN_HELP} The address of a web page becomes a link."


class AudienceFilter(TeamFilter):
    """One's own teams, and for administrators what went to all teams."""

    # No slug looks like this.
    ALL = "*"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        all_teams = [(self.ALL, "All teams")] if is_administrator(request) else []
        return [*all_teams, *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.ALL:
            return queryset.filter(team=None, meeting=None)
        return super().queryset(request, queryset)


class ToFilter(admin.SimpleListFilter):
    title, parameter_name = "to whom", "to"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("team", "Members"), ("meeting", "Attendees of a meeting")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"team", "meeting"}:
            return queryset.filter(meeting__isnull=self.value() == "team")
        return queryset


class AnnouncementAdmin(ActionAdmin[Announcement]):
    """The announcements to one's own teams, and to those who come to one's own meetings."""

    form = AnnouncementForm
    add_words = "Write to a team"
    change_form_template = "admin/teams/announcement/change_form.html"
    bulk_actions = [Send(), Stop(), Delete()]
    closing_fields = ("subject", "body")
    list_display = ["subject", "to_whom", "status_badge", "when", "result"]
    list_filter = ["status", AudienceFilter, ToFilter]
    list_select_related = ["team", "meeting", "written_by", "sent_by"]
    search_fields = ["subject", "body"]
    search_help_text = "Search by subject or text."
    export_columns = [
        ("Subject", "subject"), ("To", "audience"), ("State", "get_status_display"),
        ("Sent", "sent_at"), ("Sent by", "sent_by"), ("Stopped", "stopped_at"),
        ("Emails sent", "sent_count"), ("Waiting to be sent", "queued_count"),
        ("Not sent", "skipped_count"), ("Could not be sent", "failed_count"),
        ("Came back", "bounced_count"),
        ("In the monthly summary", "monthly_number"), ("Had stopped these", "stopped_number"),
        ("On the public page", "is_public"), ("Text", "body"),
    ]  # fmt: skip
    FACTS = ("status_badge", "to_whom", "sent", "stopped", "counted", "text")

    def get_urls(self) -> list[URLPattern]:
        wrap, stem = self.admin_site.admin_view, "teams_announcement"
        html = xframe_options_sameorigin(csp_replace(EMAIL_POLICY)(wrap(self.html_view)))  # type: ignore[arg-type]  # its types know no views with arguments
        return [
            path("<int:pk>/email.html", html, name=f"{stem}_html"),
            path("<int:pk>/test/", wrap(self.test_view), name=f"{stem}_test"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Announcement]:
        return visible_announcements(require_staff(request)).select_related(
            *self.list_select_related
        )

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order: drafts first, then the newest."""
        return ["status", "-sent_at", "-created_at", "-pk"]

    def prepare_rows(self, rows: Collection[Announcement]) -> None:
        """Load what became of all announcements of the page."""
        counts = outcome_counts(rows)
        for row in rows:
            row.counts = counts[row.pk]  # type: ignore[attr-defined]

    def export_rows(
        self, request: HttpRequest, rows: QuerySet[Announcement]
    ) -> QuerySet[Announcement]:
        return with_counts(rows)

    def has_change_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        """Of what was sent, only whether everyone can read it is changed: with a team's alone."""
        can_change = obj is None or obj.is_draft or obj.team_id is not None
        return super().has_change_permission(request, obj) and can_change

    def get_fieldsets(self, request: HttpRequest, obj: Announcement | None = None) -> Any:
        """Return the fields of a draft; of what was sent its facts first."""
        if obj is None:
            return [(None, {"fields": ["audience", "subject", "body", "is_public"]})]
        if obj.is_draft:
            return [(None, {"fields": ["audience", "subject", "body", "is_public", "version"]})]
        public = ["is_public", "version"] if obj.team_id else []
        return [(None, {"fields": [*self._facts_of(obj), *public]})]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Announcement | None = None
    ) -> list[str]:
        return [] if obj is None or obj.is_draft else self._facts_of(obj)

    def _facts_of(self, announcement: Announcement) -> list[str]:
        hidden = set() if announcement.stopped_at else {"stopped"}
        if not (announcement.monthly_number or announcement.stopped_number):
            hidden.add("counted")
        return [name for name in self.FACTS if name not in hidden]

    def get_form(
        self,
        request: HttpRequest,
        obj: Announcement | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the form, which knows to whom they can write."""
        kwargs["help_texts"] = {"body": HOW_TO_WRITE}
        form_class = super().get_form(request, obj, change, **kwargs)
        form_class.audiences = []
        if obj is None or obj.is_draft:
            named = obj.meeting_id if obj else parse_pk(request.GET.get("meeting", ""))
            form_class.audiences = audience_choices(form_class.staff, named)
        return form_class

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return to whom a new announcement goes: the team or the meeting in the address, or the
        writer's team, if they have just one."""
        for name, prefix in (("team", TEAM_PREFIX), ("meeting", MEETING_PREFIX)):
            if key := request.GET.get(name):
                return {"audience": f"{prefix}{key}"}
        if is_administrator(request):
            return {}
        team = only_team(request)
        return {"audience": f"{TEAM_PREFIX}{team.pk}"} if team else {}

    def save_model(self, request: HttpRequest, obj: Announcement, form: Any, change: bool) -> None:
        """Write or change through the services."""
        staff = require_staff(request)
        if change:
            change_announcement(obj, by=staff, **form.changes())
        else:
            create_announcement(obj, by=staff)

    def response_add(
        self, request: HttpRequest, obj: Announcement, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._response(request, obj)

    def response_change(self, request: HttpRequest, obj: Announcement) -> HttpResponse:
        return self._response(request, obj)

    def _response(self, request: HttpRequest, announcement: Announcement) -> HttpResponse:
        """Show the preview, from which it is sent, or the record."""
        if SAVE_AND_PREVIEW in request.POST and announcement.is_draft:
            return HttpResponseRedirect(Send().record_url(announcement.pk))
        saved = "saved as a draft. It has not been sent yet" if announcement.is_draft else "changed"
        messages.success(request, f"“{announcement}” is {saved}.")
        url = reverse("admin:teams_announcement_change", args=[announcement.pk])
        return HttpResponseRedirect(url)

    def get_record_context(self, request: HttpRequest, record: Announcement) -> dict[str, Any]:
        """Return of what was sent what became of each email."""
        context = super().get_record_context(request, record)
        if not record.is_draft:
            context["results"] = results_of(
                record,
                require_staff(request),
                request.GET.get("outcome", ""),
                request.GET.get("page", ""),
            )
        return context

    @method_decorator(csp_update(FRAME_POLICY))
    def record_action_view(
        self, request: HttpRequest, object_id: int, *, bulk_action: BulkAction[Announcement]
    ) -> HttpResponse:
        """Return as for all records; the page that sends shows the email in a frame."""
        return super().record_action_view(request, object_id, bulk_action=bulk_action)

    def html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the HTML part of the email of a draft, as the page that sends it shows it; 404 for
        one that the list does not show, and for what was sent."""
        staff = require_staff(request)
        announcement = get_object_or_404(self.get_queryset(request), pk=pk)
        if not announcement.is_draft:
            raise Http404
        email = sample_email(announcement, audience_of(announcement), by=staff)
        # Its links open beside the desk, not within the frame.
        return HttpResponse(email.html_message.replace("<head>", '<head><base target="_blank">', 1))

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the email to the person alone (POST), and show the page that sends it again; 404
        for one that the list does not show."""
        staff = require_staff(request)
        announcement = get_object_or_404(self.get_queryset(request), pk=pk)
        if request.method == "POST":
            try:
                send_test(announcement, to=staff)
            except Refused as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(
                    request,
                    f"A test is on its way to {staff.email}. Nobody else gets it, and the draft "
                    "remains a draft.",
                )
        return HttpResponseRedirect(Send().record_url(announcement.pk))

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        is_sent = isinstance(obj, Announcement) and not obj.is_draft
        return obj.get_absolute_url() if is_sent else None

    @admin.display(description="to")
    def to_whom(self, announcement: Announcement) -> SafeString | str:
        """Return the team with its color; else the audience in words."""
        return team_tag(announcement.team) if announcement.team else announcement.audience

    @admin.display(description="state", ordering="status")
    def status_badge(self, announcement: Announcement) -> SafeString:
        if announcement.is_draft:
            return badge("new", "Draft")
        if announcement.stopped_at:
            return badge("closed", "Stopped")
        return badge("confirmed", "Sent")

    @admin.display(description="when", ordering="sent_at")
    def when(self, announcement: Announcement) -> str:
        return short_date(announcement.sent_at or announcement.created_at)

    @admin.display(description="result")
    def result(self, announcement: Announcement) -> str:
        counts: dict[str, int] = announcement.counts  # type: ignore[attr-defined]
        return "Not sent yet" if announcement.is_draft else counts_in_words(counts)

    @admin.display(description="sent")
    def sent(self, announcement: Announcement) -> str:
        if announcement.sent_at is None:
            return ""
        by = f" by {announcement.sent_by}" if announcement.sent_by else ""
        return f"{moment_in_words(announcement.sent_at)}{by}, who gets the replies"

    @admin.display(description="stopped")
    def stopped(self, announcement: Announcement) -> str:
        return moment_in_words(announcement.stopped_at) if announcement.stopped_at else ""

    @admin.display(description="not emailed")
    def counted(self, announcement: Announcement) -> str:
        return (
            f"{announcement.monthly_number} in the monthly summary, "
            f"{announcement.stopped_number} had stopped these emails"
        )

    @admin.display(description="text")
    def text(self, announcement: Announcement) -> SafeString:
        return format_html('<div class="prose">{}</div>', render_markdown(announcement.body))
