"""Organizations and their email domains, and who is confirmed with them.

What follows in teams is in `teams.services.recognition`, which calls these steps.
"""

from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from members.email_domains import domain_suffixes, email_domain
from members.history.saving import Refused, bulk_save_with_history, save_with_history
from members.models import EmailDomain, Member, Organization
from members.services.affiliations import confirm_affiliations
from members.services.transitions import lock_organization, new_organization, transition
from members.wording import end_sentence


def add_organization(
    name: str, *, domains: Iterable[str] = (), kind: str = "", by: Member
) -> tuple[Organization, list[Member]]:
    """Add an organization of this `kind` that is recognized from the start; return it, and those
    whom its email `domains` confirm. Refuses a name that is already here."""
    with transaction.atomic():
        organization = new_organization(name, Organization.Status.RECOGNIZED, by=by, kind=kind)
        _insert(organization, by, "added as recognized")
        added = [create_domain(organization, domain, by).domain for domain in domains]
        members = confirm_waiting_members(organization, added, by) if added else []
    return organization, members


def recognize_organization(
    organization: Organization, *, domain: str = "", kind: str = "", by: Member
) -> list[Member]:
    """Recognize `organization`, with its email `domain` and its `kind` if given; return those it
    confirms.

    That is every waiting member of it, and every waiting person at one of its domains, no matter
    which name they typed. Refuses an organization that is recognized or merged already, and a
    domain that is another's or a public mailbox provider's.
    """
    with transaction.atomic():
        organization = lock_organization(organization)
        changes = {"kind": kind} if kind else {}
        transition(organization, Organization.Status.RECOGNIZED, by=by, why="recognized", **changes)
        if domain and not organization.domains.filter(domain=domain).exists():
            create_domain(organization, domain, by)
        domains = organization.domains.values_list("domain", flat=True)
        return confirm_waiting_members(organization, domains, by)


def set_kind(organization: Organization, kind: str, *, by: Member) -> None:
    """Store what kind of organization it is; empty: nobody knows."""
    with transaction.atomic():
        stored = lock_organization(organization)
        if stored.kind != kind:
            save_with_history(stored, by, "kind changed", kind=kind)


def decline_organization(organization: Organization, *, reason: str, by: Member) -> list[Member]:
    """Decline a proposed organization; return the members who waited for it, locked.

    Refuses without a reason, and unless it is proposed.
    """
    reason = reason.strip()
    if not reason:
        raise Refused("Say why the organization is declined. Its people read the reason.")
    with transaction.atomic():
        organization = lock_organization(organization)
        declined = Organization.Status.DECLINED
        transition(organization, declined, by=by, why="declined", reason=reason)
        waiting = Member.objects.unconfirmed().filter(organization=organization)
        members = list(waiting.select_for_update(no_key=True).order_by("pk"))
        for member in members:
            # Already fetched: no further query for each member.
            member.organization = organization
        return members


def add_domain(organization: Organization, *, domain: str, by: Member) -> list[Member]:
    """Give `organization` an email domain; return those whom it confirms, if the organization is
    recognized. Refuses a domain that is another's or a public mailbox provider's."""
    with transaction.atomic():
        organization = lock_organization(organization)
        if organization.is_merged:
            raise Refused(
                f"{organization} is a former name of {end_sentence(organization.canonical)} "
                "Give the domain to that one."
            )
        added = create_domain(organization, domain, by).domain
        if not organization.is_recognized:
            return []
        return confirm_waiting_members(organization, [added], by, named=False)


def remove_domain(domain: EmailDomain, *, by: Member) -> None:
    """Remove an email domain that was given by mistake; its history stays, and everyone whom it
    has confirmed stays confirmed. Refuses a domain that is gone."""
    with transaction.atomic():
        stored = EmailDomain.objects.select_for_update(no_key=True).filter(pk=domain.pk).first()
        if stored is None:
            raise Refused(f"{domain} has already been removed. Nothing was changed.")
        remove_domains([stored], by=by, why="taken back")


def remove_domains(domains: Sequence[EmailDomain], *, by: Member, why: str) -> None:
    """Remove email domains, locked by the caller, as `remove_domain` does. They stay as rows."""
    bulk_save_with_history(domains, by, why, removed_at=timezone.now())


def confirm_waiting_members(
    organization: Organization, domains: Iterable[str], by: Member, *, named: bool = True
) -> list[Member]:
    """Confirm everyone who waits at one of `domains` or, if `named`, because they named the
    organization; return them. `organization` is recognized and locked by the caller."""
    unconfirmed = Member.objects.unconfirmed()
    waiting = unconfirmed.filter(organization=organization) if named else unconfirmed.none()
    for domain in domains:
        waiting |= unconfirmed.at_domain(domain)
    locked = list(waiting.select_for_update(no_key=True).order_by("pk"))
    # Below its domain another organization may have one of its own: the longest counts.
    owners = _owners({email_domain(member.email) for member in locked})
    members = [
        member
        for member in locked
        if (named and member.organization_id == organization.pk)
        or owners.get(email_domain(member.email)) == organization.pk
    ]
    confirm_affiliations(members, organization, via=Member.ConfirmedVia.FACILITATOR, by=by)
    return members


def _owners(domains: Iterable[str]) -> dict[str, int]:
    """Return, for each of `domains` that belongs to an organization, the key of that one."""
    suffixes = {domain: domain_suffixes(domain) for domain in domains}
    registered = dict(
        EmailDomain.objects.filter(domain__in=set().union(*suffixes.values())).values_list(
            "domain", "organization"
        )
    )
    owners = {}
    for domain, longest_first in suffixes.items():
        for suffix in longest_first:
            if suffix in registered:
                owners[domain] = registered[suffix]
                break
    return owners


def create_domain(organization: Organization, domain: str, by: Member) -> EmailDomain:
    """Give `domain` to `organization`, locked by the caller; return it. Refuses one that is
    another's or a public mailbox provider's."""
    created = EmailDomain(organization=organization, domain=domain)
    try:
        _insert(created, by, "domain added")
    except Refused as error:
        raise Refused(f"{domain}: {error}") from error
    return created


def _insert(instance: Organization | EmailDomain, by: Member, why: str) -> None:
    """Check and store a new row; refuse it in words, also when someone else was faster."""
    try:
        # The constraints are checked by the database; clean() says the same in words.
        instance.full_clean(validate_constraints=False)
        with transaction.atomic():
            save_with_history(instance, by, why)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refused("Someone else has just added it. Look again.") from error
