"""Taking an import of organizations back: what nothing rests on is no longer recognized.

No row of an organization is deleted, and nobody gets an email. Of members `teams.services` does it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Model

from members.batches import batched
from members.email_domains import domain_suffixes, email_domain
from members.history.saving import bulk_save_with_history, lock_records
from members.models import EmailDomain, Member, Organization
from members.services.organizations import remove_domains
from members.services.transitions import transition_all

# Stands in the history, and is the reason of memberships that end so.
IMPORT_TAKEN_BACK = "import taken back"


@dataclass(frozen=True)
class OrganizationsTakenBack:
    """What taking back an import of organizations did."""

    # No longer recognized.
    organizations: list[Organization]
    # No longer confirm anybody.
    domains: list[EmailDomain]
    # Without a kind, as before.
    without_kind: list[Organization]

    @property
    def keys(self) -> dict[type[Model], set[int]]:
        """Return the keys of the records that are taken back, by model."""
        organizations = [*self.organizations, *self.without_kind]
        return {
            Organization: {organization.pk for organization in organizations},
            EmailDomain: {domain.pk for domain in self.domains},
        }


def take_back_organizations(
    organizations: Collection[int],
    domains: Collection[int],
    kinds: Collection[int],
    *,
    finished_at: datetime,
    by: Member,
) -> OrganizationsTakenBack:
    """Take back what an import that ended at `finished_at` did, by key: to the `organizations` that
    it recognized, to those that had no kind before it, and to email domains; return what that
    changed.

    An organization is proposed from now on, unless someone is confirmed for it, or it was given
    another domain or name since. A domain is removed with its organization, or if no one at it
    is confirmed and it was not given to another organization since. A kind goes unless it was
    changed since, or its organization stays recognized by the import.
    """
    with transaction.atomic():
        owners = {
            pk
            for batch in batched(sorted(domains))
            for pk in EmailDomain.objects.filter(pk__in=batch).values_list(
                "organization", flat=True
            )
        }
        locked = lock_records(Organization, {*organizations, *kinds, *owners})
        imported = lock_records(EmailDomain, domains)
        in_use = _confirmed_domains(locked)
        built_upon = _built_upon_since(organizations, imported, finished_at)
        losing = [
            locked[pk]
            for pk in sorted({*organizations} - in_use.keys() - built_upon)
            if locked[pk].is_recognized
        ]
        lost = {organization.pk for organization in losing}
        moved = _moved_since(imported, finished_at)
        removed = [
            domain
            for pk, domain in imported.items()
            if domain.organization_id in lost
            or (
                pk not in moved
                and domain.domain not in in_use.get(domain.organization_id, frozenset())
            )
        ]
        transition_all(
            losing,
            Organization.Status.PROPOSED,
            by=by,
            why=IMPORT_TAKEN_BACK,
            decided_at=None,
            decided_by=None,
        )
        remove_domains(removed, by=by, why=IMPORT_TAKEN_BACK)
        kinds_then = _kinds_at(finished_at, kinds)
        without_kind = [
            locked[pk]
            for pk in sorted(kinds)
            if (pk in lost or pk not in organizations)
            and locked[pk].kind
            and locked[pk].kind == kinds_then[pk]
        ]
        bulk_save_with_history(without_kind, by, IMPORT_TAKEN_BACK, kind="")
    return OrganizationsTakenBack(losing, removed, without_kind)


def _kinds_at(moment: datetime, organizations: Collection[int]) -> dict[int, str]:
    """Return which kind those organizations had at this moment, by key."""
    kinds: dict[int, str] = {}
    for batch in batched(sorted(organizations)):
        versions = Organization.history.filter(id__in=batch, history_date__lte=moment)
        kinds.update(versions.order_by("history_date").values_list("id", "kind"))
    return kinds


def _confirmed_domains(organizations: Collection[int]) -> dict[int, set[str]]:
    """Return the keys of those organizations for which people are confirmed, each with the email
    domains of these people and the domains above them."""
    in_use: dict[int, set[str]] = {}
    for batch in batched(sorted(organizations)):
        confirmed = Member.objects.filter(
            organization__in=batch, affiliation_confirmed_at__isnull=False, closed_at=None
        )
        people = confirmed.order_by().values_list("organization", "email")
        for organization, email in people.iterator():
            in_use.setdefault(organization, set()).update(domain_suffixes(email_domain(email)))
    return in_use


def _moved_since(domains: Collection[int], since: datetime) -> set[int]:
    """Return the keys of those email domains that have changed since."""
    moved: set[int] = set()
    for batch in batched(sorted(domains)):
        versions = EmailDomain.history.filter(id__in=batch, history_date__gt=since)
        moved.update(versions.order_by().values_list("id", flat=True))
    return moved


def _built_upon_since(
    organizations: Collection[int], imported_domains: Collection[int], since: datetime
) -> set[int]:
    """Return the keys of those organizations that have got a former name or an email domain since
    that is not imported."""
    built_upon: set[int] = set()
    for batch in batched(sorted(organizations)):
        names = Organization.objects.filter(merged_into__in=batch, decided_at__gt=since)
        built_upon.update(name.merged_into_id for name in names if name.merged_into_id)
        others = dict(
            EmailDomain.objects.filter(organization__in=batch)
            .exclude(pk__in=imported_domains)
            .values_list("pk", "organization")
        )
        built_upon.update(others[pk] for pk in _moved_since(others, since))
    return built_upon
