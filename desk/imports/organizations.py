"""The import of organizations with their email domains."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from import_export.results import Result
from tablib import Dataset

from desk.changelist import counted
from desk.imports.resource import FileImport, Row, asking
from members.forms import OrganizationNameField
from members.history.changesets import ChangeSet
from members.models import Member
from members.services import OrganizationImport, Preview, RefusedCell
from teams.models import Membership
from teams.services import import_organizations

NAME = asking(OrganizationNameField(), "Enter the name of the organization.")


class OrganizationResource(FileImport):
    """Organizations with their email domains."""

    columns = ("Name", "Domains")
    example = (
        "The organization’s name",
        "Its email domains, separated by spaces, commas or semicolons; may be empty",
    )
    title = "Import organizations"
    says = (
        "Each organization is recognized, with its email domains. One that waits to be recognized "
        "is recognized by this. Whoever waits at such a domain, or for such an organization, is "
        "confirmed and told by email, as if you had added it by hand."
    )

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Look up at once what the rows name."""
        domains = {domain for cell in dataset["Domains"] for domain in _listed(cell)}
        self.file = OrganizationImport(dataset["Name"], domains, by=self.desk)

    def take(self, row: Row) -> Iterable[RefusedCell]:
        try:
            name = NAME.clean(row["Name"])
        except ValidationError as error:
            yield RefusedCell("Name", " ".join(error.messages))
            return
        for refusal in self.file.take(name, _listed(row["Domains"])):
            yield RefusedCell(refusal.column.capitalize(), str(refusal))

    def after_import(self, dataset: Dataset, result: Result, **kwargs: Any) -> None:
        """Store what has no errors; with an error anywhere all of it is taken back."""
        import_organizations(self.file)

    def told(self, trail: ChangeSet) -> list[str]:
        file = self.file
        told = [
            f"{counted(len(file.new), 'new organization', 'new organizations')}, "
            f"{len(file.known)} known, {len(file.recognized)} recognized that waited.",
            f"{counted(len(file.added), 'new email domain', 'new email domains')}.",
        ]
        effects = Preview(trail.changes, [], [])
        how = Member.ConfirmedVia.FACILITATOR
        if people := effects.count("members.member", "affiliation_confirmed_via", how):
            begun = effects.count("teams.membership", "status", Membership.Status.ACTIVE)
            told.append(
                f"{counted(people, 'person who waits is', 'people who wait are')} confirmed by "
                f"this: {counted(begun, 'membership begins', 'memberships begin')}, "
                f"{counted(len(trail.email_keys), 'email tells', 'emails tell')} them."
            )
        return told

    @property
    def changes_nothing(self) -> bool:
        return not (self.file.new or self.file.recognized or self.file.added)


def _listed(cell: str) -> list[str]:
    """The domains in a cell, in lower case."""
    return list(filter(None, (part.strip("@.") for part in re.split(r"[\s,;]+", cell.lower()))))
