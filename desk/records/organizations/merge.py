"""Merging an organization into the one that it turned out to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.text import get_text_list

from desk.actions.merge import Merge, MergeForm, enumerate_counts
from desk.records.organizations.actions import domain_owners
from members.email_domains import normalize_domain, readable_domain
from members.models import EmailDomain, Organization
from members.services import Preview
from members.wording import end_sentence


def find_organization(search: str) -> Organization | None:
    """Return the organization with this name, a former one included, or with this email domain."""
    named = Organization.objects.named(search).select_related("merged_into").first()
    if named:
        return named.canonical
    domains = EmailDomain.objects.filter(domain=normalize_domain(search))
    domain = domains.select_related("organization").first()
    return domain.organization if domain else None


class MergeOrganizationForm(MergeForm):
    """Also a checkbox for each suggested email domain that is free: whether it moves too."""

    def __init__(
        self,
        data: QueryDict | None,
        organizations: Sequence[Organization],
        target: Organization | None,
    ) -> None:
        super().__init__(data, target)
        if target is None:
            return
        owners = domain_owners(organizations)
        for organization in organizations:
            domain = organization.offered_domain
            if domain and domain not in owners:
                self.fields[f"domain_{organization.pk}"] = forms.BooleanField(
                    label=f"Give {readable_domain(domain)} to {target}",
                    help_text="Only if it is its own email domain: everyone who verifies an "
                    "address there is confirmed, now and later.",
                    required=False,
                    initial=False,
                )


class MergeOrganization(Merge[Organization]):
    model = Organization
    nouns = ("organization", "organizations")
    description = (
        "For an organization that is here twice, or now has another name. Its people, email "
        "domains and former names move; its name stays as a former name, and everyone who joins "
        "with it joins the organization that is kept. Those who were confirmed stay confirmed, "
        "those who wait go on waiting: merging does not confirm anyone's employer."
    )
    search_label = "Merge into which organization?"
    search_help = "Its name or one of its email domains. Names are suggested while you type."
    has_suggestions = True

    def is_available(self, organization: Organization) -> bool:
        return not organization.is_merged

    def find_target(self, search: str) -> Organization | None:
        return find_organization(search)

    def merge_form(
        self,
        data: QueryDict | None,
        records: Sequence[Organization],
        target: Organization | None,
    ) -> MergeOrganizationForm:
        return MergeOrganizationForm(data, records, target)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        return {
            **super().get_context_data(request, records, form),
            "organizations": Organization.objects.suggested(),
            "checkboxes": [field for field in form if not field.is_hidden],
        }

    def describe_merge(
        self, records: Sequence[Organization], target: Organization, preview: Preview
    ) -> str:
        keys = {organization.pk for organization in records}
        moved = [
            change["model"]
            for change in preview.changes
            if change.get("old", {}).get("organization") in keys
            or change.get("old", {}).get("merged_into") in keys
        ]
        counts = (
            (moved.count("members.member"), "member", "members"),
            (moved.count("members.emaildomain"), "email domain", "email domains"),
            (moved.count("members.organization"), "former name", "former names"),
        )
        total = sum(number for number, _, _ in counts)
        names = get_text_list([f"“{organization}”" for organization in records], "and")
        return (
            f"{enumerate_counts(counts).capitalize()} {'moves' if total == 1 else 'move'} "
            f"to {end_sentence(target)} Nobody loses a membership. "
            f"{names} {'means' if len(records) == 1 else 'mean'} {target} from now on."
        )
