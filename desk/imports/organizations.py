"""The import of organizations with their email domains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.text import get_text_list

from desk.changelist import counted
from desk.imports.base import Brought, CorrectableError, FileImport, RowCleaner, with_message
from desk.imports.cells import is_placeholder, name_problem
from desk.records.organizations.domain_evidence import (
    looks_like_warnings,
    overlap_warning,
    overlapping_domains,
)
from members.email_domains import normalize_domain, readable_domain
from members.forms import OrganizationNameField
from members.history.changesets import ChangeSet
from members.models import EmailDomain, Organization
from members.normalize import fold
from members.services import OrganizationData, OrganizationImportResult
from teams.models import Membership
from teams.services import import_organizations

# More than any health system has; thousands in one cell would keep a web worker for seconds.
MAX_DOMAINS_PER_ROW = 100
# With those of recognized organizations; each takes milliseconds.
MAX_DOMAINS_COMPARED = 300
# A slash between two domains stands alone, and "and" too: within a web address it begins the path.
_BETWEEN_DOMAINS = re.compile(r"(?:[\s,;|]|(?<!\S)(?:/|&|and)(?!\S))+")
NAME = with_message(OrganizationNameField(), "Enter the name of the organization.")


@dataclass
class OrganizationImport(FileImport):
    """Organizations with their email domains."""

    kind = "organizations"
    columns = ("Name", "Domains", "Status", "Kind")
    optional_columns = ("Status", "Kind")
    column_help = (
        "The organization’s name",
        "Its email domains, separated by spaces, commas or semicolons; may be empty",
        "May be empty or left out: then it is recognized. With Proposed, Declined or Merged, as in "
        "an exported list, it stays as it is",
        f"May be empty or left out: {', '.join(Organization.Kind.labels)}",
    )
    title = "Import organizations"
    description = (
        "Each organization is recognized, with its email domains, even one that is waiting to "
        "be recognized. People who are waiting at such a domain, or for such an organization, are "
        "confirmed and get an email, as if you had added it by hand."
    )
    result: OrganizationImportResult = field(default_factory=OrganizationImportResult, init=False)
    opened: list[Membership] = field(default_factory=list, init=False)

    def apply(self) -> None:
        """Store the organizations; with an error anywhere nothing of it."""
        organizations: list[tuple[RowCleaner, OrganizationData]] = []
        for cleaner in self.cleaners:
            name = cleaner.clean("Name", NAME.clean)
            domains = cleaner.clean("Domains", split_domains, describe_domains)
            status = cleaner.clean("Status", parse_status, describe_status)
            kind = cleaner.clean("Kind", parse_kind, describe_kind)
            if not cleaner.errors:
                data = OrganizationData(name, domains, status, cleaner.row.number, kind)
                organizations.append((cleaner, data))
        domains = {domain for _, data in organizations for domain in data.domains}
        # Those that are stored now, before the file's own are among them.
        looks_like = looks_like_warnings(sorted(domains)[:MAX_DOMAINS_COMPARED])
        self.result, self.opened = import_organizations(
            [data for _, data in organizations], by=self.by
        )
        self._describe_outcomes(organizations)
        for error in self.result.errors:
            cleaner, _ = organizations[error.index]
            cleaner.add_error(error.field.capitalize(), error.message)
        if self.result.added_domains:
            self._ask_about_domains(organizations, looks_like)

    def _ask_about_domains(
        self,
        organizations: Sequence[tuple[RowCleaner, OrganizationData]],
        looks_like: Mapping[str, tuple[str, Organization | None]],
    ) -> None:
        """Ask about new email domains above or below one of another organization, or much like
        it."""
        added = {domain.domain: domain.organization for domain in self.result.added_domains}
        warnings = {
            domain: sentence
            for domain, (sentence, owner) in looks_like.items()
            if domain in added and added[domain] != owner
        }
        for domain, overlap in overlapping_domains(added).items():
            warnings[domain] = overlap_warning(domain, *overlap)
        for cleaner, data in organizations:
            doubts = [warnings[domain] for domain in data.domains if domain in warnings]
            if doubts:
                rest = "; ".join(domain for domain in data.domains if domain not in warnings)
                cleaner.ask("Domains", f"{' '.join(doubts)} Is that right?", rest)

    def _describe_outcomes(
        self, organizations: Sequence[tuple[RowCleaner, OrganizationData]]
    ) -> None:
        """Leave with each cleaner what becomes of its organization."""
        created = {organization.normalized_name for organization in self.result.created}
        added = {domain.domain for domain in self.result.added_domains}
        first_rows: dict[str, int] = {}
        for (cleaner, data), organization in zip(
            organizations, self.result.organizations, strict=True
        ):
            if organization is None:
                continue
            name, row = organization.normalized_name, cleaner.row.number
            if first_rows.setdefault(name, row) != row:
                cleaner.outcome = f"Same organization as row {first_rows[name]}"
            elif name in created:
                cleaner.outcome = "New organization"
                # One of today keeps even such a name.
                if problem := name_problem(organization.name):
                    cleaner.add_error("Name", problem)
            else:
                is_given_a_domain = not added.isdisjoint(data.domains)
                cleaner.outcome = self._outcome_for_known(organization.pk, is_given_a_domain)
            if not data.status:
                cleaner.keep_stored("Name", organization.name)

    def _outcome_for_known(self, pk: int, is_given_a_domain: bool) -> str:
        """Return what becomes of an organization that was here before."""
        if pk in self.result.recognized:
            return "Recognized"
        if is_given_a_domain:
            return "New email domain"
        return "Kind added" if pk in self.result.kinds else "Unchanged"

    def summarize(self, changes: ChangeSet) -> list[str]:
        """Return how many are new or known, and how many people are confirmed by it."""
        result = self.result
        summary = [
            f"{counted(len(result.created), 'new organization', 'new organizations')}, "
            f"{len(result.existing)} known, {len(result.recognized)} waiting and now recognized.",
            f"{counted(len(result.added_domains), 'new email domain', 'new email domains')}.",
        ]
        if result.kinds:
            kinds = counted(len(result.kinds), "organization gets", "organizations get")
            summary.append(f"{kinds} a kind.")
        if people := len(result.confirmed):
            opened = len(self.opened)
            summary.append(
                f"{counted(people, 'person who waits is', 'people who wait are')} confirmed by "
                f"this: {counted(opened, 'membership begins', 'memberships begin')}, "
                f"{counted(len(changes.email_keys), 'email tells', 'emails tell')} them."
            )
        return summary

    def brought(self) -> Iterator[Brought]:
        """Yield the organizations that are new, recognized now or given a kind, and the new email
        domains."""
        for organization in self.result.created:
            yield Organization, organization.pk, None
        for pk in sorted({*self.result.recognized, *self.result.kinds}):
            before = (
                {"status": Organization.Status.PROPOSED} if pk in self.result.recognized else {}
            )
            yield Organization, pk, before | ({"kind": ""} if pk in self.result.kinds else {})
        for domain in self.result.added_domains:
            yield EmailDomain, domain.pk, None

    @property
    def changes_nothing(self) -> bool:
        return self.result.changes_nothing


def parse_status(cell: str) -> str:
    """Return the status that an organization is to keep; an empty text if it is to be recognized.
    Refuses a word that is no status."""
    statuses = {fold(status.label): status for status in Organization.Status}
    status = statuses.get(fold(cell), None if cell else Organization.Status.RECOGNIZED)
    if status is None:
        raise CorrectableError(
            f"“{cell}” is not a status. Write Recognized, or leave the cell empty.",
            Organization.Status.RECOGNIZED.label,
        )
    return "" if status == Organization.Status.RECOGNIZED else status.value


def describe_status(status: str) -> str:
    """Return what `parse_status` has returned for people to read."""
    return Organization.Status(status or Organization.Status.RECOGNIZED).label


def parse_kind(cell: str) -> str:
    """Return the kind of organization that a cell names; empty for an empty cell. Refuses a word
    that is no kind."""
    kinds = {fold(kind.label): kind.value for kind in Organization.Kind}
    kind = kinds.get(fold(cell), None if cell else "")
    if kind is None:
        raise ValidationError(
            f"“{cell}” is not a kind of organization. Write "
            f"{get_text_list(Organization.Kind.labels, 'or')}, or leave the cell empty."
        )
    return kind


def describe_kind(kind: str) -> str:
    """Return a kind of organization for people to read."""
    return Organization.Kind(kind).label if kind else ""


def split_domains(cell: str) -> list[str]:
    """Return the email domains in a cell, normalized, each once; what is none stays, to be refused.
    Refuses more than MAX_DOMAINS_PER_ROW, and a word for no domain."""
    if cell and is_placeholder(cell):
        raise ValidationError(f"“{cell}” is no email domain. Leave the cell empty if it has none.")
    parts = filter(None, _BETWEEN_DOMAINS.split(cell))
    domains = list(dict.fromkeys(map(normalize_domain, parts)))
    if len(domains) > MAX_DOMAINS_PER_ROW:
        raise ValidationError(
            f"This cell has {len(domains):,} domains. Enter at most {MAX_DOMAINS_PER_ROW}."
        )
    return domains


def describe_domains(domains: list[str]) -> str:
    """Return email domains for people to read."""
    return "; ".join(map(readable_domain, domains))
