"""An email domain that goes from one organization to another, and the people who go with it.

A clinic is sold, with its domain: `move_domain` says whose it is from now on, `move_people` lets
the people follow whom it has shown to be of the former organization.
"""

from collections.abc import Set

from django.db import transaction

from members.history.saving import Refused, bulk_save_with_history, lock_records, save_with_history
from members.models import EmailDomain, Member, MemberQuerySet, Organization
from members.services.organizations import confirm_waiting_members
from members.services.transitions import lock_organization


def move_domain(domain: EmailDomain, organization: Organization, *, by: Member) -> list[Member]:
    """Give `domain`, another organization's until now, to `organization`; return those who waited
    at it and are confirmed by that. Those who are confirmed already stay where they are.

    Refuses a domain that is gone or is the organization's own already, and an organization that is
    not recognized.
    """
    with transaction.atomic():
        keys = {domain.organization_id, organization.pk}
        organizations = lock_records(Organization, keys)
        stored = EmailDomain.objects.select_for_update(no_key=True).filter(pk=domain.pk).first()
        if stored is None or stored.organization_id not in keys:
            raise Refused(f"{domain} has just been changed by someone else. Check it again.")
        former, target = organizations[stored.organization_id], organizations[organization.pk]
        if former == target:
            raise Refused(f"{domain} already belongs to {target}. Nothing was changed.")
        if not target.is_recognized:
            raise Refused(f"{target} is not recognized. Recognize it first, then move the domain.")
        save_with_history(stored, by, f"moved from {former}", organization=target)
        return confirm_waiting_members(target, [stored.domain], by, named=False)


def people_to_move(domain: EmailDomain, organization: Organization) -> MemberQuerySet:
    """Return the people at `domain` who are confirmed for another organization than `organization`
    that it belongs or belonged to. At a domain below it that an organization has, they are that
    one's."""
    versions = EmailDomain.history.filter(domain=domain.domain)
    former = versions.exclude(organization=organization.pk).values("organization")
    people: MemberQuerySet = Member.objects.at_domain(domain.domain).filter(
        is_active=True, affiliation_confirmed_at__isnull=False, organization__in=former
    )
    below = EmailDomain.objects.filter(domain__endswith=f".{domain.domain}")
    for name in below.values_list("domain", flat=True):
        people = people.exclude(pk__in=Member.objects.at_domain(name))
    return people


def move_people(domain: EmailDomain, keys: Set[int], *, by: Member) -> list[Member]:
    """Let those of `people_to_move` who have these `keys` follow `domain` to its organization, and
    return them. They stay confirmed, and keep memberships and requests. Refuses an organization
    that is not recognized."""
    with transaction.atomic():
        target = lock_organization(domain.organization)
        if not target.is_recognized:
            raise Refused(f"{target} is not recognized. Recognize it first.")
        current_keys = keys & set(people_to_move(domain, target).values_list("pk", flat=True))
        people = list(lock_records(Member, current_keys).values())
        bulk_save_with_history(people, by, f"moved with {domain} to {target}", organization=target)
    return people
