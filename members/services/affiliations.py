"""Who works where: naming an organization, confirming that, and taking it back.

What follows in teams is in `teams.services.recognition`, which calls these steps.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from members.email_domains import domain_problem, domain_suffixes, email_domain
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    lock_open_account,
    save_with_history,
)
from members.models import EmailDomain, Member, Organization
from members.normalize import clean_text, normalize_organization_name
from members.services.transitions import lock_organization, transition
from members.wording import end_sentence

# Begins a line of history; the facilitator's reason follows.
UNCONFIRMED = "affiliation confirmation taken back"
# The fields of a member whose affiliation nobody has confirmed.
NOT_CONFIRMED: dict[str, Any] = {
    "affiliation_confirmed_at": None,
    "affiliation_confirmed_via": "",
    "affiliation_confirmed_by": None,
}


class EmployerUnknownError(Refused):
    """Neither the address nor a name says who employs a person; only the person can."""


def set_affiliation(member: Member, organization_name: str) -> tuple[Member, bool]:
    """Tie `member`, whose address is proven, to an organization. Return the locked, stored
    member, and whether the email domain has confirmed the affiliation just now.

    The email domain of a recognized organization decides, whatever name was typed. Else the name
    is that of a known organization, or proposes a new one, and a facilitator confirms. A
    confirmed affiliation stays as it is. Refuses a closed account, one that has moved to another
    address in the meantime, and with EmployerUnknownError where the domain does not decide and the
    name has nothing to compare.
    """
    with transaction.atomic():
        email = member.email
        owner, named = find_employer(email, organization_name, by=member)
        member = lock_open_account(member)
        if member.email != email:
            raise Refused("The address of this account has just changed. Try again.")
        if member.is_affiliation_confirmed:
            return member, False
        if owner:
            confirm_affiliations([member], owner, via=Member.ConfirmedVia.DOMAIN, by=None)
        elif named and member.organization_id != named.pk:
            save_with_history(member, member, "named the organization", organization=named)
        return member, owner is not None


def find_employer(
    email: str, organization_name: str, *, by: Member
) -> tuple[Organization | None, Organization | None]:
    """Return the recognized organization that the domain of `email` belongs to; else, second, the
    organization of this name, which is proposed if it is unknown. It is locked by the caller's
    transaction. Refuses a name with nothing to compare, if it counts, with EmployerUnknownError."""
    domain = email_domain(email)
    owner, named = recognized_owner(domain), None
    if owner is None:
        named = _get_or_propose(organization_name, domain, by)
        # It may have been recognized while we waited for the lock.
        owner = recognized_owner(domain)
    return owner, named


def confirm_affiliation(member: Member, *, by: Member) -> Member:
    """Confirm that `member` works for the organization they named; return the stored member.

    Refuses a closed account, an affiliation that is confirmed already, and an organization
    that nobody has recognized.
    """
    with transaction.atomic():
        organization = member.organization
        if organization:
            organization = lock_organization(organization)
        member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if not member.is_active:
            raise Refused(f"{member}: the account is {member.inactive_reason}.")
        if member.is_affiliation_confirmed:
            raise Refused(
                f"{member} is already confirmed as a member of {end_sentence(member.organization)}"
            )
        if organization is None or member.organization_id != organization.pk:
            raise Refused(f"{member} has changed the organization meanwhile. Look again.")
        if not organization.is_recognized:
            raise Refused(f"Recognize {organization} first; that confirms {member} as well.")
        confirm_affiliations([member], organization, via=Member.ConfirmedVia.FACILITATOR, by=by)
    return member


def unconfirm_affiliation(member: Member, *, by: Member, reason: str) -> None:
    """Remove the confirmation of who employs `member`; the organization stays named.

    Memberships stay. The email domain of a recognized organization confirms again on the next
    join. Refuses without a reason, a closed account, and an affiliation that is not confirmed.
    """
    if not reason.strip():
        raise Refused("Give a reason. It stays in the history.")
    with transaction.atomic():
        member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if not member.is_active:
            raise Refused(f"{member}: the account is {member.inactive_reason}.")
        if not member.is_affiliation_confirmed:
            raise Refused(f"The affiliation of {member} is not confirmed. Nothing was changed.")
        save_with_history(member, by, f"{UNCONFIRMED}: {clean_text(reason)}", **NOT_CONFIRMED)


def confirm_affiliations(
    members: Sequence[Member], organization: Organization, *, via: str, by: Member | None
) -> None:
    """Store that `members`, locked by the caller, work for `organization`. Checks no rule."""
    why = f"affiliation confirmed {Member.ConfirmedVia(via).label}"
    bulk_save_with_history(members, by, why, **confirmation_fields(organization, via=via, by=by))


def confirmation_fields(
    organization: Organization, *, via: str, by: Member | None
) -> dict[str, Any]:
    """Return the fields of a member who is confirmed for `organization` from now on."""
    return {
        "organization": organization,
        "affiliation_confirmed_at": timezone.now(),
        "affiliation_confirmed_via": via,
        "affiliation_confirmed_by": by,
    }


def recognized_owner(domain: str) -> Organization | None:
    """Return the recognized organization that `domain` belongs to. Its email domains are locked,
    so that no merge moves them to another organization until the transaction ends."""
    domains = EmailDomain.objects.filter(domain__in=domain_suffixes(domain)).order_by("pk")
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    if not list(domains.select_for_update(no_key=True)):
        return None
    owner = EmailDomain.objects.owner_of(domain)
    return owner if owner and owner.is_recognized else None


def _get_or_propose(name: str, domain: str, by: Member) -> Organization:
    """Return the organization called `name`, locked; proposed (again) unless it is recognized."""
    compared = normalize_organization_name(name)
    if not compared:
        raise EmployerUnknownError(
            "Enter your organization's name with at least one letter or digit."
        )
    suggested_domain = "" if domain_problem(domain) else domain
    organization, is_new = _locked_by_name(name, compared, suggested_domain)
    if is_new:
        organization.history.update(history_user=by, history_change_reason="proposed")
    elif organization.status == Organization.Status.DECLINED:
        transition(
            organization,
            Organization.Status.PROPOSED,
            by=by,
            why="proposed again",
            suggested_domain=organization.suggested_domain or suggested_domain,
        )
    elif not organization.is_recognized and suggested_domain and not organization.suggested_domain:
        save_with_history(organization, by, "domain suggested", suggested_domain=suggested_domain)
    return organization


def _locked_by_name(name: str, compared: str, suggested_domain: str) -> tuple[Organization, bool]:
    """Return the organization that goes by `name`, locked, and whether it is new."""
    is_new = False
    former = Organization.objects.named(name).filter(status=Organization.Status.MERGED).first()
    if former:
        # It is not locked: locks of several organizations are taken in the order of their keys.
        organization = lock_organization(former.canonical)
    else:
        organization, is_new = Organization.objects.select_for_update(no_key=True).get_or_create(
            normalized_name=compared,
            defaults={"name": clean_text(name), "suggested_domain": suggested_domain},
        )
    # It may have been merged while we waited for the lock.
    while organization.is_merged:
        organization = lock_organization(organization.canonical)
    return organization, is_new
