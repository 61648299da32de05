"""Organizations from a file: each checked, then all stored in a few queries for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from simple_history.utils import bulk_create_with_history

from members.batches import BATCH_SIZE, batched
from members.email_domains import domain_suffixes, email_domain, readable_domain
from members.history.saving import Refused, save_with_history
from members.models import EmailDomain, Member, Organization
from members.normalize import normalize_organization_name
from members.services.organizations import confirm_waiting_members
from members.services.transitions import new_organization, transition_all
from members.wording import end_sentence


@dataclass(frozen=True)
class OrganizationData:
    """What a file says about one organization."""

    name: str
    # Normalized.
    domains: Sequence[str]
    # What its status is to stay; empty: it is to be recognized.
    status: str = ""
    # The number of its row, for what is said about a later one.
    row: int = 0
    # Empty: the file does not say.
    kind: str = ""


@dataclass(frozen=True)
class OrganizationError:
    """Why an organization cannot be imported: its index in the file, and which field says so."""

    index: int
    field: str
    message: str


@dataclass
class OrganizationImportResult:
    """What an import of organizations did; with errors it stored nothing."""

    created: list[Organization] = field(default_factory=list)
    # Those that had waited for it, by key.
    recognized: dict[int, Organization] = field(default_factory=dict)
    # Keys of those that were recognized before.
    existing: set[int] = field(default_factory=set)
    added_domains: list[EmailDomain] = field(default_factory=list)
    # Those that were here without a kind, by key.
    kinds: dict[int, Organization] = field(default_factory=dict)
    # The people who had waited for one of them, or at one of the domains.
    confirmed: list[Member] = field(default_factory=list)
    # What each row is about, in the order of the file; None where its name cannot be imported.
    organizations: list[Organization | None] = field(default_factory=list)
    errors: list[OrganizationError] = field(default_factory=list)

    @property
    def changes_nothing(self) -> bool:
        return not (self.created or self.recognized or self.added_domains or self.kinds)


def import_organizations(
    organizations: Sequence[OrganizationData], *, by: Member
) -> OrganizationImportResult:
    """Recognize these organizations, with their email domains, and return what that changed.

    People who wait for one of them, or at one of the domains, are confirmed as if it was done by
    hand. A former name means the organization of today, and several rows of one organization add
    up. Where the file names another status, the organization stays as it is. With an error in any
    of them nothing is stored; errors are an organization that was declined, or has another status
    than the file says, and a domain that is another's, a public mailbox provider's or none at all.
    Refuses what someone else adds at the same time.
    """
    with transaction.atomic():
        plan = _Plan(organizations, by)
        for index, data in enumerate(organizations):
            for name, message in plan.add(data):
                plan.result.errors.append(OrganizationError(index, name, message))
        if not plan.result.errors:
            _store(plan.result, by)
            _confirm_waiting(plan.result, by)
    return plan.result


class _Plan:
    """Checks one organization of the file after the other, and collects what is to be stored."""

    def __init__(self, organizations: Sequence[OrganizationData], by: Member) -> None:
        self.by = by
        self.result = OrganizationImportResult()
        self.organizations = lock_organizations(data.name for data in organizations)
        self.owners: dict[str, Organization] = {}
        # By normalized name, and by domain.
        self.first_rows: dict[str, OrganizationData] = {}
        self.domain_rows: dict[str, int] = {}
        domains = sorted({domain for data in organizations for domain in data.domains})
        for batch in batched(domains):
            known = EmailDomain.objects.filter(domain__in=batch).select_related("organization")
            self.owners.update({domain.domain: domain.organization for domain in known})

    def add(self, data: OrganizationData) -> Iterator[tuple[str, str]]:
        """Plan one organization; yield the field and the message of what is wrong with it."""
        normalized_name = normalize_organization_name(data.name)
        organization = self.organizations.get(normalized_name)
        first = self.first_rows.setdefault(normalized_name, data)
        if first.status != data.status:
            self.result.organizations.append(organization)
            message = "An organization has one status: correct one of the two rows."
            yield "status", f"Row {first.row} says something else about {first.name}. {message}"
            return
        if data.status:
            yield from self._keep(data, organization)
            return
        if organization and organization.status == Organization.Status.DECLINED:
            self.result.organizations.append(None)
            yield (
                "name",
                f"{organization} was declined. If that was wrong, open it and recognize it; else "
                "take the row out.",
            )
            return
        organization = organization or self._create(data.name)
        self.result.organizations.append(organization)
        if organization.status == Organization.Status.PROPOSED:
            self.result.recognized[organization.pk] = organization
        elif organization.pk:
            self.result.existing.add(organization.pk)
        yield from self._complete(data, organization)

    def _keep(
        self, data: OrganizationData, organization: Organization | None
    ) -> Iterator[tuple[str, str]]:
        """Plan an organization that stays as it is, as an exported list says it."""
        self.result.organizations.append(organization)
        if organization is None:
            yield "status", "No organization has this name. Write Recognized to add it."
            return
        self.result.existing.add(organization.pk)
        is_former_name = organization.normalized_name != normalize_organization_name(data.name)
        status = Organization.Status.MERGED if is_former_name else organization.status
        if status != data.status:
            label = Organization.Status(status).label.lower()
            yield (
                "status",
                f"{data.name} is {label}. An import can only recognize: write Recognized, or "
                "decide about the organization on its page.",
            )
        if message := self._set_kind(data, organization):
            yield "kind", message
        for domain in data.domains:
            if self.owners.get(domain) != organization:
                shown = readable_domain(domain)
                yield "domains", f"{shown} is not among its domains. Write Recognized to add it."

    def _create(self, name: str) -> Organization:
        organization = new_organization(name, Organization.Status.RECOGNIZED, by=self.by)
        self.organizations[organization.normalized_name] = organization
        self.result.created.append(organization)
        return organization

    def _complete(
        self, data: OrganizationData, organization: Organization
    ) -> Iterator[tuple[str, str]]:
        """Plan kind and email domains of an organization that is, or will be, recognized."""
        if message := self._set_kind(data, organization):
            yield "kind", message
        for domain in data.domains:
            if message := self._add_domain(domain, organization, data.row):
                yield "domains", message

    def _set_kind(self, data: OrganizationData, organization: Organization) -> str:
        """Plan the kind of an organization that has none; return what is wrong with it."""
        if data.kind in {"", organization.kind}:
            return ""
        if organization.kind:
            label = organization.get_kind_display()
            return (
                f"{organization} is already recorded as: {label}. Change that on its page, "
                "or leave the cell empty."
            )
        organization.kind = data.kind
        if organization.pk:
            self.result.kinds[organization.pk] = organization
        return ""

    def _add_domain(self, name: str, organization: Organization, row: int) -> str:
        """Plan an email domain of this row; return what is wrong with it, else an empty text."""
        owner, shown = self.owners.get(name), readable_domain(name)
        if owner is None:
            domain = EmailDomain(organization=organization, domain=name)
            try:
                domain.clean()
            except ValidationError as error:
                return f"{shown}: {' '.join(error.messages)}"
            self.owners[name] = organization
            self.domain_rows[name] = row
            self.result.added_domains.append(domain)
        elif owner.normalized_name != organization.normalized_name:
            if earlier := self.domain_rows.get(name):
                given = end_sentence(f"Row {earlier} gives {shown} to {owner}")
                return f"{given} Remove it from one row."
            return f"{shown} belongs to {end_sentence(owner)} Remove it from this row."
        return ""


def _store(result: OrganizationImportResult, by: Member) -> None:
    try:
        with transaction.atomic():
            bulk_create(result.created, by, "added as recognized")
            transition_all(
                list(result.recognized.values()),
                Organization.Status.RECOGNIZED,
                by=by,
                why="recognized",
            )
            bulk_create(result.added_domains, by, "domain added")
            for organization in result.kinds.values():
                save_with_history(organization, by, "kind imported", kind=organization.kind)
    except IntegrityError as error:
        raise Refused("Someone has just added one of these. Check the file again.") from error


def _confirm_waiting(result: OrganizationImportResult, by: Member) -> None:
    """Confirm the people who wait, organization by organization, where there are any."""
    domains: dict[int, set[str]] = defaultdict(set)
    owners = {}
    for domain in result.added_domains:
        owners[domain.domain] = domain.organization
        domains[domain.organization.pk].add(domain.domain)
    for domain in EmailDomain.objects.filter(organization__in=result.recognized):
        owners[domain.domain] = result.recognized[domain.organization_id]
        domains[domain.organization_id].add(domain.domain)
    awaited: dict[int, Organization] = {}
    waiting = Member.objects.unconfirmed().values_list("email", "organization")
    for email, organization_id in waiting.iterator(chunk_size=BATCH_SIZE):
        suffixes = domain_suffixes(email_domain(email))
        candidates = [owners[suffix] for suffix in suffixes if suffix in owners]
        if organization_id in result.recognized:
            candidates.append(result.recognized[organization_id])
        awaited.update({organization.pk: organization for organization in candidates})
    for pk, organization in sorted(awaited.items()):
        result.confirmed += confirm_waiting_members(organization, domains[pk], by)


def lock_organizations(names: Iterable[str]) -> dict[str, Organization]:
    """Return the organizations of these names by normalized name, locked until the transaction
    ends. A former name means the organization of today."""
    keys: dict[str, int] = {}
    for batch in batched(sorted({normalize_organization_name(name) for name in names})):
        named = Organization.objects.filter(normalized_name__in=batch).order_by()
        for name, pk, merged_into in named.values_list("normalized_name", "pk", "merged_into"):
            keys[name] = merged_into or pk
    locked: dict[int, Organization] = {}
    for pks in batched(sorted(set(keys.values()))):
        canonical = Organization.objects.filter(pk__in=pks).order_by("pk")
        for organization in canonical.select_for_update(no_key=True):
            locked[organization.pk] = organization
    return {name: locked[pk] for name, pk in keys.items()}


def recognized_owners(domains: Iterable[str]) -> dict[str, Organization]:
    """Return, for each of these email domains that is a recognized organization's, or below one
    of its own, that organization."""
    suffixes = {domain: domain_suffixes(domain) for domain in domains}
    owners: dict[str, Organization] = {}
    for batch in batched(sorted(set().union(*suffixes.values()))):
        registered = EmailDomain.objects.filter(domain__in=batch).select_related("organization")
        owners.update({domain.domain: domain.organization for domain in registered})
    # The longest comes first.
    longest = {
        domain: next((owners[suffix] for suffix in own if suffix in owners), None)
        for domain, own in suffixes.items()
    }
    return {domain: owner for domain, owner in longest.items() if owner and owner.is_recognized}


def bulk_create(instances: Sequence[models.Model], by: Member, reason: str) -> None:
    """Store new rows of one model with a line of history each, in a few queries.

    `save()` is not called: the caller has filled what it would fill.
    """
    if instances:
        bulk_create_with_history(
            instances,
            type(instances[0]),
            batch_size=BATCH_SIZE,
            default_user=by,
            default_change_reason=reason,
        )
