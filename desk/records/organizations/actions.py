"""The actions on organizations, with what their pages say beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from desk.actions.bulk_action import ActionWithReason, BulkAction
from desk.changelist import require_staff
from desk.records.organizations.domain_evidence import (
    DomainEvidence,
    domain_evidence,
    mark_probable_domains,
)
from desk.records.organizations.similar import similar_organizations
from desk.records.organizations.waiting import WaitingSummary, waiting_by_organization
from members.email_domains import readable_domain
from members.models import EmailDomain, Member, Organization


def domain_owners(organizations: Sequence[Organization]) -> dict[str, Organization]:
    """Return who owns the email domains that `organizations` suggest, where someone does."""
    suggested = [each.offered_domain for each in organizations if each.offered_domain]
    domains = EmailDomain.objects.filter(domain__in=suggested).select_related("organization")
    return {domain.domain: domain.organization for domain in domains}


def organization_summaries(
    organizations: Sequence[Organization], staff: Member, owners: dict[str, Organization]
) -> list[dict[str, Any]]:
    """Return for each organization who waits for it, which recognized ones look alike, and
    whether its email domain is its own: what it is probably a typo of, and the evidence, if it can
    be given the domain."""
    waiting = waiting_by_organization(organizations, staff)
    suggested = {each.offered_domain for each in organizations if each.offered_domain}
    similar = similar_organizations(organizations, suggested - owners.keys())
    mark_probable_domains(organizations)
    return [
        {
            "organization": organization,
            "waiting": waiting.get(organization.pk, WaitingSummary()),
            "similar_organizations": similar.get(organization.pk, []),
            "probable_domain": organization.probable_domain,  # type: ignore[attr-defined]
            "evidence": _evidence(organization, owners),
        }
        for organization in organizations
    ]


def _evidence(organization: Organization, owners: dict[str, Organization]) -> DomainEvidence | None:
    """Return the evidence for a domain that recognizing can give to `organization`."""
    is_recognized = organization.status == Organization.Status.RECOGNIZED
    domain = organization.offered_domain
    if is_recognized or not domain or domain in owners:
        return None
    return domain_evidence(organization)


class OrganizationAction(BulkAction[Organization]):
    model = Organization
    nouns = ("organization", "organizations")

    def decision_title(self, records: Sequence[Organization]) -> str:
        """Return the title with the name of a single one, which is no person's."""
        return (
            self.title.format(records[0]) if len(records) == 1 else super().decision_title(records)
        )

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        """Return each organization with its summary; no form when all are decided already."""
        owners = form.owners if isinstance(form, RecognizeForm) else domain_owners(records)
        summaries = organization_summaries(records, require_staff(request), owners)
        for summary in summaries:
            summary["is_available"] = self.is_available(summary["organization"])
        context = {**super().get_context_data(request, records, form), "summaries": summaries}
        if not any(summary["is_available"] for summary in summaries):
            context |= {"is_settled": True, "title": "Already decided"}
        return context


def probable_kind(domain: str) -> str:
    """Return the kind of organization that an email domain tells: those below .edu and .gov are
    given to educators and public agencies alone."""
    ending = domain.rpartition(".")[2]
    kinds = {"edu": Organization.Kind.EDUCATOR, "gov": Organization.Kind.PUBLIC_AGENCY}
    return kinds.get(ending, "")


class RecognizeForm(forms.Form):
    """For each organization what kind it is, and a checkbox for its suggested email domain, if that
    is free: whether it is the organization's."""

    def __init__(self, data: Any, organizations: Sequence[Organization]) -> None:
        super().__init__(data, label_suffix="")
        self.owners = domain_owners(organizations)
        mark_probable_domains(organizations)
        for organization in organizations:
            domain = organization.offered_domain
            self.fields[f"kind_{organization.pk}"] = forms.ChoiceField(
                label=f"What {organization.name} is",
                choices=[("", "Not known"), *Organization.Kind.choices],
                required=False,
                initial=organization.kind or probable_kind(domain),
            )
            if domain and domain not in self.owners:
                evidence = domain_evidence(organization)
                self.fields[f"domain_{organization.pk}"] = forms.BooleanField(
                    label=f"{readable_domain(domain)} is the email domain of {organization.name}",
                    help_text="Everyone who verifies an address there is confirmed, now and later. "
                    f"{evidence.reason}",
                    required=False,
                    initial=evidence.is_good,
                )


class Recognize(OrganizationAction):
    name, label, title = "recognize", "Recognize", "Recognize {}"
    description = (
        "Everyone who waits for the organization is confirmed, and their requests to open teams "
        "become memberships. Everyone who asked for a team gets one email. Teams that decide by "
        "approval still decide."
    )
    template = "admin/members/organization/recognize.html"
    needs_form = True
    # The button names the domain that its page would ask about.
    is_one_click_in_lists = True

    def is_available(self, organization: Organization) -> bool:
        return organization.status in {
            Organization.Status.PROPOSED,
            Organization.Status.DECLINED,
        }

    def one_click_data(self, organization: Organization) -> dict[str, str] | None:
        """Return the domain that the button names, if its page would tick it; None for a declined
        organization: its page asks."""
        if organization.status != Organization.Status.PROPOSED:
            return None
        is_ticked = organization.offered_domain and domain_evidence(organization).is_good
        return {f"domain_{organization.pk}": "on"} if is_ticked else {}

    def one_click_label(self, organization: Organization) -> str:
        domain = organization.offered_domain
        if not domain:
            return self.label
        word = "with" if domain_evidence(organization).is_good else "without"
        return f"{self.label} {word} {readable_domain(domain)}"

    def get_form(self, request: HttpRequest, records: Sequence[Organization]) -> RecognizeForm:
        return RecognizeForm(request.POST if request.method == "POST" else None, records)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        """Return also who owns the suggested email domain, and the checkbox that gives it."""
        context = super().get_context_data(request, records, form)
        owners = form.owners if isinstance(form, RecognizeForm) else {}
        fields = {field.name: field for field in form}
        for summary in context["summaries"]:
            organization = summary["organization"]
            owner = owners.get(organization.offered_domain)
            summary["owns_domain"] = owner == organization
            summary["domain_owner"] = owner if owner != organization else None
            summary["checkbox"] = fields.get(f"domain_{organization.pk}")
            summary["kind"] = fields.get(f"kind_{organization.pk}")
        return context


class DeclineOrganization(OrganizationAction, ActionWithReason[Organization]):
    name, label, title = "decline", "Decline", "Decline {}"
    description = (
        "All requests of its people are declined with it. Everyone who asked for a team is told "
        "by email, with the reason. The organization can be proposed again."
    )
    template = "admin/members/organization/decline.html"
    # The first one stands in the box: the one that does least harm.
    prepared_reasons = (
        "We could not find out which organization this is. "
        "Sign in and enter its full name under My details.",
        "This organization is known here under another name. "
        "Sign in and enter its name under My details, as our page of organizations shows it.",
        "The Collaborative is for healthcare employers of the Chicago area and their partners. "
        "This organization did not seem to be one of them.",
    )

    def is_available(self, organization: Organization) -> bool:
        return organization.status == Organization.Status.PROPOSED
