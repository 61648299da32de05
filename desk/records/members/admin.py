"""The desk's list of members: those who asked for one's own teams."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from desk.actions.base import ActionAdmin
from desk.changelist import badge, is_administrator, require_staff
from desk.imports.members import MemberImport
from desk.imports.views import ImportingAdmin
from desk.records.bounces import describe_bounce
from desk.records.invitations import invitation_dates, invite_url
from desk.records.looks_like import mark_probable_domains, with_looks_like
from desk.records.members.actions import (
    CloseAccount,
    Confirm,
    DeclineRequests,
    Invite,
    Unconfirm,
)
from desk.records.members.duplicates import possible_duplicates
from desk.records.members.merge import MergeMember
from desk.records.memberships.admin import BADGES
from desk.timeline import member_timeline
from members.dates import long_date, short_date
from members.email_domains import email_domain
from members.models import Bounce, EmailDomain, Member, Organization
from members.services import has_bounced
from teams.models import Attendance, Invitation, Membership
from teams.services import visible_meetings, visible_members
from teams.statistics import describe_attended


class SignedInFilter(admin.SimpleListFilter):
    title, parameter_name = "signed in", "signed_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("never", "Never signed in")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        if self.value() == "never":
            return queryset.filter(last_login=None, is_active=True)
        return queryset


class ReturnedEmailsFilter(admin.SimpleListFilter):
    title, parameter_name = "emails", "emails"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("returned", "Come back")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        if self.value() == "returned":
            return queryset.filter(Exists(Bounce.objects.open().filter(member=OuterRef("pk"))))
        return queryset


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
    """The memberships of a person in one's own teams; those in other teams are not named."""

    model = Membership
    fk_name = "member"
    extra = 0
    fields = readonly_fields = ("status_badge", "period")
    template = "admin/members/member/memberships.html"
    verbose_name_plural = "memberships"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.visible_to(require_staff(request)).select_related(
            "member", "team"
        )

    @admin.display(description="status")
    def status_badge(self, membership: Membership) -> SafeString:
        return badge(BADGES.get(membership.status, "closed"), membership.get_status_display())

    @admin.display(description="when")
    def period(self, membership: Membership) -> str:
        """Return since when, or from when until when, it is or was as its status says."""
        requested = f"requested {long_date(membership.requested_at)}"
        if membership.is_waiting:
            return requested
        decided = membership.decided_at or membership.requested_at
        if membership.is_active:
            return f"since {long_date(decided)}"
        if membership.ended_at:
            return f"{long_date(decided)} to {long_date(membership.ended_at)}"
        return f"{requested}, decided {long_date(decided)}"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(require_staff(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def active_teams(member: Member) -> str:
    """Return the teams that `export_rows` has prefetched, as the import reads them."""
    memberships: list[Membership] = member.active_memberships  # type: ignore[attr-defined]
    return "; ".join(membership.team.name for membership in memberships)


class MemberAdmin(ImportingAdmin[Member], ActionAdmin[Member]):
    """Members: for facilitators those with a membership or request in their teams, to read; for
    administrators all of them. An address is never changed here: it is what a person proved."""

    can_add = False
    bulk_actions = [
        Confirm(), DeclineRequests(), Unconfirm(), Invite(), MergeMember(), CloseAccount(),
    ]  # fmt: skip
    list_display = ["name", "address", "organization", "affiliation", "since"]
    list_filter = [AffiliationFilter, SignedInFilter, ReturnedEmailsFilter]
    list_select_related = ["organization"]
    search_fields = ["full_name", "email", "organization__name"]
    search_help_text = "Search by name, address or organization."
    # What an index orders; filters do the rest.
    sortable_by = ["name", "address", "since"]
    import_class = MemberImport
    # The first five can be imported again.
    export_columns = [
        ("Email", "email"), ("Full name", "full_name"), ("Job title", "job_title"),
        ("Organization", "organization"), ("Teams", active_teams),
        ("Affiliation confirmed", "is_affiliation_confirmed"), ("Member since", "date_joined"),
    ]  # fmt: skip
    fields = [
        "full_name", "job_title", "email", "organization", "affiliation",
        "affiliation_confirmed_at", "confirmer", "date_joined", "meetings", "account",
    ]  # fmt: skip
    readonly_fields = [
        "email", "organization", "affiliation", "affiliation_confirmed_at", "confirmer",
        "date_joined", "meetings", "account", "returned_emails",
    ]  # fmt: skip
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        members = visible_members(require_staff(request)).order_by(*self.get_ordering(request))
        return members.select_related("organization", "affiliation_confirmed_by", "merged_into")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Member | None:
        """Return the member, with their attendance at meetings that the reader sees."""
        member = super().get_object(request, object_id, from_field)
        if member is not None:
            meetings = visible_meetings(require_staff(request)).order_by().values("pk")
            attendance = Attendance.objects.filter(member=member, meeting__in=meetings)
            member.seen_attendance = attendance  # type: ignore[attr-defined]  # for this page
        return member

    def get_fields(self, request: HttpRequest, obj: Member | None = None) -> Any:
        """Return the fields; that emails come back is one where it is so."""
        if obj is None or not has_bounced(obj):
            return self.fields
        place = self.fields.index("email") + 1
        return [*self.fields[:place], "returned_emails", *self.fields[place:]]

    def prepare_rows(self, rows: Collection[Member]) -> None:
        mark_probable_domains(rows)
        invited = invitation_dates(rows)
        for member in rows:
            member.invited_on = invited.get(member.email, "")  # type: ignore[attr-defined]

    def export_rows(self, request: HttpRequest, rows: QuerySet[Member]) -> QuerySet[Member]:
        """Return each member with the teams they are in, of those that one facilitates."""
        visible = Membership.objects.visible_to(require_staff(request))
        memberships = visible.active().order_by("team__position")
        members = rows.select_related(None).only(
            "email", "full_name", "job_title", "organization", "affiliation_confirmed_at",
            "date_joined",
        )  # fmt: skip
        # Not joined: many rows share few of these.
        return members.prefetch_related(
            Prefetch("organization", Organization.objects.only("name")),
            Prefetch(
                "memberships",
                memberships.only("member", "team").prefetch_related("team"),
                to_attr="active_memberships",
            ),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, for administrators with the way to invite another one."""
        context = {"invite_url": invite_url(Invitation.Role.ADMINISTRATOR)}
        invites = context if is_administrator(request) else {}
        return super().changelist_view(request, {**invites, **(extra_context or {})})

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of those who wait: the longest first; else by name."""
        is_waiting = "affiliation" in request.GET
        return ("date_joined", "pk") if is_waiting else ("full_name", "email")

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return is_administrator(request)

    def get_record_context(self, request: HttpRequest, record: Member) -> dict[str, Any]:
        """Return the timeline of the person; for administrators also other accounts that may be
        the same person's."""
        domain = email_domain(record.email)
        return {
            **super().get_record_context(request, record),
            "timeline": member_timeline(record, require_staff(request)),
            "domain": domain,
            "probable_domain": EmailDomain.objects.probably_meant_by([domain]).get(domain, ""),
            "possible_duplicates": possible_duplicates(record) if is_administrator(request) else [],
        }

    @admin.display(description="name", ordering="full_name")
    def name(self, member: Member) -> str:
        return str(member)

    @admin.display(description="email", ordering="email")
    def address(self, member: Member) -> SafeString | str:
        probable: str = member.probable_domain  # type: ignore[attr-defined]
        return with_looks_like(member.email, email_domain(member.email), probable)

    @admin.display(description="member since", ordering="date_joined")
    def since(self, member: Member) -> SafeString | str:
        since = short_date(member.date_joined)
        invited: str = member.invited_on  # type: ignore[attr-defined]  # see prepare_rows
        if not invited:
            return since
        words = '<span>{}<br><span class="hint">invited on {}</span></span>'
        return format_html(words, since, invited)

    @admin.display
    def affiliation(self, member: Member) -> SafeString:
        if member.is_affiliation_confirmed:
            return badge("confirmed", "Confirmed")
        return badge("waiting", "Not confirmed")

    @admin.display(description="confirmed by")
    def confirmer(self, member: Member) -> str:
        if member.affiliation_confirmed_by:
            return str(member.affiliation_confirmed_by)
        return "the email domain" if member.is_affiliation_confirmed else "nobody"

    @admin.display(description="emails come back")
    def returned_emails(self, member: Member) -> SafeString:
        bounce = member.bounces.open().get(address=member.email)
        url = reverse("admin:members_bounce_change", args=[bounce.pk])
        words = '{}. <a href="{}">Has this person left?</a>'
        return format_html(words, capfirst(describe_bounce(bounce)), url)

    @admin.display
    def meetings(self, member: Member) -> str:
        return describe_attended(member.seen_attendance)  # type: ignore[attr-defined]  # see above

    @admin.display
    def account(self, member: Member) -> SafeString | str:
        if member.merged_into and not member.closed_at:
            url = reverse("admin:members_member_change", args=[member.merged_into_id])
            words = (
                'part of the account of <a href="{}"><bdi>{}</bdi>, {}</a>, which its address opens'
            )
            return format_html(words, url, member.merged_into, member.merged_into.email)
        if member.closed_at:
            return "closed"
        if member.is_held:
            url = f"{reverse('admin:members_move_changelist')}?waits=decision"
            return format_html('on hold until <a href="{}">a move</a> is decided', url)
        if invited := invitation_dates([member]).get(member.email):
            return f"open, not signed in yet; invited on {invited}"
        return (
            "administrator" if member.is_superuser else "facilitator" if member.is_staff else "open"
        )
