"""What the list of resources can be filtered by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from desk.changelist.filters import TeamFilter
from teams.models import Resource, ResourceQuerySet
from teams.models.resources import CHECK_AFTER


class ArchivedFilter(admin.SimpleListFilter):
    """Without a choice, what is on the pages."""

    title = "where it is"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Archived"), ("all", "Both")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Return the choices; the first one is what is shown without any."""
        for number, choice in enumerate(super().choices(changelist)):
            yield choice | ({} if number else {"display": "On the pages"})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Resource]) -> QuerySet[Resource]:
        resources = cast("ResourceQuerySet", queryset)
        if self.value() == "yes":
            return resources.exclude(archived_at=None)
        return resources if self.value() == "all" else resources.current()


class DueFilter(admin.SimpleListFilter):
    title = "what is due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("any", "Dead links or due for a check"),
            ("dead", "Dead and moved links"),
            ("old", f"Not checked for {CHECK_AFTER.days} days"),
            ("captions", "Lacks captions"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Resource]) -> QuerySet[Resource]:
        resources = cast("ResourceQuerySet", queryset)
        if self.value() == "any":
            return resources.needing_attention()
        if self.value() == "dead":
            return resources.with_dead_links()
        if self.value() == "old":
            return resources.due_for_check()
        return resources.without_captions() if self.value() == "captions" else resources


class ResourceTeamFilter(TeamFilter):
    """One's own teams with their meetings, and what is for all teams."""

    # No slug looks like this.
    ALL_TEAMS = "*"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.ALL_TEAMS, "For all teams"), *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.ALL_TEAMS:
            return queryset.filter(teams=None, meeting__teams=None)
        if not self.value():
            return queryset
        of_team = Resource.objects.filter(teams__slug=self.value()).order_by().values("pk")
        of_meeting = Resource.objects.filter(meeting__teams__slug=self.value()).order_by()
        return queryset.filter(pk__in=of_team.union(of_meeting.values("pk")))
