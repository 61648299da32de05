"""Merging an organization into the one that it turned out to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.text import get_text_list

from desk.actions.merge import Merge, MergeForm, enumerated
from desk.changelist import counted
from desk.records.organizations.actions import owners_of
from members.models import EmailDomain, Member, Organization
from members.services import Preview, merge_organizations


class MergeOrganizationForm(MergeForm):
    """Besides: for each suggested email domain that is free, whether it goes along."""

    def __init__(
        self, data: QueryDict | None, rows: Sequence[Organization], into: Organization | None
    ) -> None:
        super().__init__(data, into)
        owners = owners_of(rows) if into else {}
        for row in rows if into else ():
            if row.offered_domain and row.offered_domain not in owners:
                self.fields[f"domain_{row.pk}"] = forms.BooleanField(
                    label=f"Give {row.suggested_domain} to {into}",
                    help_text="Only if it is its own email domain: whoever proves an address there "
                    "is confirmed, now and later.",
                    required=False,
                    initial=False,
                )


class MergeOrganization(Merge[Organization]):
    model = Organization
    rows_are = ("organization", "organizations")
    says = (
        "For an organization that is here twice, or is called otherwise now. Its people, email "
        "domains and former names move; its name stays as a former name, and whoever joins with "
        "it means the organization that goes on. Who was confirmed stays confirmed, who waits "
        "goes on waiting: merging does not confirm anyone's employer."
    )
    wanted_label = "Merge into which organization?"
    wanted_help = "Its name or one of its email domains. Names are suggested while you type."
    suggests = True

    def is_available(self, row: Organization) -> bool:
        return not row.is_merged

    def find(self, wanted: str) -> Organization | None:
        named = Organization.objects.named(wanted).select_related("merged_into").first()
        if named:
            return named.canonical
        domain = wanted.lower().removeprefix("@")
        owned = EmailDomain.objects.filter(domain=domain).select_related("organization").first()
        return owned.organization if owned else None

    def form_of(
        self, data: QueryDict | None, rows: Sequence[Organization], into: Organization | None
    ) -> MergeOrganizationForm:
        return MergeOrganizationForm(data, rows, into)

    def facts(
        self, request: HttpRequest, rows: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        return {
            **super().facts(request, rows, form),
            "organizations": Organization.objects.suggested(),
            "ticks": [tick for tick in form if not tick.is_hidden],
        }

    def merge(
        self, row: Organization, into: Organization, by: Member, answers: dict[str, Any]
    ) -> str:
        domain = row.suggested_domain if answers.get(f"domain_{row.pk}") else ""
        confirmed = merge_organizations(row, into, domain=domain, by=by)
        told = f"{row} is a former name of {into} now."
        if confirmed:
            told += f" {counted(len(confirmed), 'person', 'people')} confirmed."
        return told

    def told(self, rows: Sequence[Organization], into: Organization, foreseen: Preview) -> str:
        keys = {row.pk for row in rows}
        moved = [
            change["model"]
            for change in foreseen.changes
            if change.get("old", {}).get("organization") in keys
            or change.get("old", {}).get("merged_into") in keys
        ]
        things = (
            (moved.count("members.member"), "member", "members"),
            (moved.count("members.emaildomain"), "email domain", "email domains"),
            (moved.count("members.organization"), "former name", "former names"),
        )
        number = sum(count for count, _, _ in things)
        moves = "moves" if number == 1 else "move"
        names = get_text_list([f"“{row}”" for row in rows], "and")
        return (
            f"{enumerated(things).capitalize()} {moves} to {into}. Nobody loses a membership. "
            f"{names} {'means' if len(rows) == 1 else 'mean'} {into} from now on."
        )
