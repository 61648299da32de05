"""The list and the records of memberships: who waits, and who is in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.changelist import badge, require_staff, team_tag
from desk.changelist.filters import (
    AnsweredFilter,
    EmployerFilter,
    EndedFilter,
    JoinedFilter,
    TeamFilter,
)
from desk.changelist.search import search
from desk.records.claims import ClaimableAdmin, with_claim
from desk.records.looks_like import mark_probable_domains, with_looks_like
from desk.records.memberships.actions import (
    WAITS_FOR,
    Approve,
    Decline,
    End,
    describe_late,
    describe_promise,
    describe_waiting,
)
from desk.records.memberships.forms import NEW_ADDRESS_NOTE, AddMemberForm, added_message
from members.dates import short_date
from members.email_domains import email_domain
from members.models import Member, Organization
from members.services import Refused
from teams.models import Membership, MembershipQuerySet
from teams.services import add_member, seen_account

# What the form that adds a member says about the person.
PERSON_FIELDS = ("email", "full_name", "organization", "team")
BADGES = {"requested": "waiting", "active": "confirmed"}


class WaitsForFilter(admin.SimpleListFilter):
    title = "what it is waiting for"
    parameter_name = "waits_for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approval", "My decision"),
            ("affiliation", "A confirmed affiliation"),
            ("organization", "A recognized organization"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        memberships = cast("MembershipQuerySet", queryset)
        if self.value() == "approval":
            return memberships.to_decide()
        if self.value() == "affiliation":
            return memberships.to_confirm()
        if self.value() == "organization":
            return memberships.waiting().exclude(member__organization__status="recognized")
        return memberships


class MembershipAdmin(ClaimableAdmin[Membership]):
    """Every membership and request of one's own teams. Only actions change them."""

    can_change = False
    bulk_actions = [Approve(), Decline(), End()]
    list_display = [
        "member", "organization", "team_tag", "current_status", "waits_for", "requested",
    ]  # fmt: skip
    list_filter = [
        WaitsForFilter, "status", TeamFilter, JoinedFilter, EndedFilter, AnsweredFilter,
        EmployerFilter,
    ]  # fmt: skip
    search_fields = [
        "member__full_name", "member__email", "member__organization__name",
    ]  # fmt: skip
    search_help_text = "Search by name, address or organization."
    # What an index orders; filters do the rest.
    sortable_by = ["member", "requested"]
    export_columns = [
        ("Member", "member"), ("Email", "member.email"), ("Job title", "member.job_title"),
        ("Organization", "member.organization"), ("Team", "team"),
        ("Status", "get_status_display"), ("Requested", "requested_at"),
        ("Reason for asking", "request_reason"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Ended", "ended_at"),
        ("Ended by", "ended_by"), ("Reason", "reason"),
    ]  # fmt: skip
    fields = (
        "person", "employer", "affiliation", "team", "status_badge", "waiting_for", "origin",
        "requested_at", "request_reason", "answer", "decided_at", "decider", "ended_at", "ender",
        "reason",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        memberships = Membership.objects.listed_for(require_staff(request))
        return memberships.select_related("member__organization", "team", "decided_by", "ended_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Membership], search_term: str
    ) -> tuple[QuerySet[Membership], bool]:
        """Search the members, who are few beside the memberships."""
        fields = [field.removeprefix("member__") for field in self.search_fields]
        return search(queryset, search_term, Member, fields, "member"), False

    def prepare_rows(self, rows: Collection[Membership]) -> None:
        super().prepare_rows(rows)
        mark_probable_domains([membership.member for membership in rows])

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        is_waiting = "waits_for" in request.GET
        return ("requested_at", "pk") if is_waiting else ("-requested_at", "-pk")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Return the fields that have a value, by whether it waits, is active or over."""
        if obj is None:
            return self.fields
        empty = set() if obj.is_waiting else {"waiting_for", "answer"}
        if obj.decided_at is None:
            empty |= {"decided_at", "decider"}
        if obj.ended_at is None:
            empty |= {"ended_at", "ender"}
        empty |= {name for name in ("reason", "request_reason") if not getattr(obj, name)}
        return [name for name in self.fields if name not in empty]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add a person to a team without a request. A refusal is shown above the filled-in form.

        The record that follows is that of a person whom the desk saw before. After any other
        address the form follows: a record would show at once whether there was an account.
        """
        staff = require_staff(request)
        form = AddMemberForm(request.POST if request.method == "POST" else None, staff=staff)
        if request.method == "POST" and form.is_valid():
            email = form.cleaned_data["email"]
            account = seen_account(email, staff)
            person = {name: form.cleaned_data[name] for name in PERSON_FIELDS}
            try:
                membership = add_member(**person, by=staff)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, added_message(membership, email, account))
                if account is None:
                    return HttpResponseRedirect(reverse("admin:teams_membership_add"))
                return HttpResponseRedirect(
                    reverse("admin:teams_membership_change", args=[membership.pk])
                )
        # Any form works here, whatever its type hint says.
        any_form: Any = form
        adminform = AdminForm(
            any_form, [(None, {"fields": list(form.fields)})], {}, model_admin=self
        )
        context = {
            "adminform": adminform,
            "form": form,
            "new_address_note": NEW_ADDRESS_NOTE,
            "organizations": Organization.objects.suggested(),
        }
        return self.render_page(
            request, "admin/teams/membership/add.html", "Add a member directly", **context
        )

    @admin.display(description="member")
    def person(self, membership: Membership) -> SafeString:
        url = reverse("admin:members_member_change", args=[membership.member_id])
        return format_html(
            '<a href="{}"><bdi>{}</bdi></a><br>{}', url, membership.member, membership.member.email
        )

    @admin.display(ordering="member__organization__name")
    def organization(self, membership: Membership) -> SafeString | str:
        member = membership.member
        probable: str = member.probable_domain  # type: ignore[attr-defined]
        return with_looks_like(member.organization or "", email_domain(member.email), probable)

    @admin.display(description="team")
    def team_tag(self, membership: Membership) -> SafeString:
        return team_tag(membership.team)

    @admin.display(description="organization")
    def employer(self, membership: Membership) -> SafeString | str:
        organization = membership.member.organization
        if organization is None:
            return "not given"
        url = reverse("admin:members_organization_change", args=[organization.pk])
        status = organization.get_status_display().lower()
        return format_html('<a href="{}"><bdi>{}</bdi></a><br>{}', url, organization, status)

    @admin.display
    def affiliation(self, membership: Membership) -> str:
        return membership.member.get_affiliation_confirmed_via_display() or "not confirmed"

    @admin.display(description="status", ordering="status")
    def status_badge(self, membership: Membership) -> SafeString:
        return badge(BADGES.get(membership.status, "closed"), membership.get_status_display())

    @admin.display(description="status", ordering="status")
    def current_status(self, membership: Membership) -> SafeString:
        """Return its status, and whether the promised day has passed."""
        status = self.status_badge(membership)
        if not membership.is_late:
            return status
        return format_html("<span>{} {}</span>", status, describe_late(membership))

    @admin.display(description="waits for", empty_value="")
    def waits_for(self, membership: Membership) -> SafeString | str:
        """Return what a request waits for, in a word."""
        if not membership.is_waiting:
            return ""
        return with_claim(describe_waiting(membership, WAITS_FOR), membership)

    @admin.display(ordering="requested_at")
    def requested(self, membership: Membership) -> str:
        return short_date(membership.requested_at)

    @admin.display(description="answer")
    def answer(self, membership: Membership) -> SafeString | str:
        return describe_promise(membership)

    @admin.display(description="waits for")
    def waiting_for(self, membership: Membership) -> SafeString | str:
        return describe_waiting(membership)

    @admin.display(description="decided by")
    def decider(self, membership: Membership) -> str:
        if membership.decided_by:
            return str(membership.decided_by)
        return "the email domain" if membership.decided_at else "nobody"

    @admin.display(description="ended by")
    def ender(self, membership: Membership) -> str:
        return str(membership.ended_by or "nobody")
