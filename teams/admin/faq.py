"""The desk's list of questions and answers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from teams.admin.content import PublishedAdmin, own_teams
from teams.admin.memberships import TeamFilter
from teams.models import ActionTeam, FaqEntry


class TeamOrGeneralFilter(TeamFilter):
    """One's own teams, and the questions of no team."""

    GENERAL = "*"  # no slug looks like this

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.GENERAL, "General"), *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.GENERAL:
            return queryset.filter(team=None)
        return super().queryset(request, queryset)


@admin.register(FaqEntry)
class FaqEntryAdmin(PublishedAdmin):
    """The questions of one's own teams, and the general ones, which all facilitators share."""

    slug_from = "question"
    list_display = ["question", "about", "topic", "position", "is_published"]
    list_filter = [TeamOrGeneralFilter, "topic", "is_published"]
    list_select_related = ["team"]
    search_fields = ["question", "answer"]
    fields = ["team", "topic", "question", "slug", "answer", "position", "is_published"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FaqEntry]:
        entries: QuerySet[FaqEntry] = super().get_queryset(request)
        return entries.filter(Q(team=None) | Q(team__in=own_teams(request)))

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        if isinstance(obj, FaqEntry) and obj.is_published:
            return obj.get_absolute_url()
        return None

    @admin.display(description="team", ordering="team", empty_value="general")
    def about(self, row: FaqEntry) -> ActionTeam | None:
        return row.team
