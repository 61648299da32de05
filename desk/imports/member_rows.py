"""The rows of an imported list of members: what each says about a person, and what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from desk.imports.base import CorrectableError, RowCleaner, with_message
from desk.imports.cells import validate_name
from desk.imports.reader import TableRow
from desk.imports.team_names import TeamNames
from desk.records.organizations.similar import similar_names
from members.batches import batched
from members.email_addresses import normalize_address
from members.email_domains import email_domain, readable_domain
from members.forms import OrganizationNameField, WorkEmailField, job_title_field, name_field
from members.models import EmailDomain, Member, Organization
from members.normalize import fold, normalize_organization_name, normalize_person_name
from members.services import lock_organizations, recognized_owners
from members.wording import end_sentence
from teams.models import ActionTeam, Membership
from teams.services import (
    MemberData,
    confirmable_accounts,
    lock_accounts,
    seen_accounts,
    seen_former_addresses,
)

# Each takes milliseconds; a list of one employer has a few.
MAX_DOMAINS_COMPARED = 300
EMAIL = with_message(WorkEmailField(), "Enter a work email address, like name@hospital.org.")
FULL_NAME = with_message(name_field(validators=[validate_name]), "Enter the person’s full name.")
JOB_TITLE = job_title_field()
ORGANIZATION = with_message(OrganizationNameField(), "Enter who employs the person.")
# What several rows about one address have to say alike, and how it is compared.
COMPARED: dict[str, Callable[[Any], Any]] = {
    "Email": str,
    "Full name": normalize_person_name,
    "Job title": fold,
    "Organization": attrgetter("pk"),
}


class MemberParser:
    """Turns rows into what the import needs; all that they name is looked up and locked at once."""

    def __init__(self, rows: Sequence[TableRow], by: Member) -> None:
        self.by = by
        self.team_names = TeamNames(ActionTeam.objects.facilitated_by(by))
        readable = [row for row in rows if not row.problems.keys() & {"", "Organization"}]
        names = [row.cells["Organization"] for row in readable]
        self.organizations = lock_organizations(names)
        self.unknown_organizations = {
            normalized: name
            for name in names
            if (normalized := normalize_organization_name(name))
            and normalized not in self.organizations
        }
        self.suggestions = suggest_organizations(self.unknown_organizations)
        addresses = [normalize_address(row.cells["Email"]) for row in rows]
        domains = {email_domain(address) for address in addresses}
        self.owners = recognized_owners(domains)
        self.probable_domains = EmailDomain.objects.probably_meant_by(
            sorted(filter(None, domains))[:MAX_DOMAINS_COMPARED]
        )
        self.accounts = lock_accounts(addresses)
        self.seen = seen_accounts(self.accounts, by)
        self.former = seen_former_addresses(set(addresses) - self.accounts.keys(), by)
        self.confirmable = confirmable_accounts(self.seen.values(), by)
        self.active = active_memberships(self.seen.values())
        # What the rows so far say of each new or known address, by column: the first that says
        # something, with the number of its row.
        self.people: dict[str, dict[str, tuple[int, Any]]] = defaultdict(dict)
        # Keys of the accounts of which a row says only what is stored.
        self.unchanged: set[int] = set()
        # Addresses of another organization than the one that the importer confirms.
        self.by_file: set[str] = set()

    def parse(self, cleaner: RowCleaner) -> MemberData | None:
        """Return what a row says about a person. None if that is what is stored, and with errors,
        which are left with `cleaner`."""
        address = normalize_address(cleaner.row.cells["Email"])
        account = self.seen.get(address)
        is_whole = "" not in cleaner.row.problems
        if account and is_whole and self._is_stored(cleaner.row, address, account):
            # A job title may be what a spreadsheet would take for an error.
            cleaner.errors.clear()
            cleaner.values |= {**cleaner.row.cells, "Email": address}
            cleaner.values["Organization"] = self._named(cleaner.row)
            self._refuse_contradiction(cleaner, address)
            self.unchanged.add(account.pk)
            return None
        if not cleaner.errors and _is_no_person(cleaner.row):
            filled = ", ".join(f"“{cell}”" for cell in cleaner.row.cells.values() if cell)
            problem = f"This row has only {filled}. Complete it, or remove it if it is no person."
            cleaner.add_error("Email", problem)
            return None
        email = cleaner.clean("Email", EMAIL.clean)
        if account and not account.is_active:
            problem = f"This account is {account.inactive_reason}. Remove the row."
            cleaner.add_error("Email", problem)
        joins_nothing = not cleaner.row.cells["Teams"].strip()
        full_name = cleaner.clean("Full name", FULL_NAME.clean)
        job_title = cleaner.clean("Job title", JOB_TITLE.clean)
        organization = cleaner.clean(
            "Organization", lambda cell: self._employer(cell, address, account, joins_nothing)
        )
        teams = cleaner.clean("Teams", lambda cell: self._teams(cell, account))
        if email:
            self._refuse_contradiction(cleaner, email)
            self._ask_about_former_address(cleaner, email, full_name)
            if account is None:
                self._ask_for_domain(cleaner, email)
        if not cleaner.errors:
            self._ask_for_employer(cleaner, email, organization, account, teams)
        if cleaner.errors:
            return None
        return MemberData(email, full_name, job_title, organization, teams)

    def _is_stored(self, row: TableRow, address: str, account: Member) -> bool:
        """Return whether a row says of an account what is stored, as an exported list does: also
        of one that is closed, or tied to an organization that is not recognized."""
        stored = {"Full name": account.full_name, "Job title": account.job_title}
        employer = account.organization_id
        if account.email != address:
            # Merged into this account, and empty since.
            stored, employer = dict.fromkeys(stored, ""), None
        named = self._named(row)
        if named is None and row.cells["Organization"] or employer != (named.pk if named else None):
            return False
        if any(row.cells[column] != text for column, text in stored.items()):
            return False
        try:
            teams = self._teams(row.cells["Teams"], account)
        except ValidationError:
            return False
        return all((account.pk, team.pk) in self.active for team in teams)

    def _named(self, row: TableRow) -> Organization | None:
        return self.organizations.get(normalize_organization_name(row.cells["Organization"]))

    def _refuse_contradiction(self, cleaner: RowCleaner, email: str) -> None:
        """Leave an error with `cleaner` if an earlier row says something else about the person."""
        earlier = self.people[email]
        for column, compared in COMPARED.items():
            value = cleaner.values.get(column)
            if not value:
                continue
            number, first = earlier.setdefault(column, (cleaner.row.number, value))
            if compared(first) != compared(value):
                cleaner.add_error(
                    column,
                    f"Row {number} says “{first}” for the same address. An address belongs to "
                    "one person: correct one of the two rows.",
                )
                return

    def _ask_about_former_address(
        self, cleaner: RowCleaner, email: str, full_name: str | None
    ) -> None:
        """Ask whether a person at a former address is the member who moved away from it; with
        another name, it is a person who has the mailbox now."""
        move = self.former.get(email)
        if move and normalize_person_name(full_name or "") == move.member.normalized_name:
            cleaner.ask(
                "Email",
                f"{move.member} had this address and moved to {move.member.email}. Is it the same "
                "person?",
                move.member.email,
            )

    def _ask_for_domain(self, cleaner: RowCleaner, email: str) -> None:
        """Ask whether an address that is probably typed wrong is meant."""
        name, _, domain = email.rpartition("@")
        if meant := self.probable_domains.get(domain):
            cleaner.ask(
                "Email",
                f"{readable_domain(domain)} looks like {readable_domain(meant)}.",
                f"{name}@{meant}",
                common_suggestion=readable_domain(meant),
            )

    def _ask_for_employer(
        self,
        cleaner: RowCleaner,
        email: str,
        organization: Organization,
        account: Member | None,
        teams: Sequence[ActionTeam],
    ) -> None:
        """Ask whether the address or the file is right about who employs a person who will be
        confirmed, if they differ."""
        owner = self.owners.get(email_domain(email))
        if owner is None or owner.pk == organization.pk:
            return
        if account and (
            account.is_affiliation_confirmed
            or account.pk not in self.confirmable
            or all((account.pk, team.pk) in self.active for team in teams)
        ):
            # Nothing changes about who employs the person.
            return
        question = f"{_describe_owner(email, owner)} Who employs the person?"
        cleaner.ask("Organization", question, owner.name)
        if not cleaner.errors:
            self.by_file.add(email)

    def _employer(
        self, cell: str, address: str, account: Member | None, joins_nothing: bool
    ) -> Organization:
        """Return the organization of this name, as `_organization`. Where that is refused, suggest
        the one that the address belongs to, unless another name is nearly the same."""
        try:
            return self._organization(cell, account, joins_nothing)
        except ValidationError as error:
            owner = self.owners.get(email_domain(address))
            if owner is None or (isinstance(error, CorrectableError) and error.suggestion):
                raise
            message = f"{' '.join(error.messages)} {_describe_owner(address, owner)}"
            raise CorrectableError(message, owner.name) from error

    def _organization(self, cell: str, account: Member | None, joins_nothing: bool) -> Organization:
        """Return the recognized organization of this name.

        For a person whom the importer sees and who joins nothing, as in an exported list, their
        own organization is accepted, recognized or not.
        """
        normalized = normalize_organization_name(ORGANIZATION.clean(cell))
        organization = self.organizations.get(normalized)
        if organization is None:
            validate_name(cell)
            suggestion = self.suggestions.get(normalized)
            question = f" Did you mean “{suggestion}”?" if suggestion else ""
            raise CorrectableError(
                f"No organization has this name.{question} Correct the name, or add the "
                "organization first.",
                suggestion or "",
            )
        if account and joins_nothing and organization.pk == account.organization_id:
            return organization
        if organization.status == Organization.Status.DECLINED:
            raise ValidationError(f"{organization} was declined. Remove the row.")
        if not organization.is_recognized:
            raise ValidationError(
                f"{organization} is waiting to be recognized. Recognize it first."
            )
        return organization

    def _teams(self, cell: str, account: Member | None) -> list[ActionTeam]:
        teams = self.team_names.parse(cell)
        # Administrators import people without a team, too, and everyone whom they see.
        if not (teams or account or self.by.is_superuser):
            raise ValidationError("Enter at least one of your teams.")
        return teams


def _describe_owner(address: str, owner: Organization) -> str:
    domain = readable_domain(email_domain(address))
    return f"Addresses at {domain} belong to {end_sentence(owner)}"


def _is_no_person(row: TableRow) -> bool:
    """Return whether a row is rather what stands below a list: a total, or a remark."""
    others = row.cells["Organization"] + row.cells["Teams"]
    return "@" not in row.cells["Email"] and not others


def active_memberships(accounts: Collection[Member]) -> set[tuple[int, int]]:
    """Return the keys of the members and teams of the active memberships of these accounts."""
    keys = sorted({account.pk for account in accounts})
    active: set[tuple[int, int]] = set()
    for batch in batched(keys):
        memberships = Membership.objects.active().filter(member__in=batch).order_by()
        active.update(memberships.values_list("member", "team"))
    return active


def suggest_organizations(names: dict[str, str]) -> dict[str, str]:
    """Return, for unknown names by normalized name, the most similar recognized one."""
    similar = similar_names(list(names))
    return {normalized: matches[0][1] for normalized, matches in similar.items() if matches}
