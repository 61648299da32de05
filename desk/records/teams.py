"""The desk's list of teams, and what all lists of what is published have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from desk.actions.base import ActionAdmin
from desk.changelist import RecordAdmin, badge, counted, is_administrator, own_teams, require_staff
from desk.records.choose_areas import ChooseAreas
from desk.records.invitations import invite_url
from desk.records.inviting import InvitePeople
from members.dates import long_date
from members.models import Member
from teams.meeting_times import time_range
from teams.models import ActionTeam, Invitation
from teams.services import set_facilitators


class PeopleField(forms.CharField):
    """Members by their addresses, one on each line; the rest of a line is for human readers.

    Refuses a line without the address of an open account.
    """

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60, "autocomplete": "off"})

    def prepare_value(self, value: Any) -> Any:
        """Return stored members as lines with name and address; what was entered as it is."""
        if value is None or isinstance(value, str):
            return value
        return "\n".join(
            f"{member.full_name} <{member.email}>".strip() for member in _by_name(value)
        )

    def clean(self, value: Any) -> list[Member]:
        members: dict[int, Member] = {}
        unknown = []
        for line in filter(None, map(str.strip, str(super().clean(value)).splitlines())):
            address = re.search(r"[^\s<>,;]+@[^\s<>,;]+", line)
            member = Member.objects.account_of(address[0]) if address else None
            # The service refuses who is on hold, but for those who facilitate the team already.
            if member is None or not (member.is_active or member.is_held):
                unknown.append(address[0] if address else line)
            else:
                members[member.pk] = member
        if unknown:
            raise ValidationError(
                f"No open account has the address {', '.join(unknown)}. "
                "Leave it out, save, and invite the person."
            )
        return list(members.values())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial or []), data))


def _by_name(members: Iterable[Member]) -> list[Member]:
    return sorted(members, key=lambda member: (member.full_name, member.email))


class PublishedAdmin(RecordAdmin[Any]):
    """Records with an address: it follows from `slug_from` and stays once it is published."""

    slug_from = ""

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        """Return the form, which proposes an address where none is entered: without scripts, no
        browser fills it in."""
        form_class: type[forms.ModelForm[Any]] = super().get_form(request, obj, change, **kwargs)
        if obj:
            return form_class
        slug_from = self.slug_from

        class FormWithAddress(form_class):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["slug"].required = False

            def clean_slug(self) -> str:
                entered: str = self.cleaned_data["slug"]
                source = str(self.data.get(slug_from, ""))
                length = self._meta.model._meta.get_field("slug").max_length
                slug = entered or slugify(source)[:length].strip("-")
                if not slug:
                    raise ValidationError(
                        "Enter the address: lowercase letters, digits and hyphens."
                    )
                return slug

        return FormWithAddress

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": (self.slug_from,)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["slug"] if obj else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer one's own teams only."""
        if db_field.name == "team":
            kwargs["queryset"] = own_teams(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ActionTeamAdmin(PublishedAdmin, ActionAdmin[Any]):
    """One's own teams. Only administrators publish, pause and finish a team, and change who
    facilitates it, who may join it, its color and drawing, and its position among the others."""

    bulk_actions = [ChooseAreas(), InvitePeople()]
    slug_from = "name"
    list_display = ["name", "status", "members", "organizations", "position"]
    search_fields = ["name"]
    export_columns = [
        ("Team", "name"), ("State", "get_state_display"),
        ("Who may join", "get_join_policy_display"),
        ("Members", "active_count"), ("Organizations", "organization_count"),
        ("Summary", "summary"),
    ]  # fmt: skip
    fields = [
        "name", "slug", "state", "closing_words", "position", "color", "drawing", "join_policy",
        "facilitators", "invited", "summary", "why", "achievements",
    ]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: ActionTeam | None = None) -> Any:
        """Return the fields; a new team has nothing to close."""
        return [name for name in self.fields if obj or name != "closing_words"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionTeam]:
        return own_teams(request).with_counts().order_by("position", "name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions but inviting people: to one team at a time, from its page."""
        actions = super().get_actions(request, action_location)
        actions.pop(InvitePeople.name, None)
        return actions

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj), "invited"]
        if is_administrator(request):
            return fields
        return [*fields, "state", "position", "color", "drawing", "join_policy", "facilitators"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a new team begins with: a draft, after the others, in a color of its own."""
        teams = ActionTeam.objects.values_list("position", "color")
        taken = {color for _, color in teams}
        free = [color for color in ActionTeam.Color.values if color not in taken]
        return {
            "state": ActionTeam.State.DRAFT,
            "position": max((position for position, _ in teams), default=0) + 1,
            "color": free[0] if free else ActionTeam.Color.INDIGO,
            **super().get_changeform_initial_data(request),
        }

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return a field of addresses: every member with an open account may be a facilitator."""
        return PeopleField(
            label="Facilitators",
            required=False,
            help_text="One address on each line. Each of them needs an account in the portal; "
            "everyone you add is notified by email.",
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Change the facilitators through the service, which lets them into the desk or out."""
        if "facilitators" in form.cleaned_data:
            chosen = form.cleaned_data["facilitators"]
            set_facilitators(form.instance, chosen, by=require_staff(request))
        if change and "state" in form.changed_data:
            self._warn_of_what_is_open(request, form.instance)

    def _warn_of_what_is_open(self, request: HttpRequest, team: ActionTeam) -> None:
        """Warn of the requests and meetings of a team that no longer takes members."""
        if team.is_published:
            return
        if number := team.memberships.waiting().count():
            requests = counted(number, "request still waits", "requests still wait")
            messages.warning(request, f"{requests} for a decision.")
        for meeting in team.meetings.takes_place().upcoming():
            messages.warning(
                request, f"“{meeting}” on {time_range(meeting)} takes place unless you cancel it."
            )

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        return obj.get_absolute_url() if isinstance(obj, ActionTeam) else None

    @admin.display(description="invited")
    def invited(self, team: ActionTeam) -> SafeString | str:
        """Return who is invited to facilitate the team, and the way to invite another person."""
        if team.pk is None:
            return "Save the team; then you can invite facilitators who have no account yet."
        waiting = team.invitations.open().order_by("email")
        people = [f"{each.email}, on {long_date(each.sent_at)}" for each in waiting]
        return format_html(
            '{}. <a href="{}">Invite a facilitator</a>',
            "; ".join(people) or "Nobody",
            invite_url(Invitation.Role.FACILITATOR, team),
        )

    @admin.display(ordering="join_policy")
    def status(self, team: ActionTeam) -> SafeString:
        return badge(*team.badge)

    @admin.display(ordering="active_count")
    def members(self, team: ActionTeam) -> int:
        # Annotated by with_counts.
        count: int = team.active_count  # type: ignore[attr-defined]
        return count

    @admin.display(ordering="organization_count")
    def organizations(self, team: ActionTeam) -> int:
        # Annotated by with_counts.
        count: int = team.organization_count  # type: ignore[attr-defined]
        return count
