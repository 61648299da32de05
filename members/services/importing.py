"""Organizations from a file: each row checked, then all stored in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from members.batches import BATCH_SIZE, batched
from members.email_domains import domain_suffixes, email_domain
from members.history.saving import Refused, bulk_save_with_history, one_line
from members.models import EmailDomain, Member, Organization
from members.normalize import normalize_organization_name
from members.services.organizations import release


class RefusedCell(Refused):
    """A row that cannot be imported, with the column that is to be mended."""

    def __init__(self, column: str, say: str) -> None:
        super().__init__(say)
        self.column = column


class OrganizationImport:
    """An import of organizations by `by`, inside one transaction: `take` each row, then `store`.

    `names` and `domains` are all that the file names: they are looked up, and locked, at once.
    """

    def __init__(self, names: Iterable[str], domains: Iterable[str], *, by: Member) -> None:
        self.by = by
        self.organizations = organizations_named(names)
        self.owners: dict[str, Organization] = {}
        for part in batched(sorted(set(domains))):
            rows = EmailDomain.objects.filter(domain__in=part).select_related("organization")
            self.owners.update({row.domain: row.organization for row in rows})
        self.new: list[Organization] = []
        self.recognized: dict[int, Organization] = {}  # that had waited for it
        self.known: set[int] = set()
        self.added: list[EmailDomain] = []

    def take(self, name: str, domains: Iterable[str]) -> Iterator[RefusedCell]:
        """See that an organization is here, recognized, with these email domains.

        A former name means the organization of today. Tells (with the column, "name" or
        "domains") an organization that was declined, and a domain that is or can only be another's.
        """
        organization = self.organizations.get(normalize_organization_name(name))
        if organization and organization.status == Organization.Status.DECLINED:
            say = "was declined. If that was wrong, open it and recognize it; else take the row out"
            yield RefusedCell("name", f"{organization} {say}.")
            return
        organization = organization or self._make(name)
        if organization.status == Organization.Status.PROPOSED:
            self.recognized[organization.pk] = organization
        elif organization.pk:
            self.known.add(organization.pk)
        for domain in domains:
            row = EmailDomain(organization=organization, domain=domain)
            try:
                row.clean()
            except ValidationError as error:
                yield RefusedCell("domains", f"{domain}: {' '.join(error.messages)}")
                continue
            owner = self.owners.get(row.domain)
            if owner is None:
                self.owners[row.domain] = organization
                self.added.append(row)
            elif owner.normalized_name != organization.normalized_name:
                say = f"{row.domain} belongs to {owner}. Take it out of this row."
                yield RefusedCell("domains", say)

    def _make(self, name: str) -> Organization:
        compared = normalize_organization_name(name)
        made = Organization(
            name=one_line(name),
            normalized_name=compared,
            status=Organization.Status.RECOGNIZED,
            decided_at=timezone.now(),
            decided_by=self.by,
        )
        self.organizations[compared] = made
        self.new.append(made)
        return made

    def store(self) -> None:
        """Store what was taken, and release whoever waits for it as if it was done by hand.
        Refuses what somebody else has added meanwhile."""
        try:
            with transaction.atomic():
                store_all(self.new, self.by, "added as recognized")
                bulk_save_with_history(
                    list(self.recognized.values()),
                    self.by,
                    "recognized",
                    status=Organization.Status.RECOGNIZED,
                    decided_at=timezone.now(),
                    decided_by=self.by,
                    decision_reason="",
                )
                store_all(self.added, self.by, "domain added")
        except IntegrityError as error:
            raise Refused("Somebody has just added one of these. Check the file again.") from error
        self._release()

    def _release(self) -> None:
        """Confirm who waits, organization by organization, where anybody does."""
        domains: dict[int, set[str]] = defaultdict(set)
        owners = {}
        for row in self.added:
            owners[row.domain] = row.organization
            domains[row.organization.pk].add(row.domain)
        for row in EmailDomain.objects.filter(organization__in=self.recognized):
            domains[row.organization_id].add(row.domain)
            owners[row.domain] = self.recognized[row.organization_id]
        waited_for: dict[int, Organization] = {}
        waiting = Member.objects.unconfirmed().values_list("email", "organization")
        for email, pk in waiting.iterator(chunk_size=BATCH_SIZE):
            named = self.recognized.get(pk)
            found = [
                owners[part] for part in domain_suffixes(email_domain(email)) if part in owners
            ]
            for organization in filter(None, [named, *found]):
                waited_for[organization.pk] = organization
        for organization in sorted(waited_for.values(), key=lambda row: row.pk):
            release(organization, domains[organization.pk], self.by)


def organizations_named(names: Iterable[str]) -> dict[str, Organization]:
    """The organizations that these names mean, by compared name, locked until the transaction
    ends. A former name means the organization of today."""
    found: dict[str, int] = {}
    for part in batched(sorted({normalize_organization_name(name) for name in names})):
        rows = Organization.objects.filter(normalized_name__in=part).order_by()
        for compared, pk, into in rows.values_list("normalized_name", "pk", "merged_into"):
            found[compared] = into or pk
    locked: dict[int, Organization] = {}
    for keys in batched(sorted(set(found.values()))):
        canonical = Organization.objects.filter(pk__in=keys).order_by("pk")
        locked.update({row.pk: row for row in canonical.select_for_update(no_key=True)})
    return {compared: locked[pk] for compared, pk in found.items()}


def store_all(rows: Sequence[models.Model], by: Member, why: str) -> None:
    """Store new rows with a history line each, as `record` does, in a few queries.

    `save()` is not called: whoever calls has filled what it would fill.
    """
    if not rows:
        return
    for row in rows:
        row._history_user = by  # type: ignore[attr-defined]  # read by django-simple-history
        row._change_reason = why  # type: ignore[attr-defined]
    model = type(rows[0])
    model._base_manager.bulk_create(rows, batch_size=BATCH_SIZE)
    history: Any = model.history  # type: ignore[attr-defined]
    history.bulk_history_create(rows, batch_size=BATCH_SIZE)
