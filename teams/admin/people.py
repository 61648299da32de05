"""The desk's list of members: those who asked for one's own teams."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from members.admin import at_desk, badge, counted, is_administrator
from members.models import Member
from members.services import confirm_affiliation
from teams.admin.deciding import DecidingAdmin, Decision
from teams.models import Membership


class Confirm(Decision[Member]):
    name, label, title = "confirm", "Confirm affiliation", "Confirm the affiliation of {}"
    rows_are = ("member", "members")
    says = (
        "You vouch that each person works for the organization named here. Their requests to "
        "open teams become memberships. Whoever asked for a team is told by mail."
    )

    def is_offered(self, row: Member) -> bool:
        return bool(
            row.is_active
            and not row.is_affiliation_confirmed
            and row.organization
            and row.organization.is_recognized
        )

    def line(self, row: Member) -> str:
        return f"{row}, {row.email}: {row.organization or 'no organization'}"

    def take(self, row: Member, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        confirm_affiliation(row, by=by)
        opened = Membership.objects.of(row).active().filter(decided_at__gte=started).count()
        memberships = counted(opened, "membership", "memberships")
        return f"{row} is confirmed for {row.organization}. {memberships} opened."


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
            waiting = Membership.objects.visible_to(at_desk(request)).to_confirm()
            return queryset.filter(Exists(waiting.filter(member=OuterRef("pk"))))
        if self.value() in {"confirmed", "unconfirmed"}:
            return queryset.filter(affiliation_confirmed_at__isnull=self.value() == "unconfirmed")
        return queryset


class StayInline(admin.TabularInline[Membership, Member]):
    """The stays of a person in one's own teams; those in other teams are not named."""

    model = Membership
    fk_name = "member"
    extra = 0
    fields = readonly_fields = ("team", "status", "requested_at", "decided_at", "ended_at")
    show_change_link = True
    verbose_name_plural = "memberships"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.visible_to(at_desk(request)).select_related("member", "team")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(at_desk(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(DecidingAdmin[Member]):
    """People: for facilitators those with a stay or request in their teams, to read; for
    administrators everybody. An address is never changed here: it is what a person proved."""

    decisions = [Confirm()]
    list_display = ["name", "email", "organization", "affiliation", "date_joined"]
    list_filter = [AffiliationFilter]
    list_select_related = ["organization"]
    search_fields = ["full_name", "email", "organization__name"]
    search_help_text = "Search by name, address or organization."
    fields = [
        "full_name", "job_title", "email", "organization", "affiliation",
        "affiliation_confirmed_at", "confirmer", "date_joined", "account",
    ]  # fmt: skip
    readonly_fields = [
        "email", "organization", "affiliation", "affiliation_confirmed_at", "confirmer",
        "date_joined", "account",
    ]  # fmt: skip
    inlines = [StayInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        desk = at_desk(request)
        people = super().get_queryset(request)
        if not desk.is_superuser:
            stays = Membership.objects.visible_to(desk).filter(member=OuterRef("pk"))
            people = people.filter(Exists(stays))
        return people.select_related("organization", "affiliation_confirmed_by")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Those who wait, the longest first; else by name."""
        waiting = "affiliation" in request.GET
        return ("date_joined", "pk") if waiting else ("full_name", "email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return is_administrator(request)

    @admin.display(description="name", ordering="full_name")
    def name(self, row: Member) -> str:
        return str(row)

    @admin.display
    def affiliation(self, row: Member) -> SafeString:
        if row.is_affiliation_confirmed:
            return badge("confirmed", "Confirmed")
        return badge("waiting", "Not confirmed")

    @admin.display(description="confirmed by")
    def confirmer(self, row: Member) -> str:
        if row.affiliation_confirmed_by:
            return str(row.affiliation_confirmed_by)
        return "the mail domain" if row.is_affiliation_confirmed else "nobody"

    @admin.display
    def account(self, row: Member) -> str:
        if row.closed_at:
            return "closed"
        return "administrator" if row.is_superuser else "facilitator" if row.is_staff else "open"
