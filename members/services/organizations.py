"""Organizations and their email domains: recognizing one releases everybody who waits for it."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from members.dates import long_date
from members.email_domains import domain_suffixes, email_domain
from members.history.saving import Refused, delete_with_history, one_line, save_with_history
from members.models import EmailDomain, Member, Organization
from members.services.affiliations import confirm, locked_organization, tell_teams


def add_organization(name: str, *, domains: Iterable[str] = (), by: Member) -> Organization:
    """Add an organization that is recognized from the start. Refuses a name already here."""
    with transaction.atomic():
        organization = Organization(
            name=one_line(name),
            status=Organization.Status.RECOGNIZED,
            decided_at=timezone.now(),
            decided_by=by,
        )
        _insert(organization, by, "added as recognized")
        added = [new_domain(organization, domain, by).domain for domain in domains]
        if added:
            release(organization, added, by)
    return organization


def recognize_organization(
    organization: Organization, *, domain: str = "", by: Member
) -> list[Member]:
    """Accept `organization`, with its email `domain` if given, and release all who wait for it.

    Confirms every waiting member of it, and every waiting person at `domain` whatever name
    they typed; `teams` opens their requests and emails each person once. Returns those
    confirmed. Refuses an organization that is recognized already, and a domain that is
    another's or can be no organization's.
    """
    with transaction.atomic():
        row = locked_organization(organization)
        if row.is_recognized or row.is_merged:
            raise Refused(_decided(row))
        save_with_history(
            row,
            by,
            "recognized",
            status=Organization.Status.RECOGNIZED,
            decided_at=timezone.now(),
            decided_by=by,
            decision_reason="",
        )
        if domain and not row.domains.filter(domain=domain).exists():
            new_domain(row, domain, by)
        return release(row, row.domains.values_list("domain", flat=True), by)


def decline_organization(organization: Organization, *, reason: str, by: Member) -> list[Member]:
    """Decline a proposed organization; `teams` declines what its people asked for, with `reason`.

    Returns the people concerned. Refuses without a reason, and unless it is proposed.
    """
    if not reason.strip():
        raise Refused("Say why the organization is declined. Its people read the reason.")
    with transaction.atomic():
        row = locked_organization(organization)
        if row.status != Organization.Status.PROPOSED:
            raise Refused(_decided(row))
        save_with_history(
            row,
            by,
            "declined",
            status=Organization.Status.DECLINED,
            decided_at=timezone.now(),
            decided_by=by,
            decision_reason=reason.strip(),
        )
        waiting = Member.objects.unconfirmed().filter(organization=row)
        members = list(waiting.select_for_update(no_key=True).order_by("pk"))
        for member in members:
            member.organization = row  # known here: nothing asks for it once more for each
        tell_teams(members, confirmed=False, reason=reason.strip(), by=by)
        return members


def add_domain(organization: Organization, *, domain: str, by: Member) -> list[Member]:
    """Give `organization` an email domain; if it is recognized, release who waits there."""
    with transaction.atomic():
        row = locked_organization(organization)
        if row.is_merged:
            raise Refused(
                f"{row} is a former name of {row.canonical}. Give the domain to that one."
            )
        added = new_domain(row, domain, by)
        return release(row, [added.domain], by, named=False) if row.is_recognized else []


def remove_domain(domain: EmailDomain, *, by: Member) -> None:
    """Take an email domain back that was given by mistake; its history stays.

    Who was confirmed by it stays confirmed: whoever calls says so. Refuses one that is gone.
    """
    with transaction.atomic():
        row = EmailDomain.objects.select_for_update(no_key=True).filter(pk=domain.pk).first()
        if row is None:
            raise Refused(f"{domain} was taken back already. Nothing was changed.")
        delete_with_history(row, by, "taken back")


def release(
    organization: Organization, domains: Iterable[str], by: Member, *, named: bool = True
) -> list[Member]:
    """Confirm everyone who waits for `organization`, at one of `domains` or, if `named`, because
    they named it."""
    unconfirmed = Member.objects.unconfirmed()
    waiting = unconfirmed.filter(organization=organization) if named else unconfirmed.none()
    for domain in domains:
        waiting |= unconfirmed.at_domain(domain)
    found = list(waiting.select_for_update(no_key=True).order_by("pk"))
    # Below its domain another organization may have one of its own: the longest counts.
    owners = _owners({email_domain(member.email) for member in found})
    members = [
        member
        for member in found
        if (named and member.organization_id == organization.pk)
        or owners.get(email_domain(member.email)) == organization.pk
    ]
    confirm(members, organization, how=Member.ConfirmedVia.FACILITATOR, by=by)
    tell_teams(members, confirmed=True, by=by)
    return members


def _owners(domains: Iterable[str]) -> dict[str, int]:
    """Of each of `domains` that belongs to an organization: the key of that one."""
    suffixes = {domain: domain_suffixes(domain) for domain in domains}
    known = dict(
        EmailDomain.objects.filter(domain__in=set().union(*suffixes.values())).values_list(
            "domain", "organization"
        )
    )
    owned = {
        domain: next((known[suffix] for suffix in longest_first if suffix in known), None)
        for domain, longest_first in suffixes.items()
    }
    return {domain: owner for domain, owner in owned.items() if owner is not None}


def new_domain(organization: Organization, domain: str, by: Member) -> EmailDomain:
    """Give `domain` to `organization`; refuses one that is or can only be another's."""
    row = EmailDomain(organization=organization, domain=domain)
    try:
        _insert(row, by, "domain added")
    except Refused as error:
        raise Refused(f"{domain}: {error}") from error
    return row


def _insert(row: Organization | EmailDomain, by: Member, why: str) -> None:
    """Check and store a new row; refuses it in words, also when someone else was faster."""
    try:
        row.full_clean(validate_constraints=False)  # its clean() says the same, without asking
        with transaction.atomic():
            save_with_history(row, by, why)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refused("Someone else has just added it. Look again.") from error


def _decided(row: Organization) -> str:
    if row.decided_at is None:
        return f"{row.name} is {row.get_status_display().lower()}."
    return (
        f"{row.name} was already {row.get_status_display().lower()} "
        f"on {long_date(row.decided_at)} by {row.decided_by}. Nothing was changed."
    )
