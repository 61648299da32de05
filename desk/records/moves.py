"""The desk's list of moves: accounts on hold, and what people ask for who lost the old mailbox."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from post_office.models import Email

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import ActionWithReason, BulkAction
from desk.changelist import badge, require_staff
from desk.changelist.filters import WaitsFilter
from members.dates import long_date, short_date
from members.models import Member, Move
from members.services import Preview
from teams.services.visibility import visible_moves

BADGES = {"requested": "waiting", "held": "attention", "done": "confirmed", "kept": "confirmed"}
ASK_FIRST = (
    "Make sure first: call the person at a number that you already had, or ask a colleague "
    "who knows them. An email to one of the two addresses proves nothing."
)


class MoveAction(BulkAction[Move]):
    model = Move
    nouns = ("move", "moves")
    needs_form = True
    state: Move.State

    def has_permission(self, staff: Member, record: Move | None = None) -> bool:
        """Also refuse it for one's own account: another person decides."""
        is_own = record is not None and record.member_id == staff.pk
        return super().has_permission(staff, record) and not is_own

    def is_available(self, move: Move) -> bool:
        return move.state == self.state

    def record_name(self, move: Move) -> str:
        return str(move.member)

    def describe(self, move: Move) -> str:
        """Return what the person at the desk has to go by."""
        addresses = f"{move.old_email} to {move.new_email}"
        details = [format_html("<bdi>{}</bdi>: {}", move.member, addresses)]
        if move.is_requested:
            details.append(format_html("name given: <bdi>{}</bdi>", move.full_name))
            if move.organization_name:
                employer = move.organization_name
                details.append(format_html("employer given: <bdi>{}</bdi>", employer))
            if move.note:
                details.append(format_html("note: “<bdi>{}</bdi>”", move.note))
        if move.objected_at:
            objected = long_date(move.objected_at)
            details.append(format_html("the old address objected on {}", objected))
        return format_html_join("; ", "{}", ((each,) for each in details))

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the first email: it says nothing about teams."""
        return next(iter(preview.emails), None)


class Approve(MoveAction):
    name, label, title = "approve", "Approve the move", "Approve the move of {}"
    state = Move.State.REQUESTED
    precaution = ASK_FIRST
    description = (
        "The account then has the new address, which decides the employer, as when "
        "joining. Memberships stay if it is confirmed, and wait if it is not. Everyone is "
        "signed out. Both addresses get an email at once, so this cannot be undone. For 7 days the "
        "old address can put the account on hold."
    )


class Decline(MoveAction, ActionWithReason[Move]):
    name, label, title = "decline", "Decline", "Decline the move of {}"
    state = Move.State.REQUESTED
    description = "The account keeps its address. Both addresses get your reason by email."
    reason_help = "Both addresses get it by email. Change it as you like."
    prepared_reasons = (
        "We could not make sure that the account is yours. Write to us and say how we can check.",
        "The owner of the account told us that they did not ask for this.",
        "You can still sign in with your address and move the account yourself.",
    )


class Keep(MoveAction, ActionWithReason[Move]):
    name, label = "keep", "Keep the new address"
    title = "Keep the new address of {}"
    state = Move.State.HELD
    precaution = ASK_FIRST
    description = (
        "The person with the new address can sign in again; nothing else changes. "
        "Both addresses get your reason by email."
    )
    reason_help = "Both addresses get it by email. Change it as you like."
    prepared_reasons = (
        "We spoke with the owner of the account, who moved to the new address.",
        "The old mailbox now belongs to someone else.",
    )


class Return(MoveAction, ActionWithReason[Move]):
    name, label = "return", "Return to the old address"
    title = "Return the account of {} to its old address"
    state = Move.State.HELD
    shows_email = False
    precaution = ASK_FIRST
    description = (
        "The account gets its old address and employer back, and memberships that "
        "have waited since the move are active. The new address can no longer be used to sign "
        "in, and the second step for signing in is removed. Both addresses get your reason by "
        "email. This cannot be undone."
    )
    reason_help = "Both addresses get it by email. Change it as you like."
    prepared_reasons = (
        "We spoke with the owner of the account, who did not move it.",
        "The move was a mistake.",
    )


class MoveAdmin(ActionAdmin[Move]):
    """Moves of the people of one's own teams; of staff only for administrators. Only actions
    change them."""

    can_add = can_change = False
    title = "Moves to another address"
    bulk_actions = [Approve(), Decline(), Keep(), Return()]
    list_display = ["person", "old_email", "new_email", "asked", "status_badge"]
    list_filter = [WaitsFilter, "state"]
    search_fields = ["member__full_name", "old_email", "new_email"]
    search_help_text = "Search by name or address."
    export_columns = [
        ("Member", "member"), ("Old address", "old_email"), ("New address", "new_email"),
        ("Asked", "created_at"), ("Moved", "changed_at"), ("Status", "get_state_display"),
        ("Old address objected", "objected_at"), ("Decided", "decided_at"),
        ("Decided by", "decided_by"), ("Reason", "reason"),
    ]  # fmt: skip
    fields = (
        "account", "old_email", "new_email", "old_organization", "status_badge", "full_name",
        "organization_name", "note", "created_at", "changed_at", "objected_at", "decided_at",
        "decided_by", "reason",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Move]:
        moves = visible_moves(require_staff(request))
        return moves.select_related("member__merged_into", "old_organization", "decided_by")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        return ("created_at", "pk") if "waits" in request.GET else ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Move | None = None) -> Any:
        """Return the fields that have a value."""
        if obj is None:
            return self.fields
        shown = {"account", "status_badge"}
        return [name for name in self.fields if name in shown or getattr(obj, name)]

    @admin.display(description="member", ordering="member__full_name")
    def person(self, move: Move) -> str:
        return str(move.member)

    @admin.display(description="member")
    def account(self, move: Move) -> SafeString:
        url = reverse("admin:members_member_change", args=[move.member_id])
        return format_html('<a href="{}">{}</a>', url, move.member)

    @admin.display(description="asked", ordering="created_at")
    def asked(self, move: Move) -> str:
        return short_date(move.created_at)

    @admin.display(description="status", ordering="state")
    def status_badge(self, move: Move) -> SafeString:
        return badge(BADGES.get(move.state, "closed"), move.get_state_display())
