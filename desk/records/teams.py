"""The desk's list of teams, and what all lists of what is published have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.safestring import SafeString

from desk.changelist import RecordAdmin, badge, is_administrator, require_staff
from members.models import Member
from teams.models import ActionTeam, ActionTeamQuerySet
from teams.services import set_facilitators

POLICIES = {"open": "open", "approval": "approval"}  # kinds of badges


def own_teams(request: HttpRequest) -> ActionTeamQuerySet:
    return ActionTeam.objects.facilitated_by(require_staff(request))


class PeopleField(forms.CharField):
    """People by their addresses, one on each line; whatever else is on the line is for whoever
    reads it. Refuses a line without the address of an open account."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60, "autocomplete": "off"})

    def prepare_value(self, value: Any) -> Any:
        """Those who are stored, each with name and address; else what was typed."""
        if value is None or isinstance(value, str):
            return value
        return "\n".join(
            f"{member.full_name} <{member.email}>".strip() for member in _by_name(value)
        )

    def clean(self, value: Any) -> list[Member]:
        people: dict[int, Member] = {}
        wrong = []
        for line in filter(None, map(str.strip, str(super().clean(value)).splitlines())):
            typed = re.search(r"[^\s<>,;]+@[^\s<>,;]+", line)
            member = Member.objects.account_of(typed[0]) if typed else None
            if member is None or not member.is_active:
                wrong.append(typed[0] if typed else line)
            else:
                people[member.pk] = member
        if wrong:
            raise ValidationError(
                f"No open account has the address {', '.join(wrong)}. "
                "Somebody new signs in to the portal first."
            )
        return list(people.values())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial or []), data))


def _by_name(people: Iterable[Member]) -> list[Member]:
    return sorted(people, key=lambda member: (member.full_name, member.email))


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
    list_display = ["name", "policy", "members", "organizations", "position"]
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
    ) -> Any:
        """Facilitators are named by their addresses: everybody with an open account may be one."""
        return PeopleField(
            label="Facilitators",
            required=False,
            help_text="One address on each line. Each of them needs an account in the portal; "
            "whoever is new is told by email.",
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Facilitators change through the service, which opens and closes the desk to them."""
        if "facilitators" in form.cleaned_data:
            chosen = form.cleaned_data["facilitators"]
            set_facilitators(form.instance, chosen, by=require_staff(request))

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        return obj.get_absolute_url() if isinstance(obj, ActionTeam) else None

    @admin.display(description="who may join", ordering="join_policy")
    def policy(self, row: ActionTeam) -> SafeString:
        return badge(POLICIES.get(row.join_policy, "closed"), row.get_join_policy_display())

    @admin.display(ordering="active_count")
    def members(self, row: ActionTeam) -> int:
        number: int = row.active_count  # type: ignore[attr-defined]  # from with_counts
        return number

    @admin.display(ordering="organization_count")
    def organizations(self, row: ActionTeam) -> int:
        number: int = row.organization_count  # type: ignore[attr-defined]  # from with_counts
        return number
