"""The list and the records of resources."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.changelist import badge, only_team, require_staff, team_tag
from desk.records.resources.actions import ACTIONS
from desk.records.resources.filters import ArchivedFilter, DueFilter, ResourceTeamFilter
from desk.records.resources.forms import ResourceForm
from members.dates import long_date, short_date
from teams.models import Resource
from teams.services import change_resource, create_resource, visible_resources
from teams.services.resources import describe_links

ALL_TEAMS = "All teams"
LINK_BADGES = {"ok": "confirmed", "moved": "attention", "gone": "attention"}


def team_names(resource: Resource) -> str:
    """Return whose resource it is, in words."""
    return ", ".join(team.name for team in resource.teams_shown) or ALL_TEAMS


class ResourceAdmin(ActionAdmin[Resource]):
    """The resources of one's own teams and meetings, and those for all teams, which all
    facilitators share."""

    form = ResourceForm
    add_words = "Add a resource"
    bulk_actions = ACTIONS
    list_display = ["title", "kind", "teams_or_all", "checked", "state"]
    list_filter = [DueFilter, ArchivedFilter, "kind", ResourceTeamFilter, "audience"]
    search_fields = ["title", "summary", "publisher", "url"]
    search_help_text = "Search by title, summary, publisher or address."
    export_columns = [
        ("Title", "title"), ("Kind", "get_kind_display"), ("Address", "url"),
        ("Summary", "summary"), ("Publisher", "publisher"), ("Published", "published_on"),
        ("Language", "language"), ("Teams", team_names), ("Meeting", "meeting"),
        ("Who sees it", "get_audience_display"), ("Captions", "get_captions_display"),
        ("Transcript", "transcript_url"), ("Added", "added_at"), ("Last checked", "checked_on"),
        ("Link", "get_link_state_display"), ("Archived", "archived_at"),
        ("Page", "get_absolute_url"),
    ]  # fmt: skip
    FIRST = ("kind", "title", "url", "summary", "publisher", "published_on", "language")
    THEN = ("teams", "audience")
    MORE = ("meeting", "captions", "transcript_url", "minutes")
    HIDDEN = ("version", "named")
    FACTS = ("state", "checked", "added")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        return visible_resources(require_staff(request)).with_teams()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order: what was added last comes first; of what is due, the oldest check."""
        return ("checked_on", "pk") if "due" in request.GET else ("-added_at", "-pk")

    def get_fieldsets(self, request: HttpRequest, obj: Resource | None = None) -> Any:
        """Return the fields; of a stored resource its facts first. What only recordings have is
        folded."""
        facts = self.FACTS if obj else ()
        is_open = obj and (obj.meeting_id or obj.kind == Resource.Kind.RECORDING)
        more = {"fields": self.MORE, "classes": [] if is_open else ["collapse"]}
        return [
            (None, {"fields": (*facts, *self.FIRST, *self.THEN, *self.HIDDEN)}),
            ("More: meeting, captions, transcript", more),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Resource | None = None) -> Any:
        return self.FACTS if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a new resource begins with: the team, if the person has just one."""
        team = only_team(request)
        own = {"teams": [team.pk]} if team else {}
        return own | super().get_changeform_initial_data(request)

    def save_model(self, request: HttpRequest, obj: Resource, form: Any, change: bool) -> None:
        """Add or change through the services."""
        staff, teams = require_staff(request), form.cleaned_data["teams"]
        if change:
            change_resource(obj, by=staff, teams=teams, **form.values())
        else:
            create_resource(obj, teams, by=staff)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save nothing: the teams are saved with the resource."""

    def response_add(
        self, request: HttpRequest, obj: Resource, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say where it is now, and show the record, or the form for another one."""
        page = '“{}” is in the library now: <a href="{}">its page</a>.'
        messages.success(request, format_html(page, obj, obj.get_absolute_url()))
        if "_addanother" in request.POST:
            return HttpResponseRedirect(reverse("admin:teams_resource_add"))
        return HttpResponseRedirect(reverse("admin:teams_resource_change", args=[obj.pk]))

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        if isinstance(obj, Resource) and not obj.is_archived:
            return obj.get_absolute_url()
        return None

    @admin.display(description="teams")
    def teams_or_all(self, resource: Resource) -> SafeString | str:
        tags = [(team_tag(team),) for team in resource.teams_shown]
        return format_html_join(" ", "{}", tags) if tags else ALL_TEAMS

    @admin.display(description="last checked", ordering="checked_on")
    def checked(self, resource: Resource) -> str:
        return short_date(resource.checked_on)

    @admin.display(description="added")
    def added(self, resource: Resource) -> str:
        when = long_date(resource.added_at)
        return f"{when}, by {resource.added_by}" if resource.added_by else when

    @admin.display(description="link", ordering="link_state")
    def state(self, resource: Resource) -> SafeString:
        """Return whether it is archived, or how its link is, with what is wrong."""
        if resource.is_archived:
            return badge("closed", "Archived")
        shown = badge(
            LINK_BADGES.get(resource.link_state, "closed"), resource.get_link_state_display()
        )
        words = " ".join(describe_links(resource)) or resource.link_problem
        return format_html('{} <span class="meta">{}</span>', shown, words) if words else shown
