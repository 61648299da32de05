"""The desk's list of teams, and what all lists of what is published have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import HttpRequest

from members.admin import RecordAdmin, at_desk, is_administrator
from members.models import Member
from teams.models import ActionTeam, ActionTeamQuerySet
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
    export_columns = [
        ("Team", "name"), ("Who may join", "get_join_policy_display"),
        ("Members", "active_count"), ("Organizations", "organization_count"),
        ("Summary", "summary"),
    ]  # fmt: skip
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
