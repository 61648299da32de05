"""The list and the records of meetings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, F, ManyToManyField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.changelist import badge, is_administrator, only_team, own_teams, require_staff, team_tag
from desk.records.meetings.actions import (
    Announce,
    Cancel,
    Delete,
    EmailMaterials,
    Move,
    Revive,
    is_planned_by,
)
from desk.records.meetings.filters import DueFilter, MeetingTeamFilter, YearFilter
from desk.records.meetings.forms import MeetingForm
from members.dates import long_date
from members.services import Refused
from teams.markdown import render_markdown
from teams.meeting_times import ZONE, moment_in_words, time_range
from teams.models import Meeting
from teams.services import change_meeting, copy_meeting, create_meeting, visible_meetings
from teams.services.meeting_warnings import meeting_warnings

BADGES = {"draft": "new", "announced": "open", "cancelled": "closed", "held": "confirmed"}
WHOLE_COLLABORATIVE = "The whole Collaborative"
UNDECIDED = "Not decided yet"
READ_ONLY = "Administrators plan the meetings of the whole Collaborative."


def team_names(meeting: Meeting) -> str:
    """Return whose meeting it is, in words."""
    return ", ".join(team.name for team in meeting.teams.all()) or WHOLE_COLLABORATIVE


class MeetingAdmin(ActionAdmin[Meeting]):
    """The meetings of one's own teams, and of the whole Collaborative, which administrators plan.

    Drafts are changed here; of what was announced time and place are moved, so that people hear
    of it.
    """

    form = MeetingForm
    add_words = "Plan a meeting"
    bulk_actions = [Announce(), Move(), Cancel(), Revive(), EmailMaterials(), Delete()]
    list_display = ["title", "when", "teams_or_all", "kind", "status_badge"]
    list_filter = ["status", DueFilter, MeetingTeamFilter, "kind", YearFilter]
    search_fields = ["title", "place", "agenda"]
    search_help_text = "Search by title, place or agenda."
    # Never with the link to join.
    export_columns = [
        ("Title", "title"), ("Kind", "get_kind_display"), ("Teams", team_names),
        ("Begins", "starts_at"), ("Ends", "ends_at"), ("Place", "place"),
        ("State", "get_status_display"), ("Who sees it", "get_audience_display"),
        ("Places", "places"), ("Cancelled because", "cancelled_reason"),
        ("Page", "get_absolute_url"),
    ]  # fmt: skip
    PLAN = ("kind", "title", "teams", "day", "begins", "ends", "place", "join_url", "agenda")
    MORE = ("audience", "places", "answer_day", "last_day")
    FACTS = ("status_badge", "when_in_words")
    # Once it is announced, by moving it.
    MOVED = ("where", "link")
    TIMES = frozenset({"day", "begins", "ends", "last_day", "place", "join_url"})

    def get_urls(self) -> list[URLPattern]:
        copy = path(
            "<int:object_id>/copy/",
            self.admin_site.admin_view(self.copy_view),
            name="teams_meeting_copy",
        )
        return [copy, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        return visible_meetings(require_staff(request)).prefetch_related("teams")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order: the next one first, then those that are over, the newest first."""
        comes = {"ends_at__gt": timezone.now()}
        return (
            Case(When(**comes, then=Value(0)), default=Value(1)).asc(),
            Case(When(**comes, then=F("starts_at"))).asc(),
            "-starts_at",
        )

    def has_change_permission(self, request: HttpRequest, obj: Meeting | None = None) -> bool:
        """Return whether the person plans it; others read it."""
        staff = require_staff(request)
        return obj is None or is_planned_by(staff, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Meeting | None = None) -> Any:
        """Return the fields of a plan; of a stored meeting its facts first."""
        if obj is None:
            return _fieldsets(self.PLAN, self.MORE)
        facts = [*self.FACTS, *_facts_of(obj)]
        if not self.has_change_permission(request, obj):
            fields = [*facts, *self.MOVED, *_read_of(obj)]
            return [(None, {"fields": fields, "description": READ_ONLY})]
        if obj.status == Meeting.Status.DRAFT:
            return _fieldsets((*facts, *self.PLAN, "version"), self.MORE)
        plan = [name for name in self.PLAN if name not in self.TIMES]
        more = [name for name in self.MORE if name not in self.TIMES]
        if obj.has_begun:
            plan.append("minutes")
        return _fieldsets((*facts, *self.MOVED, *plan, "version"), more)

    def get_readonly_fields(self, request: HttpRequest, obj: Meeting | None = None) -> list[str]:
        if obj is None:
            return []
        facts = [*self.FACTS, *_facts_of(obj), *self.MOVED]
        if not self.has_change_permission(request, obj):
            return [*facts, *_read_of(obj)]
        return facts

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer one's own teams only; to administrators also none of them."""
        teams = own_teams(request)
        whole = " None: a meeting of the whole Collaborative." if is_administrator(request) else ""
        return forms.ModelMultipleChoiceField(
            teams.order_by("position", "name"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=f"The teams that meet.{whole}",
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a new meeting begins with: the planner's team, if they have just one."""
        team = only_team(request)
        own = {"teams": [team.pk]} if team else {}
        return own | super().get_changeform_initial_data(request)

    def save_model(self, request: HttpRequest, obj: Meeting, form: Any, change: bool) -> None:
        """Plan or change through the services; what was announced is not moved here."""
        staff, teams = require_staff(request), form.cleaned_data["teams"]
        if change:
            form.saved = change_meeting(obj, by=staff, teams=teams, **form.plan())
        else:
            form.saved = create_meeting(obj, teams, by=staff)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what is listed below the meeting; its teams are saved with it."""
        for formset in formsets:
            self.save_formset(request, form, formset, change=change)
        self._add_warnings(request, form)

    def _add_warnings(self, request: HttpRequest, form: Any) -> None:
        """Say what is unusual about the time, where it can still be changed here."""
        if not form.has_times:
            return
        staff, teams = require_staff(request), form.cleaned_data["teams"]
        for warning in [*form.remarks, *meeting_warnings(form.saved, teams, reader=staff)]:
            messages.warning(request, warning)

    def response_add(
        self, request: HttpRequest, obj: Meeting, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the draft, with the weekday, where it can be announced."""
        messages.success(
            request,
            f"Planned: “{obj}”, {time_range(obj)}. It is a draft. Announce it when it is ready.",
        )
        if "_addanother" in request.POST:
            return HttpResponseRedirect(reverse("admin:teams_meeting_add"))
        return HttpResponseRedirect(reverse("admin:teams_meeting_change", args=[obj.pk]))

    def get_record_context(self, request: HttpRequest, record: Meeting) -> dict[str, Any]:
        """Return for its planners the link to copy it."""
        context = super().get_record_context(request, record)
        if self.has_change_permission(request, record):
            context["copy_url"] = reverse("admin:teams_meeting_copy", args=[record.pk])
        return context

    def copy_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Copy a meeting for the next quarter and show the new draft (POST); 404 for one that the
        person does not plan."""
        staff = require_staff(request)
        meeting = get_object_or_404(self.get_queryset(request), pk=object_id)
        record_url = reverse("admin:teams_meeting_change", args=[meeting.pk])
        if not self.has_change_permission(request, meeting):
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(record_url)
        try:
            draft = copy_meeting(meeting, by=staff)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(record_url)
        messages.success(
            request,
            f"This copy is a draft for {time_range(draft)}. Change what is different, including "
            "the title, and announce it.",
        )
        for warning in meeting_warnings(draft, list(draft.teams.all()), reader=staff):
            messages.warning(request, warning)
        return HttpResponseRedirect(reverse("admin:teams_meeting_change", args=[draft.pk]))

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.get_absolute_url() if isinstance(obj, Meeting) else None

    @admin.display(ordering="starts_at")
    def when(self, meeting: Meeting) -> str:
        """Return the day with its weekday, and the hours; of several days both ends."""
        return time_range(meeting).removesuffix(f" {ZONE}")

    @admin.display(description="teams")
    def teams_or_all(self, meeting: Meeting) -> SafeString | str:
        tags = [(team_tag(team),) for team in meeting.teams.all()]
        return format_html_join(" ", "{}", tags) if tags else WHOLE_COLLABORATIVE

    @admin.display(description="state", ordering="status")
    def status_badge(self, meeting: Meeting) -> SafeString:
        return badge(BADGES[meeting.status], meeting.get_status_display())

    @admin.display(description="when")
    def when_in_words(self, meeting: Meeting) -> str:
        return time_range(meeting)

    @admin.display(description="place")
    def where(self, meeting: Meeting) -> str:
        return meeting.place or ("None: online only" if meeting.join_url else UNDECIDED)

    @admin.display(description="link to join online")
    def link(self, meeting: Meeting) -> str:
        return meeting.join_url or ("None: in person only" if meeting.place else UNDECIDED)

    @admin.display(description="agenda")
    def agenda_shown(self, meeting: Meeting) -> SafeString:
        return format_html('<div class="prose">{}</div>', render_markdown(meeting.agenda))

    @admin.display(description="minutes")
    def minutes_shown(self, meeting: Meeting) -> SafeString:
        return format_html('<div class="prose">{}</div>', render_markdown(meeting.minutes))

    @admin.display(description="moved from")
    def moved(self, meeting: Meeting) -> str:
        return moment_in_words(meeting.moved_from) if meeting.moved_from else ""

    @admin.display(description="announced on")
    def announced(self, meeting: Meeting) -> str:
        return long_date(meeting.announced_at) if meeting.announced_at else ""

    @admin.display(description="cancelled because")
    def reason(self, meeting: Meeting) -> str:
        return meeting.cancelled_reason


def _fieldsets(plan: Any, more: Any) -> list[Any]:
    folded = {"fields": more, "classes": ["collapse"]}
    return [(None, {"fields": plan}), ("More: who sees it, places, answers", folded)]


def _read_of(meeting: Meeting) -> list[str]:
    """Return what else of this meeting there is to read for those who do not plan it."""
    texts = {"agenda_shown": meeting.agenda, "minutes_shown": meeting.minutes}
    return ["teams_or_all", "kind", *(name for name, text in texts.items() if text)]


def _facts_of(meeting: Meeting) -> list[str]:
    """Return the facts that this meeting has."""
    facts = {
        "announced": meeting.announced_at,
        "moved": meeting.moved_from,
        "reason": meeting.cancelled_reason,
    }
    return [name for name, value in facts.items() if value]
