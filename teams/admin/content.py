"""The desk's lists of what is published: teams, their goals, questions and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, ManyToManyField, Model, Q, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils import timezone

from members.admin import RecordAdmin, at_desk, is_administrator
from members.models import Member
from teams.admin.memberships import TeamFilter
from teams.models import ActionTeam, ActionTeamQuerySet, FaqEntry, Goal
from teams.services import set_facilitators


def own_teams(request: HttpRequest) -> ActionTeamQuerySet:
    return ActionTeam.objects.facilitated_by(at_desk(request))


class PublishedAdmin(RecordAdmin[Any]):
    """Records with an address: it follows from `slug_from` and stays once it is published."""

    slug_from = ""

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": (self.slug_from,)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["slug"] if obj else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any]:
        """A team is chosen among one's own."""
        if db_field.name == "team":
            kwargs["queryset"] = own_teams(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[return-value]


@admin.register(ActionTeam)
class ActionTeamAdmin(PublishedAdmin):
    """One's own teams. Who facilitates a team, who may join it and its place among the others
    is for administrators to say."""

    slug_from = "name"
    list_display = ["name", "join_policy", "members", "organizations", "position"]
    search_fields = ["name"]
    fields = [
        "name", "slug", "position", "join_policy", "facilitators", "summary", "why",
        "achievements",
    ]  # fmt: skip
    autocomplete_fields = ["facilitators"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionTeam]:
        return own_teams(request).with_counts().order_by("position", "name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if is_administrator(request):
            return fields
        return [*fields, "position", "join_policy", "facilitators"]

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any]:
        """Only people with an open account can facilitate."""
        kwargs["queryset"] = Member.objects.filter(is_active=True)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[return-value]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Facilitators change through the service, which opens and closes the desk to them."""
        if "facilitators" in form.cleaned_data:
            chosen = form.cleaned_data["facilitators"]
            set_facilitators(form.instance, chosen, by=at_desk(request))

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        return obj.get_absolute_url() if isinstance(obj, ActionTeam) else None

    @admin.display(ordering="active_count")
    def members(self, row: ActionTeam) -> int:
        number: int = row.active_count  # type: ignore[attr-defined]  # from with_counts
        return number

    @admin.display(ordering="organization_count")
    def organizations(self, row: ActionTeam) -> int:
        number: int = row.organization_count  # type: ignore[attr-defined]  # from with_counts
        return number


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
