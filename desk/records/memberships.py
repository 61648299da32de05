"""The desk's list of memberships: who waits, who is in, and adding a member directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import NAMED, ActionAdmin, ActionWithReason, BulkAction
from desk.changelist import badge, require_staff
from desk.changelist.filters import AnsweredFilter, EmployerFilter, EndedFilter, JoinedFilter
from desk.changelist.search import search
from members.dates import long_date
from members.forms import OrganizationNameField, WorkEmailField, name_field
from members.models import Member, Organization
from members.services import Refused
from teams.models import ActionTeam, Membership, MembershipQuerySet
from teams.services import add_member, approve_membership, decline_membership, end_membership

BADGES = {"requested": "waiting", "active": "confirmed"}


def what_waits(row: Membership) -> SafeString | str:
    """What a request waits for, with the way to where that is decided."""
    if not row.is_waiting:
        return "nothing"
    if row.waits_for == "approval":
        return "your yes or no"
    employer = row.member.organization
    if row.waits_for == "affiliation":
        url = reverse("admin:members_member_change", args=[row.member_id])
        return format_html('<a href="{}">a confirmed affiliation</a>', url)
    if employer is None:
        return "a recognized organization"
    url = reverse("admin:members_organization_change", args=[employer.pk])
    return format_html('<a href="{}">a recognized organization</a>', url)


def promise(row: Membership) -> SafeString:
    """By when an answer was promised, and whether that day is over."""
    day = long_date(row.answer_expected_on)
    if row.is_late:
        return format_html("{} promised by {}", badge("attention", "Late"), day)
    return format_html("promised by {}", day)


class MembershipAction(BulkAction[Membership]):
    rows_are = ("request", "requests")

    def named(self, row: Membership) -> str:
        return f"the {self.rows_are[0]} of {row.member}"

    def line(self, row: Membership) -> str:
        employer = row.member.organization or "no organization"
        told = f"{row.member}, {employer}: {row.team}, {row.get_status_display().lower()}"
        if row.is_waiting and row.waits_for != "approval":
            return format_html("{} for {}", told, what_waits(row))
        return told


class Approve(MembershipAction):
    name, label, title = "approve", "Approve", "Approve {}"
    says = "Each person becomes an active member of the team and is told by email."
    template = "admin/teams/membership/approve.html"

    def is_available(self, row: Membership) -> bool:
        return row.is_waiting and row.waits_for == "approval"

    def facts(
        self, request: HttpRequest, rows: Sequence[Membership], form: forms.Form
    ) -> dict[str, Any]:
        """Beforehand: which rows will be approved, and which are left as they are, and why."""
        ready = [row for row in rows if self.is_available(row)]
        left = [row for row in rows if not self.is_available(row)]
        return {
            **super().facts(request, ready, form),
            "left": [self.line(row) for row in left[:NAMED]],
            "more_left": len(left[NAMED:]),
        }

    def take(self, row: Membership, by: Member, answers: dict[str, Any]) -> str:
        row = approve_membership(row, by=by)
        return f"{row.member} is an active member of {row.team} now."


class Decline(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "decline", "Decline", "Decline {}"
    says = "Each person is told by email, with the reason. They can ask again later."
    prepared = (
        "The team cannot take you in at this time. You are welcome to ask again later.",
        "We could not confirm that you work for the organization you named.",
        "The team is for people who work on its subject. Another of our teams may suit you better.",
    )

    def is_available(self, row: Membership) -> bool:
        return row.is_waiting

    def take(self, row: Membership, by: Member, answers: dict[str, Any]) -> str:
        row = decline_membership(row, reason=answers["reason"], by=by)
        return f"The request of {row.member} for {row.team} is declined."


class End(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "end", "End membership", "End {}"
    rows_are = ("membership", "memberships")
    says = (
        "Each person leaves the team at once and is told by email, with the reason. "
        "The time in the team stays on record, and they can join again."
    )
    prepared = (
        "The facilitators have ended your membership. Write to us if you have a question.",
        "You asked us to end your membership.",
        "We heard that you no longer work for the organization you took part for.",
    )

    def is_available(self, row: Membership) -> bool:
        return row.is_active

    def take(self, row: Membership, by: Member, answers: dict[str, Any]) -> str:
        row = end_membership(row, reason=answers["reason"], by=by)
        return f"The membership of {row.member} in {row.team} has ended."


class TeamFilter(admin.SimpleListFilter):
    """The teams that the person at the desk looks after; no others are named."""

    title = parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        teams = ActionTeam.objects.facilitated_by(require_staff(request))
        return list(teams.values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(team__slug=self.value()) if self.value() else queryset


class WaitsForFilter(admin.SimpleListFilter):
    title = "what it waits for"
    parameter_name = "waits_for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approval", "My yes or no"),
            ("affiliation", "A confirmed affiliation"),
            ("organization", "A recognized organization"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        rows = cast("MembershipQuerySet", queryset)
        if self.value() == "approval":
            return rows.to_decide()
        if self.value() == "affiliation":
            return rows.to_confirm()
        if self.value() == "organization":
            return rows.waiting().exclude(member__organization__status="recognized")
        return rows


class AddMemberForm(forms.Form):
    """Whom to add, from which recognized organization, to one of one's own teams."""

    email = WorkEmailField()
    full_name = name_field()
    organization = OrganizationNameField(
        help_text="A recognized organization; names are suggested while you type.",
    )
    team = forms.ModelChoiceField(
        queryset=ActionTeam.objects.none(),
        error_messages={
            "required": "Choose a team.",
            "invalid_choice": "Choose one of your own teams.",
        },
    )

    def __init__(self, data: Any, *, desk: Member) -> None:
        super().__init__(data)
        teams = ActionTeam.objects.facilitated_by(desk)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if len(teams) == 1:
            self.initial["team"] = teams[0]
        address = "Enter the person’s work email address, like name@hospital.org"
        self.fields["email"].error_messages.update(required=address, invalid=address)
        self.fields["full_name"].error_messages["required"] = "Enter the person’s full name"
        employer = "Enter the organization the person works for"
        self.fields["organization"].error_messages["required"] = employer

    def clean_organization(self) -> Organization:
        """The recognized organization that this name means; refuses any other."""
        named = Organization.objects.named(self.cleaned_data["organization"])
        found = named.select_related("merged_into").first()
        organization = found.canonical if found else None
        if organization is None or not organization.is_recognized:
            raise ValidationError(
                "No recognized organization has this name. Choose one from the list, or "
                "recognize it first."
            )
        return organization


def told_after_adding(stay: Membership, known: Member | None) -> str:
    """What came of it; of a `known` account also what was there and stays, whatever was typed."""
    told = f"{stay.member} is a member of {stay.team} now, and is told by email."
    if known is None:
        return told
    name, employer = known.full_name or "no name", stay.member.organization
    there = "An account with this address was there already"
    if known.is_affiliation_confirmed:
        return f"{told} {there}; its name and organization stay as they were: {name}, {employer}."
    return (
        f"{told} {there}; its name stays as it was: {name}. "
        f"It is confirmed for {employer} from now on."
    )


@admin.register(Membership)
class MembershipAdmin(ActionAdmin[Membership]):
    """Every stay and request of one's own teams. Only the decisions change them."""

    decisions = [Approve(), Decline(), End()]
    list_display = ["member", "organization", "team", "stands", "requested"]
    list_filter = [
        WaitsForFilter, "status", TeamFilter, JoinedFilter, EndedFilter, AnsweredFilter,
        EmployerFilter,
    ]  # fmt: skip
    search_fields = [
        "member__full_name", "member__email", "member__organization__name",
    ]  # fmt: skip
    search_help_text = "Search by name, address or organization."
    sortable_by = ["member", "requested"]  # what an index orders; filters do the rest
    export_columns = [
        ("Member", "member"), ("Email", "member.email"), ("Job title", "member.job_title"),
        ("Organization", "member.organization"), ("Team", "team"),
        ("Status", "get_status_display"), ("Requested", "requested_at"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Ended", "ended_at"),
        ("Ended by", "ended_by"), ("Reason", "reason"),
    ]  # fmt: skip
    fields = (
        "person", "employer", "affiliation", "team", "state", "waiting_for", "requested_at",
        "answer", "decided_at", "decider", "ended_at", "ender", "reason",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows = Membership.objects.listed_for(require_staff(request))
        return rows.select_related("member__organization", "team", "decided_by", "ended_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Membership], search_term: str
    ) -> tuple[QuerySet[Membership], bool]:
        """The stays of the people whom the words find: those are few beside the stays."""
        fields = [field.removeprefix("member__") for field in self.search_fields]
        return search(queryset, search_term, Member, fields, "member"), False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits, oldest first; else newest first."""
        waiting = "waits_for" in request.GET
        return ("requested_at", "pk") if waiting else ("-requested_at", "-pk")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """What is known by now of one that waits, is active or over."""
        if obj is None:
            return self.fields
        unknown = set() if obj.is_waiting else {"waiting_for", "answer"}
        if obj.decided_at is None:
            unknown |= {"decided_at", "decider"}
        if obj.ended_at is None:
            unknown |= {"ended_at", "ender"}
        if not obj.reason:
            unknown.add("reason")
        return [name for name in self.fields if name not in unknown]

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add a person to a team without a request. A refusal is told above the filled-in form."""
        desk = require_staff(request)
        form = AddMemberForm(request.POST if request.method == "POST" else None, desk=desk)
        if request.method == "POST" and form.is_valid():
            known = Member.objects.account_of(form.cleaned_data["email"])
            try:
                stay = add_member(**form.cleaned_data, by=desk)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, told_after_adding(stay, known))
                return HttpResponseRedirect(
                    reverse("admin:teams_membership_change", args=[stay.pk])
                )
        shown: Any = form  # any form will do, whatever the type hints say
        fields = AdminForm(shown, [(None, {"fields": list(form.fields)})], {}, model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a member directly",
            "subtitle": None,
            "opts": self.opts,
            "adminform": fields,
            "form": form,
            "organizations": Organization.objects.suggested(),
        }
        return TemplateResponse(request, "admin/teams/membership/add.html", context)

    @admin.display(description="member")
    def person(self, row: Membership) -> SafeString:
        url = reverse("admin:members_member_change", args=[row.member_id])
        return format_html('<a href="{}">{}</a>, {}', url, row.member, row.member.email)

    @admin.display(ordering="member__organization__name")
    def organization(self, row: Membership) -> Organization | None:
        return row.member.organization

    @admin.display(description="organization")
    def employer(self, row: Membership) -> SafeString | str:
        employer = row.member.organization
        if employer is None:
            return "not given"
        url = reverse("admin:members_organization_change", args=[employer.pk])
        word = employer.get_status_display().lower()
        return format_html('<a href="{}">{}</a>, {}', url, employer, word)

    @admin.display
    def affiliation(self, row: Membership) -> str:
        return row.member.get_affiliation_confirmed_via_display() or "not confirmed"

    @admin.display(description="status", ordering="status")
    def state(self, row: Membership) -> SafeString:
        return badge(BADGES.get(row.status, "closed"), row.get_status_display())

    @admin.display(description="status", ordering="status")
    def stands(self, row: Membership) -> SafeString:
        """Its state, and what it waits for."""
        if not row.is_waiting:
            return self.state(row)
        return format_html("<span>{} for {}</span>", self.state(row), what_waits(row))

    @admin.display(ordering="requested_at")
    def requested(self, row: Membership) -> SafeString | str:
        """When it was asked; of a request whose promised day is over, also that."""
        asked = long_date(row.requested_at)
        return format_html("<span>{}<br>{}</span>", asked, promise(row)) if row.is_late else asked

    @admin.display(description="answer")
    def answer(self, row: Membership) -> SafeString | str:
        return promise(row)

    @admin.display(description="waits for")
    def waiting_for(self, row: Membership) -> SafeString | str:
        return what_waits(row)

    @admin.display(description="decided by")
    def decider(self, row: Membership) -> str:
        if row.decided_by:
            return str(row.decided_by)
        return "the email domain" if row.decided_at else "nobody"

    @admin.display(description="ended by")
    def ender(self, row: Membership) -> str:
        return str(row.ended_by or "nobody")
