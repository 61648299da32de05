"""The decisions about organizations, with what their pages say beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from desk.actions.base import ActionWithReason, BulkAction, answers_in
from desk.changelist import counted, require_staff
from desk.records.organizations.similar import similar_organizations
from desk.records.organizations.waiting import WaitingSummary, waiting_by_organization
from members.models import EmailDomain, Member, Organization
from members.services import decline_organization, recognize_organization
from teams.models import Membership


def owners_of(rows: Sequence[Organization]) -> dict[str, Organization]:
    """Of the email domains that `rows` suggest, those that belong to an organization already."""
    suggested = [row.suggested_domain for row in rows if row.suggested_domain]
    known = EmailDomain.objects.filter(domain__in=suggested).select_related("organization")
    return {row.domain: row.organization for row in known}


def told_of(
    rows: Sequence[Organization], desk: Member, owners: dict[str, Organization]
) -> list[dict[str, Any]]:
    """For each organization: who waits for it, and which recognized ones look alike."""
    waiting = waiting_by_organization(rows, desk)
    free = {row.offered_domain for row in rows if row.offered_domain} - owners.keys()
    alike = similar_organizations(rows, free)
    return [
        {
            "organization": row,
            "waiting": waiting.get(row.pk, WaitingSummary()),
            "similar_organizations": alike.get(row.pk, []),
        }
        for row in rows
    ]


class OrganizationAction(BulkAction[Organization]):
    rows_are = ("organization", "organizations")

    def heading(self, rows: Sequence[Organization]) -> str:
        """A single one by its name, which is no person's, in the list of decisions too."""
        return self.title.format(rows[0]) if len(rows) == 1 else super().heading(rows)

    def facts(
        self, request: HttpRequest, rows: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        """Each organization with who waits for it; no form when all are decided already."""
        facts = super().facts(request, rows, form)
        owners = form.owners if isinstance(form, RecognizeForm) else owners_of(rows)
        facts["organizations"] = told_of(rows, require_staff(request), owners)
        for item in facts["organizations"]:
            item["offered"] = self.is_available(item["organization"])
        if not any(item["offered"] for item in facts["organizations"]):
            facts["settled"] = True
            facts["title"] = "Already decided"
        return facts


class RecognizeForm(forms.Form):
    """For each organization with a suggested email domain that is free: whether it is its own."""

    def __init__(self, data: Any, rows: Sequence[Organization]) -> None:
        super().__init__(data, label_suffix="")
        self.owners = owners_of(rows)
        for row in rows:
            if row.offered_domain and row.offered_domain not in self.owners:
                self.fields[f"domain_{row.pk}"] = forms.BooleanField(
                    label=f"{row.suggested_domain} is the email domain of {row.name}",
                    help_text="Whoever proves an address there is confirmed, now and later.",
                    required=False,
                    initial=True,
                )


class Recognize(OrganizationAction):
    name, label, title = "recognize", "Recognize", "Recognize {}"
    says = (
        "Everyone who waits for the organization is confirmed, and their requests to open teams "
        "become memberships. Whoever asked for a team gets one email. Teams that decide by "
        "approval still decide."
    )
    template = "admin/members/organization/recognize.html"
    asks = True
    in_lists = True  # the button names the domain that its page would ask about

    def is_available(self, row: Organization) -> bool:
        return row.status in {Organization.Status.PROPOSED, Organization.Status.DECLINED}

    def press(self, row: Organization) -> dict[str, str] | None:
        """Recognized with the domain that the button names; of a declined one the page asks."""
        if row.status != Organization.Status.PROPOSED:
            return None
        return {f"domain_{row.pk}": "on"} if row.offered_domain else {}

    def press_label(self, row: Organization) -> str:
        return f"{self.label} with {row.offered_domain}" if row.offered_domain else self.label

    def form(self, request: HttpRequest, rows: Sequence[Organization]) -> RecognizeForm:
        return RecognizeForm(answers_in(request), rows)

    def take(self, row: Organization, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        domain = row.suggested_domain if answers.get(f"domain_{row.pk}") else ""
        confirmed = recognize_organization(row, domain=domain, by=by)
        opened = Membership.objects.active().filter(member__in=confirmed, decided_at__gte=started)
        people = counted(len(confirmed), "person", "people")
        memberships = counted(opened.count(), "membership", "memberships")
        return f"{row} is recognized. {people} confirmed, {memberships} opened."

    def facts(
        self, request: HttpRequest, rows: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        """Besides: whose the suggested email domain is, and the tick that gives it."""
        facts = super().facts(request, rows, form)
        owners = form.owners if isinstance(form, RecognizeForm) else {}
        ticks = {tick.name: tick for tick in form}
        for item in facts["organizations"]:
            row = item["organization"]
            owner = owners.get(row.suggested_domain)
            item["own_domain"] = owner == row
            item["taken_by"] = owner if owner != row else None
            item["field"] = ticks.get(f"domain_{row.pk}")
        return facts


class DeclineOrganization(OrganizationAction, ActionWithReason[Organization]):
    name, label, title = "decline", "Decline", "Decline {}"
    says = (
        "All requests of its people are declined with it. Whoever asked for a team is told by "
        "email, with the reason. Somebody can propose the organization again."
    )
    template = "admin/members/organization/decline.html"
    prepared = (  # the first one stands in the box: the one that does least harm
        "We could not find out which organization this is. "
        "Join again with its full name and your work email.",
        "This organization is known here under another name. "
        "Join again and enter its name as it stands on our page of organizations.",
        "The Collaborative is for healthcare employers of the Chicago area and their partners. "
        "This organization did not seem to be one of them.",
    )

    def is_available(self, row: Organization) -> bool:
        return row.status == Organization.Status.PROPOSED

    def take(self, row: Organization, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        people = decline_organization(row, reason=answers["reason"], by=by)
        declined = Membership.objects.filter(
            member__in=people, status=Membership.Status.DECLINED, decided_at__gte=started
        )
        requests = counted(declined.count(), "request", "requests")
        return f"{row} is declined. {requests} declined with it."
