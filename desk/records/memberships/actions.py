"""What facilitators decide about requests and memberships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.bulk_action import MAX_LISTED_RECORDS, ActionWithReason, BulkAction
from desk.changelist import badge
from members.dates import long_date
from teams.models import Membership

# By what a request waits for: in a sentence, and in a word.
WAITS_FOR_IN_WORDS = {
    "approval": "your decision",
    "affiliation": "a confirmed affiliation",
    "organization": "a recognized organization",
}
WAITS_FOR = {
    "approval": "you",
    "affiliation": "affiliation",
    "organization": "organization",
}


def describe_waiting(
    membership: Membership, words: Mapping[str, str] = WAITS_FOR_IN_WORDS
) -> SafeString | str:
    """Return what a request waits for, with a link to where that is decided."""
    if not membership.is_waiting:
        return "nothing"
    what = words[membership.waits_for]
    organization = membership.member.organization
    if membership.waits_for == "affiliation":
        url = reverse("admin:members_member_change", args=[membership.member_id])
    elif membership.waits_for == "organization" and organization:
        url = reverse("admin:members_organization_change", args=[organization.pk])
    else:
        return what
    return format_html('<a href="{}">{}</a>', url, what)


def describe_promise(membership: Membership) -> SafeString:
    """Return by when an answer was promised, with a badge if that day has passed."""
    day = long_date(membership.answer_expected_on)
    if membership.is_late:
        return format_html("{} promised by {}", badge("attention", "Late"), day)
    return format_html("promised by {}", day)


def describe_late(membership: Membership) -> SafeString:
    """Return a badge, with the day that has passed for who points at it or hears it."""
    day = long_date(membership.answer_expected_on)
    late = badge("attention", "Late")
    hidden = format_html('<span class="visually-hidden"> promised by {}</span>', day)
    return format_html('<span title="promised by {}">{}{}</span>', day, late, hidden)


class MembershipAction(BulkAction[Membership]):
    model = Membership
    nouns = ("request", "requests")

    def record_name(self, membership: Membership) -> str:
        return f"the {self.nouns[0]} of {membership.member}"

    def describe(self, membership: Membership) -> str:
        organization = membership.member.organization or "no organization"
        status = membership.get_status_display().lower()
        description = format_html(
            "<bdi>{}</bdi>, <bdi>{}</bdi>: {}, {}",
            membership.member,
            organization,
            membership.team.name_with_state,
            status,
        )
        if membership.is_waiting and membership.waits_for != "approval":
            description = format_html("{} for {}", description, describe_waiting(membership))
        if membership.request_reason:
            return format_html("{}. “<bdi>{}</bdi>”", description, membership.request_reason)
        return description


class Approve(MembershipAction):
    name, label, title = "approve", "Approve", "Approve {}"
    description = "Each person becomes an active member of the team and is notified by email."
    template = "admin/teams/membership/approve.html"

    def is_available(self, membership: Membership) -> bool:
        return membership.is_waiting and membership.waits_for == "approval"

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Membership], form: forms.Form
    ) -> dict[str, Any]:
        """Return what will be approved, and what will not, each with what it waits for."""
        available = [membership for membership in records if self.is_available(membership)]
        unavailable = [membership for membership in records if not self.is_available(membership)]
        listed = unavailable[:MAX_LISTED_RECORDS]
        return {
            **super().get_context_data(request, available, form),
            "unavailable": [self.describe(membership) for membership in listed],
            "unlisted_unavailable_count": len(unavailable) - len(listed),
        }


class Decline(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "decline", "Decline", "Decline {}"
    description = "Each person is notified by email, with the reason. They can ask again later."
    prepared_reasons = (
        "The team cannot take you in at this time. You are welcome to ask again later.",
        "We could not confirm that you work for the organization you named.",
        "The team is for people who work on its subject. Another of our teams may suit you better.",
    )

    def is_available(self, membership: Membership) -> bool:
        return membership.is_waiting


class End(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "end", "End membership", "End {}"
    nouns = ("membership", "memberships")
    description = (
        "Each person leaves the team at once and is notified by email, with the reason. "
        "The time in the team stays on record, and they can join again."
    )
    prepared_reasons = (
        "The facilitators have ended your membership. Write to us if you have a question.",
        "You asked us to end your membership.",
        "We heard that you no longer work for the organization you took part for.",
    )

    def is_available(self, membership: Membership) -> bool:
        return membership.is_active
