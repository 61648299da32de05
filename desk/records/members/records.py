"""The desk's list of members: those who asked for one's own teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import NAMED, ActionAdmin, ActionWithReason, BulkAction
from desk.changelist import badge, counted, is_administrator, require_staff
from desk.imports.members import MemberResource
from desk.imports.views import ImportingAdmin
from desk.records.members.merge import MergeMember, possible_duplicates
from desk.records.memberships import BADGES
from desk.timeline import member_timeline
from members.models import Member, Organization
from members.services import confirm_affiliation, unconfirm_affiliation
from teams.models import Membership
from teams.services import close_account, decline_all_requests


class MemberAction(BulkAction[Member]):
    rows_are = ("member", "members")

    def line(self, row: Member) -> str:
        return f"{row}, {row.email}: {row.organization or 'no organization'}"


class Confirm(MemberAction):
    name, label, title = "confirm", "Confirm affiliation", "Confirm the affiliation of {}"
    says = (
        "You vouch that each person works for the organization named here. Their requests to "
        "open teams become memberships. Whoever asked for a team is told by email."
    )

    def is_available(self, row: Member) -> bool:
        return bool(
            row.is_active
            and not row.is_affiliation_confirmed
            and row.organization
            and row.organization.is_recognized
        )

    def take(self, row: Member, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        confirm_affiliation(row, by=by)
        stays = Membership.objects.of(row)
        opened = stays.active().filter(decided_at__gte=started)
        mine = stays.visible_to(by)  # other teams are counted, not named
        now_in = list(names_of(mine.filter(pk__in=opened)))
        others = opened.count() - len(now_in)
        told = f"{row} is confirmed for {row.organization}."
        if now_in:
            told += f" Active member now: {', '.join(now_in)}."
        if others:
            told += f" {counted(others, 'membership', 'memberships')} opened in other teams."
        if still := list(names_of(mine.waiting())):
            told += f" Still waiting for a yes or no: {', '.join(still)}."
        return told


def names_of(stays: QuerySet[Membership]) -> QuerySet[Membership, str]:
    """The names of the teams, as the lists order them."""
    return stays.order_by("team__position", "team__name").values_list("team__name", flat=True)


class Unconfirm(MemberAction, ActionWithReason[Member]):
    name, label = "unconfirm", "Remove confirmation"
    title = "Remove confirmation for {}"
    says = (
        "For somebody who no longer works for the organization named here. It stays named, but "
        "nobody vouches for it any more. Memberships stay: end them one by one if they should "
        "not. Further requests wait for a facilitator, and the member can name another "
        "organization under My details. One thing overrides this: an address at the email domain "
        "of a recognized organization confirms the member again when they next ask for a team. "
        "That is right while the address is theirs."
    )
    reason_help = (
        "It stays in the history, and the member finds it under My data. No email is sent."
    )
    prepared = (
        "We heard that you no longer work for this organization.",
        "You told us that you changed employers.",
        "The affiliation was confirmed by mistake.",
    )

    def is_available(self, row: Member) -> bool:
        return row.is_active and row.is_affiliation_confirmed

    def take(self, row: Member, by: Member, answers: dict[str, Any]) -> str:
        unconfirm_affiliation(row, reason=answers["reason"], by=by)
        return f"{row} is no longer confirmed for {row.organization}. Memberships stay."


class DeclineRequests(MemberAction, ActionWithReason[Member]):
    name, label, title = "decline", "Decline requests", "Decline all requests of {}"
    says = (
        "Everything that each person waits for in your teams is declined. They are told in one "
        "email, with the reason, and can ask again later. Requests for other teams stay."
    )
    prepared = (
        "We could not confirm that you work for the organization you named.",
        "The organization tells us that you do not work there.",
        "Join again with your work address, so that we can see where you work.",
    )

    def has_permission(self, desk: Member, row: Member | None = None) -> bool:
        return row is None or Membership.objects.visible_to(desk).of(row).waiting().exists()

    def is_available(self, row: Member) -> bool:
        return row.is_active and not row.is_affiliation_confirmed

    def facts(
        self, request: HttpRequest, rows: Sequence[Member], form: forms.Form
    ) -> dict[str, Any]:
        """The people, each with the teams that they wait for."""
        waiting = (
            Membership.objects.visible_to(require_staff(request)).waiting().filter(member__in=rows)
        )
        teams: dict[int, list[str]] = defaultdict(list)
        for pk, name in waiting.order_by("pk").values_list("member", "team__name"):
            teams[pk].append(name)
        lines = [
            f"{self.line(row)}; waits for {', '.join(teams[row.pk]) or 'nothing of yours'}"
            for row in rows[:NAMED]
        ]
        return {**super().facts(request, rows, form), "lines": lines}

    def take(self, row: Member, by: Member, answers: dict[str, Any]) -> str:
        declined = decline_all_requests(row, reason=answers["reason"], by=by)
        teams = ", ".join(stay.team.name for stay in declined)
        return f"Declined what {row} asked for: {teams}. One email tells why."


class CloseAccount(MemberAction):
    name, label, title = "close", "Close account", "Close the account of {}"
    says = (
        "For somebody who asks you to, or whose mailbox is gone. This cannot be taken back. "
        "Memberships end and requests are withdrawn; teams lose the person as a facilitator. "
        "Name, address and job title are erased, in the history too, with the reasons that "
        "facilitators gave and the emails to the address. That someone from the organization was "
        "in a team stays, without a name, so that we can count. One last email says that the "
        "account is closed."
    )
    asks = True  # one does not erase a person with a single press
    can_be_undone = False

    def has_permission(self, desk: Member, row: Member | None = None) -> bool:
        return desk.is_superuser and row != desk

    def is_available(self, row: Member) -> bool:
        return row.is_active

    def facts(
        self, request: HttpRequest, rows: Sequence[Member], form: forms.Form
    ) -> dict[str, Any]:
        """The people, each with the accounts that were merged into theirs and go with it."""
        merged: dict[int | None, list[str]] = defaultdict(list)
        for into, email in Member.objects.filter(merged_into__in=rows).values_list(
            "merged_into", "email"
        ):
            merged[into].append(email)
        facts = super().facts(request, rows, form)
        facts["lines"] = [
            f"{line}; with the merged account {', '.join(merged[row.pk])}"
            if merged[row.pk]
            else line
            for line, row in zip(facts["lines"], rows, strict=False)
        ]
        return facts

    def take(self, row: Member, by: Member, answers: dict[str, Any]) -> str:
        close_account(row, by=by)
        return "The account is closed and the person’s details are erased."


class AffiliationFilter(admin.SimpleListFilter):
    title = parameter_name = "affiliation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("to_confirm", "Waits to be confirmed"),
            ("confirmed", "Confirmed"),
            ("unconfirmed", "Not confirmed"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        if self.value() == "to_confirm":
            waiting = Membership.objects.listed_for(require_staff(request)).to_confirm()
            return queryset.filter(pk__in=waiting.order_by().values("member"))
        if self.value() in {"confirmed", "unconfirmed"}:
            return queryset.filter(affiliation_confirmed_at__isnull=self.value() == "unconfirmed")
        return queryset


class MembershipInline(admin.TabularInline[Membership, Member]):
    """The stays of a person in one's own teams; those in other teams are not named."""

    model = Membership
    fk_name = "member"
    extra = 0
    fields = readonly_fields = ("state", "requested_at", "decided_at", "ended_at")
    template = "admin/members/member/stays.html"
    verbose_name_plural = "memberships"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.visible_to(require_staff(request)).select_related(
            "member", "team"
        )

    @admin.display(description="status")
    def state(self, row: Membership) -> SafeString:
        return badge(BADGES.get(row.status, "closed"), row.get_status_display())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(require_staff(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def active_teams(row: Member) -> str:
    """The teams that `export_rows` has fetched, as the import reads them."""
    stays: list[Membership] = row.active_stays  # type: ignore[attr-defined]
    return "; ".join(stay.team.name for stay in stays)


@admin.register(Member)
class MemberAdmin(ImportingAdmin[Member], ActionAdmin[Member]):
    """People: for facilitators those with a stay or request in their teams, to read; for
    administrators everybody. An address is never changed here: it is what a person proved."""

    decisions = [Confirm(), DeclineRequests(), Unconfirm(), MergeMember(), CloseAccount()]
    list_display = ["name", "email", "organization", "affiliation", "since"]
    list_filter = [AffiliationFilter]
    list_select_related = ["organization"]
    search_fields = ["full_name", "email", "organization__name"]
    search_help_text = "Search by name, address or organization."
    sortable_by = ["name", "email", "since"]  # what an index orders; filters do the rest
    importing = MemberResource
    export_columns = [  # the first five can be imported again
        ("Email", "email"), ("Full name", "full_name"), ("Job title", "job_title"),
        ("Organization", "organization"), ("Teams", active_teams),
        ("Affiliation confirmed", "is_affiliation_confirmed"), ("Member since", "date_joined"),
    ]  # fmt: skip
    fields = [
        "full_name", "job_title", "email", "organization", "affiliation",
        "affiliation_confirmed_at", "confirmer", "date_joined", "account",
    ]  # fmt: skip
    readonly_fields = [
        "email", "organization", "affiliation", "affiliation_confirmed_at", "confirmer",
        "date_joined", "account",
    ]  # fmt: skip
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        desk = require_staff(request)
        people = super().get_queryset(request)
        if not desk.is_superuser:
            stays = Membership.objects.listed_for(desk).filter(member=OuterRef("pk"))
            people = people.filter(Exists(stays))
        return people.select_related("organization", "affiliation_confirmed_by", "merged_into")

    def export_rows(self, request: HttpRequest, rows: QuerySet[Member]) -> QuerySet[Member]:
        """Each person with the teams they are in, of those that one looks after."""
        stays = (
            Membership.objects.visible_to(require_staff(request))
            .active()
            .order_by("team__position")
        )
        needed = rows.select_related(None).only(
            "email", "full_name", "job_title", "organization", "affiliation_confirmed_at",
            "date_joined",
        )  # fmt: skip
        return needed.prefetch_related(  # not joined: many rows share few of these
            Prefetch("organization", Organization.objects.only("name")),
            Prefetch(
                "memberships",
                stays.only("member", "team").prefetch_related("team"),
                to_attr="active_stays",
            ),
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Those who wait, the longest first; else by name."""
        waiting = "affiliation" in request.GET
        return ("date_joined", "pk") if waiting else ("full_name", "email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return is_administrator(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The record, with the timeline of the person; for administrators also with other
        accounts that may be the same person's."""
        member = context["original"]
        context["timeline"] = member_timeline(member, require_staff(request))
        context["possible_duplicates"] = (
            possible_duplicates(member) if is_administrator(request) else []
        )
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="name", ordering="full_name")
    def name(self, row: Member) -> str:
        return str(row)

    @admin.display(description="member since", ordering="date_joined")
    def since(self, row: Member) -> str:
        return date_format(timezone.localtime(row.date_joined), "DATE_FORMAT")

    @admin.display
    def affiliation(self, row: Member) -> SafeString:
        if row.is_affiliation_confirmed:
            return badge("confirmed", "Confirmed")
        return badge("waiting", "Not confirmed")

    @admin.display(description="confirmed by")
    def confirmer(self, row: Member) -> str:
        if row.affiliation_confirmed_by:
            return str(row.affiliation_confirmed_by)
        return "the email domain" if row.is_affiliation_confirmed else "nobody"

    @admin.display
    def account(self, row: Member) -> SafeString | str:
        if row.merged_into and not row.closed_at:
            url = reverse("admin:members_member_change", args=[row.merged_into_id])
            told = 'part of the account of <a href="{}">{}, {}</a>, which its address opens'
            return format_html(told, url, row.merged_into, row.merged_into.email)
        if row.closed_at:
            return "closed"
        return "administrator" if row.is_superuser else "facilitator" if row.is_staff else "open"
