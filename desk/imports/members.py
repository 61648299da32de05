"""The import of members with their organization and teams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from desk.changelist import counted
from desk.imports.base import (
    Brought,
    CorrectableError,
    FileImport,
    RowCleaner,
    with_message,
)
from desk.imports.reader import TableRow
from desk.imports.team_names import TeamNames
from desk.records.memberships import NEW_ADDRESS_NOTE
from desk.records.organizations.similar import similar_names
from members.email_addresses import normalize_address
from members.forms import OrganizationNameField, WorkEmailField, job_title_field, name_field
from members.history.changesets import ChangeSet
from members.models import Member, Organization
from members.normalize import normalize_organization_name
from members.services import lock_organizations
from teams.models import ActionTeam, Membership
from teams.services import (
    MemberData,
    MemberImportResult,
    import_members,
    lock_accounts,
    seen_accounts,
)

MAX_ADDRESSES_IN_SENTENCE = 5
EMAIL = with_message(WorkEmailField(), "Enter a work email address, like name@hospital.org.")
FULL_NAME = with_message(name_field(), "Enter the person’s full name.")
JOB_TITLE = job_title_field()
ORGANIZATION = with_message(OrganizationNameField(), "Enter who employs the person.")


@dataclass
class MemberImport(FileImport):
    """Members with their organization and teams."""

    kind = "members"
    columns = ("Email", "Full name", "Job title", "Organization", "Teams")
    column_help = (
        "The person’s work address",
        "First and last name",
        "May be empty",
        "The name of a recognized organization",
        "Names of your teams, separated by semicolons or line breaks",
    )
    title = "Import members"
    description = (
        "Each person becomes an active member of the teams named. "
        f"{NEW_ADDRESS_NOTE} You confirm who employs the people who are new, and those who asked "
        "for your teams and are not confirmed. A request that waits is approved. People who are "
        "new get an email only if you ask for it; someone who has an account that is not in your "
        "list is always told. An import is stored at once and cannot be undone."
    )
    offers_email = True
    parser: MemberParser = field(init=False)
    result: MemberImportResult = field(default_factory=MemberImportResult, init=False)

    def apply(self) -> None:
        """Import the rows that are in order."""
        self.parser = MemberParser(self.rows, self.by)
        people = [data for cleaner in self.cleaners if (data := self.parser.parse(cleaner))]
        has_errors = any(cleaner.errors for cleaner in self.cleaners)
        self.result = import_members(
            people,
            self.parser.accounts,
            by=self.by,
            send_email=self.send_email and not has_errors,
        )
        for cleaner in self.cleaners:
            self._describe_outcome(cleaner)

    def _describe_outcome(self, cleaner: RowCleaner) -> None:
        """Leave with `cleaner` what becomes of the person. An account that the importer sees
        keeps its details; of all others the file alone says them."""
        account = self.parser.seen.get(cleaner.values.get("Email"))
        if account is None:
            cleaner.outcome = "New member"
            return
        cleaner.outcome = "Joins" if account.pk in self.result.joining else "Unchanged"
        organization = self.result.confirmed.get(account.pk) or account.organization
        cleaner.keep_stored("Email", account.email)
        cleaner.keep_stored("Full name", account.full_name)
        cleaner.keep_stored("Job title", account.job_title)
        cleaner.keep_stored("Organization", str(organization or ""))

    def summarize(self, changes: ChangeSet) -> list[str]:
        """Return how many are new to the importer's list or known, and whom the importer should
        look at."""
        result = self.result
        new_memberships = counted(result.new_membership_count, "new membership", "new memberships")
        requests = counted(len(result.approved_requests), "waiting request", "waiting requests")
        summary = [
            f"{counted(len(result.unseen), 'new member', 'new members')}, "
            f"{len(result.existing)} known.",
            f"{new_memberships}, {requests} approved.",
        ]
        if result.unseen:
            summary.append(NEW_ADDRESS_NOTE)
        if unknown := len(self.parser.unknown_organizations):
            summary.append(f"{counted(unknown, 'unknown organization', 'unknown organizations')}.")
        if confirmed := result.confirmed:
            summary.append(
                f"{counted(len(confirmed), 'known person', 'known people')} confirmed for the "
                f"organization in the file; no one had done so: {self._addresses(confirmed)}."
            )
        if others := result.with_other_organization:
            summary.append(
                f"{counted(len(others), 'known person keeps', 'known people keep')} another "
                f"organization than the file says: {self._addresses(others)}."
            )
        if declined := declined_before(result.created_memberships):
            summary.append(
                f"{counted(len(declined), 'person joins', 'people join')} a team that declined "
                f"them before: {self._addresses(declined)}."
            )
        return summary

    def brought(self) -> Iterator[Brought]:
        """Yield the new accounts, the memberships that began, and the known people who are
        confirmed now."""
        result = self.result
        for member in result.created:
            yield Member, member.pk, None
        for pk, organization in result.organizations_before.items():
            yield Member, pk, {"organization": organization}
        for membership in result.new_memberships:
            yield Membership, membership.pk, None
        for membership in result.activated_requests:
            yield Membership, membership.pk, {"status": Membership.Status.REQUESTED}

    def _addresses(self, members: Collection[int]) -> str:
        """Return the first few addresses of the accounts with these keys."""
        addresses = [email for email, account in self.parser.seen.items() if account.pk in members]
        more = len(addresses) - MAX_ADDRESSES_IN_SENTENCE
        return ", ".join(addresses[:MAX_ADDRESSES_IN_SENTENCE]) + (
            f" and {more} more" if more > 0 else ""
        )

    @property
    def changes_nothing(self) -> bool:
        return self.result.changes_nothing


class MemberParser:
    """Turns rows into what the import needs; all that they name is looked up and locked at once."""

    def __init__(self, rows: Sequence[TableRow], by: Member) -> None:
        self.by = by
        self.team_names = TeamNames(ActionTeam.objects.facilitated_by(by))
        names = [row.cells["Organization"] for row in rows]
        self.organizations = lock_organizations(names)
        self.unknown_organizations = {
            normalized: name
            for name in names
            if (normalized := normalize_organization_name(name))
            and normalized not in self.organizations
        }
        self.suggestions = suggest_organizations(self.unknown_organizations)
        addresses = [normalize_address(row.cells["Email"]) for row in rows]
        self.accounts = lock_accounts(addresses)
        self.seen = seen_accounts(self.accounts, by)

    def parse(self, cleaner: RowCleaner) -> MemberData | None:
        """Return what a row says about a person, or None and leave the errors with `cleaner`."""
        email = cleaner.clean("Email", self._email)
        account = self.seen.get(email)
        joins_nothing = not cleaner.row.cells["Teams"].strip()
        full_name = cleaner.clean("Full name", FULL_NAME.clean)
        job_title = cleaner.clean("Job title", JOB_TITLE.clean)
        organization = cleaner.clean(
            "Organization", lambda cell: self._organization(cell, account, joins_nothing)
        )
        teams = cleaner.clean("Teams", lambda cell: self._teams(cell, account))
        if cleaner.errors:
            return None
        return MemberData(email, full_name, job_title, organization, teams)

    def _email(self, cell: str) -> str:
        email: str = EMAIL.clean(cell)
        account = self.seen.get(email)
        if account and not account.is_active:
            raise ValidationError("This account is closed. Remove the row.")
        return email

    def _organization(self, cell: str, account: Member | None, joins_nothing: bool) -> Organization:
        """Return the recognized organization of this name.

        For a person whom the importer sees and who joins nothing, as in an exported list, their
        own organization is accepted, recognized or not.
        """
        normalized = normalize_organization_name(ORGANIZATION.clean(cell))
        organization = self.organizations.get(normalized)
        if organization is None:
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
            raise ValidationError(f"{organization} waits to be recognized. Do that first.")
        return organization

    def _teams(self, cell: str, account: Member | None) -> list[ActionTeam]:
        teams = self.team_names.parse(cell)
        # Administrators import people without a team, too, and everyone whom they see.
        if not (teams or account or self.by.is_superuser):
            raise ValidationError("Enter at least one of your teams.")
        return teams


def declined_before(memberships: Iterable[Membership]) -> set[int]:
    """Return the keys of the members whom the team of their membership has declined before."""
    pairs = {(membership.member_id, membership.team_id) for membership in memberships}
    declined = Membership.objects.filter(
        status=Membership.Status.DECLINED, member__in={member for member, _ in pairs}
    )
    return {
        member for member, team in declined.values_list("member", "team") if (member, team) in pairs
    }


def suggest_organizations(names: dict[str, str]) -> dict[str, str]:
    """Return, for unknown names by normalized name, the most similar recognized one."""
    similar = similar_names(list(names))
    return {normalized: matches[0][1] for normalized, matches in similar.items() if matches}
