"""What staff decide about people and their accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html

from desk.actions.bulk_action import MAX_LISTED_RECORDS, ActionWithReason, BulkAction
from desk.changelist import require_staff
from members.models import Member
from teams.models import Membership


class MemberAction(BulkAction[Member]):
    model = Member
    nouns = ("member", "members")

    def describe(self, member: Member) -> str:
        organization = member.organization or "no organization"
        return format_html("<bdi>{}</bdi>, {}: <bdi>{}</bdi>", member, member.email, organization)


class Confirm(MemberAction):
    name, label, title = "confirm", "Confirm affiliation", "Confirm the affiliation of {}"
    description = (
        "You confirm that each person works for the organization named here. Their requests to "
        "open teams become memberships. Everyone who asked for a team is notified by email."
    )

    def is_available(self, member: Member) -> bool:
        return bool(
            member.is_active
            and not member.is_affiliation_confirmed
            and member.organization
            and member.organization.is_recognized
        )


class Unconfirm(MemberAction, ActionWithReason[Member]):
    name, label = "unconfirm", "Remove confirmation"
    title = "Remove confirmation for {}"
    description = (
        "For someone who no longer works for the organization named here. It is still named, but "
        "no longer confirmed. Memberships stay: end them one by one if they should "
        "not. Further requests wait for a facilitator, and the member can name another "
        "organization under My details, or move to a new address. One thing overrides this: an "
        "address at the email domain of a recognized organization confirms the member again when "
        "they next ask for a team. That is right while the address is theirs."
    )
    reason_help = (
        "It stays in the history, and the member finds it under My data. No email is sent."
    )
    prepared_reasons = (
        "We heard that you no longer work for this organization.",
        "You told us that you changed employers.",
        "The affiliation was confirmed by mistake.",
    )

    def is_available(self, member: Member) -> bool:
        return member.is_active and member.is_affiliation_confirmed


class DeclineRequests(MemberAction, ActionWithReason[Member]):
    name, label, title = "decline", "Decline requests", "Decline all requests of {}"
    description = (
        "Everything that each person waits for in your teams is declined. They get one email "
        "with the reason, and can ask again later. Requests for other teams stay."
    )
    prepared_reasons = (
        "We could not confirm that you work for the organization you named.",
        "The organization tells us that you do not work there.",
        "Move to your work address under My details, so that we can see where you work.",
    )

    def has_permission(self, staff: Member, member: Member | None = None) -> bool:
        """Also refuse it for a member who waits for none of the teams that `staff` sees."""
        if not super().has_permission(staff, member):
            return False
        return member is None or Membership.objects.visible_to(staff).of(member).waiting().exists()

    def is_available(self, member: Member) -> bool:
        return member.is_active and not member.is_affiliation_confirmed

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Member], form: forms.Form
    ) -> dict[str, Any]:
        """Return the members, each with the teams that they wait for."""
        visible = Membership.objects.visible_to(require_staff(request))
        waiting = visible.waiting().filter(member__in=records).order_by("pk")
        teams: dict[int, list[str]] = defaultdict(list)
        for member_id, team_name in waiting.values_list("member", "team__name"):
            teams[member_id].append(team_name)
        descriptions = [
            format_html(
                "{}; waits for {}",
                self.describe(member),
                ", ".join(teams[member.pk]) or "none of your teams",
            )
            for member in records[:MAX_LISTED_RECORDS]
        ]
        context = super().get_context_data(request, records, form)
        return {**context, "descriptions": descriptions}


class CloseAccount(MemberAction):
    name, label, title = "close", "Close account", "Close the account of {}"
    description = (
        "For someone who asks you to, or whose mailbox is gone. This cannot be undone. "
        "Memberships end and requests are withdrawn; teams lose the person as a facilitator. "
        "Name, address and job title are erased, in the history too, with the reasons that "
        "facilitators gave and the emails to the address. That someone from the organization was "
        "in a team stays, without a name, so that we can count. One last email says that the "
        "account is closed."
    )
    # Nobody should erase a person with a single click.
    needs_form = True

    def has_permission(self, staff: Member, member: Member | None = None) -> bool:
        return super().has_permission(staff, member) and member != staff

    def is_available(self, member: Member) -> bool:
        return member.is_active

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Member], form: forms.Form
    ) -> dict[str, Any]:
        """Return the members, each with the accounts merged into theirs, which are closed too."""
        merged_emails: dict[int | None, list[str]] = defaultdict(list)
        accounts = Member.objects.filter(merged_into__in=records)
        for target_id, email in accounts.values_list("merged_into", "email"):
            merged_emails[target_id].append(email)
        context = super().get_context_data(request, records, form)
        context["descriptions"] = [
            f"{description}; with the merged account {', '.join(merged_emails[member.pk])}"
            if merged_emails[member.pk]
            else description
            for description, member in zip(context["descriptions"], records, strict=False)
        ]
        return context


class Invite(MemberAction):
    name, label, title = "invite", "Invite", "Invite {}"
    description = (
        "For people whose accounts were created by an import and who have not signed in. The "
        "email says which teams they are in, how to sign in without a password, and how to leave."
    )
    needs_form = True
    shows_email = True

    def is_available(self, member: Member) -> bool:
        return member.is_active and member.last_login is None
