"""The import of members with their organization and teams."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import Field
from import_export.results import Result
from tablib import Dataset

from desk.changelist import counted
from desk.imports.resource import FileImport, Row, asking
from desk.records.organizations.similar import similar_organizations
from members.forms import OrganizationNameField, WorkEmailField, job_title_field, name_field
from members.history.changesets import ChangeSet
from members.models import Member, Organization
from members.normalize import fold, normalize_organization_name
from members.services import RefusedCell, organizations_named
from teams.models import ActionTeam, Membership
from teams.services import (
    Imported,
    MemberRow,
    accounts_of,
    import_members,
)

NAMED = 5  # addresses in a sentence
CELLS: dict[str, Field] = {
    "Email": asking(WorkEmailField(), "Enter a work email address, like name@hospital.org."),
    "Full name": asking(name_field(), "Enter the person’s full name."),
    "Job title": job_title_field(),
    "Organization": asking(OrganizationNameField(), "Enter who employs the person."),
}


class MemberResource(FileImport):
    """Members with their organization and teams."""

    columns = ("Email", "Full name", "Job title", "Organization", "Teams")
    example = (
        "The person’s work address",
        "First and last name",
        "May be empty",
        "The name of a recognized organization",
        "Names of your teams, separated by semicolons",
    )
    title = "Import members"
    says = (
        "Each person becomes an active member of the teams named, and you vouch for who employs "
        "them. Somebody who has an account already keeps their name, job title and organization. "
        "A request that waits is approved. Nobody gets an email, unless you ask for it. An import "
        "is stored at once and cannot be undone."
    )
    asks_for_email = True

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Look up at once what the rows name."""
        self.rows: list[MemberRow] = []
        self.done = Imported()
        self.teams = {
            fold(team.name): team for team in ActionTeam.objects.facilitated_by(self.desk)
        }
        names = {normalize_organization_name(name): name for name in dataset["Organization"]}
        self.organizations = organizations_named(names)
        self.unknown = {
            compared: name
            for compared, name in names.items()
            if compared and compared not in self.organizations
        }
        self.nearest = _nearest(self.unknown)
        email = CELLS["Email"]
        self.accounts = accounts_of(str(email.to_python(cell)) for cell in dataset["Email"])

    def take(self, row: Row) -> Iterable[RefusedCell]:
        found: Row = {}
        refused = False
        for column in self.columns:
            try:
                found[column] = self._cell(column, row, found)
            except ValidationError as error:
                refused = True
                yield RefusedCell(column, " ".join(error.messages))
        if not refused:
            self.rows.append(MemberRow(*(found[column] for column in self.columns)))

    def _cell(self, column: str, row: Row, found: Row) -> Any:
        """What the cell means; `found` are those before it. Raises ValidationError."""
        known = self.accounts.get(found.get("Email", ""))
        if column == "Teams":
            return self._teams(row[column], known)
        value = CELLS[column].clean(row[column])
        if column == "Organization":
            # Somebody who is here and joins nothing: a list that was exported tells no more.
            waits = known.organization_id if known and not row["Teams"].strip() else None
            return self._organization(value, waits)
        account = self.accounts.get(value) if column == "Email" else None
        if account and not account.is_active:
            raise ValidationError("This account is closed. Take the row out.")
        return value

    def _organization(self, name: str, allowed: int | None) -> Organization:
        """The recognized organization of this name, or the one with the key `allowed`."""
        compared = normalize_organization_name(name)
        organization = self.organizations.get(compared)
        if organization is None:
            nearest = self.nearest.get(compared)
            canonical = f" Did you mean “{nearest}”?" if nearest else ""
            raise ValidationError(
                f"No organization has this name.{canonical} Correct the name, or add the "
                "organization first."
            )
        if organization.pk == allowed:
            return organization
        if organization.status == Organization.Status.DECLINED:
            raise ValidationError(f"{organization} was declined. Take the row out.")
        if not organization.is_recognized:
            raise ValidationError(f"{organization} waits to be recognized. Do that first.")
        return organization

    def _teams(self, text: str, account: Member | None) -> list[ActionTeam]:
        teams: dict[str, ActionTeam] = {}
        for name in filter(None, (part.strip() for part in text.split(";"))):
            compared = fold(name)
            if compared not in self.teams:
                yours = "; ".join(team.name for team in self.teams.values())
                raise ValidationError(f"“{name}” is not one of your teams. They are: {yours}.")
            teams[compared] = self.teams[compared]
        if not teams and not self._is_seen(account):
            raise ValidationError("Enter at least one of your teams.")
        return list(teams.values())

    def _is_seen(self, account: Member | None) -> bool:
        """Whether a person without a team in the file is one that the list shows anyway."""
        if self.desk.is_superuser or account is None:
            return self.desk.is_superuser
        return Membership.objects.visible_to(self.desk).of(account).exists()

    def after_import(self, dataset: Dataset, result: Result, **kwargs: Any) -> None:
        """Import what has no errors; with an error anywhere all of it is taken back."""
        ours = {row.email for row in self.rows}
        accounts = {email: row for email, row in self.accounts.items() if email in ours}
        self.done = import_members(
            self.rows, accounts, by=self.desk, with_mail=self.with_mail and not result.has_errors()
        )

    def told(self, trail: ChangeSet) -> list[str]:
        done = self.done
        told = [
            f"{counted(len(done.new), 'new member', 'new members')}, {len(done.known)} known.",
            f"{counted(len(done.begun), 'new membership', 'new memberships')}, "
            f"{counted(len(done.opened), 'waiting request', 'waiting requests')} approved.",
        ]
        if self.unknown:
            number = counted(len(self.unknown), "unknown organization", "unknown organizations")
            told.append(f"{number}.")
        if done.confirmed:
            told.append(
                f"{counted(len(done.confirmed), 'known person', 'known people')} confirmed for the "
                f"organization in the file; nobody had done so: {self._named(done.confirmed)}."
            )
        if done.elsewhere:
            kept = counted(len(done.elsewhere), "known person keeps", "known people keep")
            told.append(
                f"{kept} another organization than the file says: {self._named(done.elsewhere)}."
            )
        if again := declined_before(done.begun):
            people = counted(len(again), "person", "people")
            told.append(f"{people} joins a team that declined them before: {self._named(again)}.")
        return told

    def _named(self, keys: Collection[int]) -> str:
        """The addresses of these known people, the first few."""
        known = [email for email, account in self.accounts.items() if account.pk in keys]
        more = len(known) - NAMED
        return ", ".join(known[:NAMED]) + (f" and {more} more" if more > 0 else "")

    @property
    def changes_nothing(self) -> bool:
        return self.done.changes_nothing


def declined_before(begun: Iterable[Membership]) -> set[int]:
    """Whose request one of these teams has declined before; by key."""
    pairs = {(stay.member_id, stay.team_id) for stay in begun}
    refused = Membership.objects.filter(
        status=Membership.Status.DECLINED, member__in={member for member, _ in pairs}
    )
    return {
        member for member, team in refused.values_list("member", "team") if (member, team) in pairs
    }


def _nearest(unknown: dict[str, str]) -> dict[str, str]:
    """For unknown names, by compared name, the recognized one that looks most alike."""
    asked = [
        Organization(pk=-number, name=name, normalized_name=compared)  # never stored
        for number, (compared, name) in enumerate(unknown.items(), 1)
    ]
    alike = similar_organizations(asked, set())
    return {row.normalized_name: alike[row.pk][0].name for row in asked if alike.get(row.pk)}
