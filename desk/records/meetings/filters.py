"""What the list of meetings can be filtered by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from desk.changelist import require_staff
from desk.changelist.filters import TeamFilter
from teams.models import Meeting
from teams.services import visible_meetings
from teams.services.meetings_due import meetings_due


class MeetingTeamFilter(TeamFilter):
    """One's own teams, and the whole Collaborative."""

    # No slug looks like this.
    WHOLE = "*"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.WHOLE, "The whole Collaborative"), *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.WHOLE:
            return queryset.filter(teams=None)
        return queryset.filter(teams__slug=self.value()) if self.value() else queryset


class DueFilter(admin.SimpleListFilter):
    title, parameter_name = "what is due", "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "To prepare or finish")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> QuerySet[Meeting]:
        if self.value() != "1":
            return queryset
        return queryset.filter(pk__in=meetings_due(require_staff(request)).values("pk"))


class YearFilter(admin.SimpleListFilter):
    """The years, in Central Time, from the first meeting to the last."""

    title = parameter_name = "year"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ends = visible_meetings(require_staff(request)).aggregate(
            Min("starts_at"), Max("starts_at")
        )
        if ends["starts_at__min"] is None:
            return []
        first, last = (timezone.localtime(moment).year for moment in ends.values())
        return [(str(year), str(year)) for year in range(last, first - 1, -1)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> QuerySet[Meeting]:
        years = [value for value, _ in self.lookup_choices]
        return queryset.filter(starts_at__year=self.value()) if self.value() in years else queryset
