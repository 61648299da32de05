"""The import of members with their organization and teams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from desk.changelist import counted
from desk.imports.base import Brought, FileImport, RowCleaner
from desk.imports.member_rows import MemberParser
from desk.records.memberships.forms import NEW_ADDRESS_NOTE
from members.history.changesets import ChangeSet
from members.models import Member
from teams.models import Membership
from teams.services import MemberImportResult, import_members

MAX_ADDRESSES_IN_SENTENCE = 5


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
        "for your teams and are not confirmed. Waiting requests are approved. People who are "
        "new get an email only if you ask for it; someone who has an account that is not in your "
        "list is always told. An import is stored at once. For 14 days it can be taken back as a "
        "whole."
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
        email = cleaner.values.get("Email", "")
        account = self.parser.seen.get(email)
        if account is None:
            self._describe_new(cleaner, email)
            return
        cleaner.outcome = "Joins" if account.pk in self.result.joining else "Unchanged"
        organization = self.result.confirmed.get(account.pk) or account.organization
        cleaner.keep_stored("Email", account.email)
        cleaner.keep_stored("Full name", account.full_name)
        cleaner.keep_stored("Job title", account.job_title)
        cleaner.keep_stored("Organization", str(organization or ""))

    def _describe_new(self, cleaner: RowCleaner, email: str) -> None:
        """Leave with `cleaner` that the person is new, or is the same as in an earlier row."""
        cleaner.outcome = "New member"
        if cleaner.errors:
            return
        for column, (number, value) in self.parser.people[email].items():
            if column == "Email" and number != cleaner.row.number:
                cleaner.outcome = f"Same person as row {number}"
            cleaner.keep_stored(column, str(value))

    def summarize(self, changes: ChangeSet) -> list[str]:
        """Return how many are new to the importer's list or known, and whom the importer should
        look at."""
        result = self.result
        new_memberships = counted(result.new_membership_count, "new membership", "new memberships")
        requests = counted(len(result.approved_requests), "waiting request", "waiting requests")
        summary = [
            f"{counted(len(result.unseen), 'new member', 'new members')}, "
            f"{len(result.existing | self.parser.unchanged)} known.",
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
        if by_file := self.parser.by_file:
            summary.append(
                f"{counted(len(by_file), 'person is', 'people are')} confirmed for the "
                "organization in the file, although the address belongs to another one: "
                f"{_first_few(sorted(by_file))}."
            )
        if others := result.with_other_organization:
            summary.append(
                f"{counted(len(others), 'known person keeps', 'known people keep')} a different "
                f"organization from the one in the file: {self._addresses(others)}."
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
        return _first_few(
            [email for email, account in self.parser.seen.items() if account.pk in members]
        )

    @property
    def changes_nothing(self) -> bool:
        return self.result.changes_nothing


def _first_few(addresses: Sequence[str]) -> str:
    """Return the first few addresses, and how many more there are."""
    more = len(addresses) - MAX_ADDRESSES_IN_SENTENCE
    return ", ".join(addresses[:MAX_ADDRESSES_IN_SENTENCE]) + (
        f" and {more} more" if more > 0 else ""
    )


def declined_before(memberships: Iterable[Membership]) -> set[int]:
    """Return the keys of the members whom the team of their membership has declined before."""
    pairs = {(membership.member_id, membership.team_id) for membership in memberships}
    declined = Membership.objects.filter(
        status=Membership.Status.DECLINED, member__in={member for member, _ in pairs}
    )
    return {
        member for member, team in declined.values_list("member", "team") if (member, team) in pairs
    }
