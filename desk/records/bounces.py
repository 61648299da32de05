"""The desk's list of addresses from which emails came back: has this person left?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import ActionWithReason, BulkAction
from desk.changelist import badge, require_staff
from members.dates import long_date, short_date
from members.models import Bounce, Member
from teams.models import Membership
from teams.services.visibility import visible_bounces
from teams.services.waiting import bounces_waiting


def describe_bounce(bounce: Bounce) -> str:
    """Return since when emails come back, and why, in words."""
    code = f" ({bounce.status_code})" if bounce.status_code else ""
    return f"since {long_date(bounce.first_at)}: {bounce.meaning}{code}"


class BounceAction(BulkAction[Bounce]):
    model = Bounce
    nouns = ("person", "people")

    def is_available(self, bounce: Bounce) -> bool:
        return bounce.settled_at is None

    def record_name(self, bounce: Bounce) -> str:
        return str(bounce.member)

    def describe(self, bounce: Bounce) -> str:
        words = "<bdi>{}</bdi>, {}: emails have come back {}"
        return format_html(words, bounce.member, bounce.address, describe_bounce(bounce))


class StillThere(BounceAction):
    name, label, title = "still-there", "Still there", "Send emails to {} again"
    description = (
        "For someone who has told you that the address works. They get everything from their teams "
        "again. If the next email comes back as well, you are asked again."
    )


class HasLeft(BounceAction, ActionWithReason[Bounce]):
    name, label, title = "left", "Has left", "Record that {} has left"
    description = (
        "Their memberships in your teams end at once, with the reason, and their requests to your "
        "teams are declined. They keep their account: on the sign-in page they can ask to move it "
        "to their new address, and join teams from there."
    )
    precaution = (
        "Ask a colleague of the person, or call. A mailbox can also be gone because the hospital "
        "changed its name, or its mail server was set up wrong."
    )
    reason_help = "It is kept in the history and emailed to the address."
    prepared_reasons = (
        "Emails to your address came back, and we heard that you no longer work there. On the "
        "sign-in page you can ask to move your account to your new address.",
        "You told us that you changed employers.",
    )

    def has_permission(self, staff: Member, record: Bounce | None = None) -> bool:
        """Also refuse it for a person who is in none of the teams that `staff` facilitates."""
        if not super().has_permission(staff, record):
            return False
        own = Membership.objects.visible_to(staff).current()
        return record is None or own.filter(member=record.member_id).exists()


class WaitsFilter(admin.SimpleListFilter):
    title, parameter_name = "what it is waiting for", "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("answer", "Has this person left?"), ("open", "Nothing is sent there")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Bounce]) -> QuerySet[Bounce]:
        if self.value() == "answer":
            waiting = bounces_waiting(require_staff(request)).order_by()
            return queryset.filter(pk__in=waiting.values("pk"))
        return queryset.filter(settled_at=None) if self.value() == "open" else queryset


class BounceAdmin(ActionAdmin[Bounce]):
    """Addresses of the people of one's own teams. Only actions change them."""

    can_add = can_change = False
    title = "Returned emails"
    bulk_actions = [StillThere(), HasLeft()]
    list_display = ["person", "address", "why", "number", "first", "status_badge"]
    list_filter = [WaitsFilter]
    list_select_related = ["member"]
    search_fields = ["member__full_name", "address"]
    search_help_text = "Search by name or address."
    export_columns = [
        ("Member", "member"), ("Address", "address"), ("Why", "meaning"), ("Code", "status_code"),
        ("Emails", "number"), ("First", "first_at"), ("Last", "last_at"), ("Settled", "settled_at"),
        ("Settled by", "settled_by"),
    ]  # fmt: skip
    fields = (
        "account", "address", "why", "number", "first", "last", "status_badge", "settled_at",
        "settler",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bounce]:
        bounces = visible_bounces(require_staff(request))
        return bounces.select_related("member", "settled_by").order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        return ("first_at", "pk") if "waits" in request.GET else ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Bounce | None = None) -> Any:
        """Return the fields that have a value."""
        return self.fields if obj is None or obj.settled_at else self.fields[:-2]

    @admin.display(description="member", ordering="member__full_name")
    def person(self, bounce: Bounce) -> str:
        return str(bounce.member)

    @admin.display(description="member")
    def account(self, bounce: Bounce) -> SafeString:
        url = reverse("admin:members_member_change", args=[bounce.member_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', url, bounce.member)

    @admin.display(description="why", ordering="status_code")
    def why(self, bounce: Bounce) -> str:
        code = f" ({bounce.status_code})" if bounce.status_code else ""
        return f"{bounce.meaning}{code}"

    @admin.display(description="since", ordering="first_at")
    def first(self, bounce: Bounce) -> str:
        return short_date(bounce.first_at)

    @admin.display(description="last")
    def last(self, bounce: Bounce) -> str:
        return short_date(bounce.last_at)

    @admin.display(description="status", ordering="settled_at")
    def status_badge(self, bounce: Bounce) -> SafeString:
        if bounce.settled_at:
            return badge("confirmed", "Settled")
        return badge("attention", "Nothing is sent there")

    @admin.display(description="settled by")
    def settler(self, bounce: Bounce) -> str:
        """Return who said that the address works."""
        if bounce.settled_by is None:
            return "a code that arrived, or a new address"
        return "the person" if bounce.settled_by == bounce.member else str(bounce.settled_by)
