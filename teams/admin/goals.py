"""The desk's list of goals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from teams.admin.content import PublishedAdmin, own_teams
from teams.admin.memberships import TeamFilter
from teams.models import Goal


@admin.register(Goal)
class GoalAdmin(PublishedAdmin):
    """The goals of one's own teams; a goal stays with its team."""

    slug_from = "title"
    list_display = ["title", "team", "state", "due_on", "reported_on"]
    list_filter = [TeamFilter, "state"]
    list_select_related = ["team"]
    search_fields = ["title", "body"]
    fields = [
        "team", "title", "slug", "position", "body", "state", "state_reason",
        ("current", "target", "unit"), "due_on", "reported_on",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Goal]:
        goals: QuerySet[Goal] = super().get_queryset(request)
        return goals.filter(team__in=own_teams(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["team", "slug"] if obj else []

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form, which says what an empty date of the last update becomes."""
        kwargs["help_texts"] = {
            "reported_on": "If you change the state or the numbers and enter no new date here, "
            "today is saved as the last update."
        }
        return super().get_form(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Goal, form: Any, change: bool) -> None:
        """Save; a new state or new numbers are an update of today, unless a date was typed."""
        typed = form.cleaned_data["reported_on"] and "reported_on" in form.changed_data
        if _is_news(obj, form.changed_data) and not typed:
            obj.reported_on = timezone.localdate()
            if "reported_on" not in form.changed_data:
                form.changed_data.append("reported_on")
        super().save_model(request, obj, form, change)


def _is_news(goal: Goal, changed: Sequence[str]) -> bool:
    """Whether a change of these fields reports on the goal; "No update yet" reports nothing."""
    if {"current", "target"}.intersection(changed):
        return goal.current is not None
    return "state" in changed and goal.state != Goal.State.UNREPORTED
