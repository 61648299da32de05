"""Who works where: naming an organization, confirming that, and taking it back."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from members.email_domains import domain_problem, domain_suffixes, email_domain
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    lock_open_account,
    one_line,
    save_with_history,
)
from members.models import EmailDomain, Member, Organization
from members.normalize import normalize_organization_name
from members.signals import affiliations_decided

UNCONFIRMED = "affiliation confirmation taken back"  # in the history; the reason follows


def set_affiliation(member: Member, organization_name: str) -> Member:
    """Tie `member`, whose address is proven, to an organization; returns the locked, fresh row.

    The email domain of a recognized organization decides, whatever was typed. Else the typed
    name finds a known organization, or proposes a new one; then a facilitator confirms. A
    confirmed tie is left as it is. Refuses a name with nothing to compare, and a closed account.
    """
    with transaction.atomic():
        domain = email_domain(member.email)
        owner, named = _recognized_owner(domain), None
        if owner is None:
            named = _known_or_proposed(organization_name, domain, member)
            owner = _recognized_owner(domain)  # it may have come while we waited for the lock
        row = lock_open_account(member)
        if row.is_affiliation_confirmed:
            return row
        if owner:
            confirm([row], owner, how=Member.ConfirmedVia.DOMAIN, by=None)
            tell_teams([row], confirmed=True, by=None)
        elif named and row.organization_id != named.pk:
            save_with_history(row, row, "named the organization", organization=named)
        return row


def confirm_affiliation(member: Member, *, by: Member) -> None:
    """Vouch that `member` works for the organization they named; opens what waited for it.

    Refuses a closed account, an affiliation that is confirmed already, and an organization
    that nobody has recognized.
    """
    with transaction.atomic():
        organization = member.organization
        if organization:
            organization = locked_organization(organization)
        row = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if not row.is_active:
            raise Refused(f"{row}: the account is closed.")
        if row.is_affiliation_confirmed:
            raise Refused(f"{row} is already confirmed as a member of {row.organization}.")
        if organization is None or row.organization_id != organization.pk:
            raise Refused(f"{row} has changed the organization meanwhile. Look again.")
        if not organization.is_recognized:
            raise Refused(f"Recognize {organization} first; that confirms {row} as well.")
        confirm([row], organization, how=Member.ConfirmedVia.FACILITATOR, by=by)
        tell_teams([row], confirmed=True, by=by)


def unconfirm_affiliation(member: Member, *, by: Member, reason: str) -> None:
    """Take the confirmation of who employs `member` back; the organization stays named.

    Memberships stay: whoever calls says so. The email domain of a recognized organization
    confirms again on the next join. Refuses without a reason, a closed account, and an
    affiliation that is not confirmed (any more).
    """
    if not reason.strip():
        raise Refused("Give a reason. It stays in the history.")
    with transaction.atomic():
        row: Member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if not row.is_active:
            raise Refused(f"{row}: the account is closed.")
        if not row.is_affiliation_confirmed:
            raise Refused(f"The affiliation of {row} is not confirmed. Nothing was changed.")
        save_with_history(
            row,
            by,
            f"{UNCONFIRMED}: {one_line(reason)}",
            affiliation_confirmed_at=None,
            affiliation_confirmed_via="",
            affiliation_confirmed_by=None,
        )


def locked_organization(organization: Organization) -> Organization:
    """The stored `organization`, which nobody else changes until this transaction ends."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def _recognized_owner(domain: str) -> Organization | None:
    """The recognized organization that `domain` belongs to. Its email domains are locked, so that
    no merge moves them to another organization until the transaction ends."""
    rows = EmailDomain.objects.filter(domain__in=domain_suffixes(domain)).order_by("pk")
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    if not list(rows.select_for_update(no_key=True)):
        return None
    owner = EmailDomain.objects.owner_of(domain)
    return owner if owner and owner.is_recognized else None


def _known_or_proposed(name: str, domain: str, by: Member) -> Organization:
    """The organization that `name` means, locked; proposed (again) if nobody has recognized it."""
    compared = normalize_organization_name(name)
    if not compared:
        raise Refused("Enter your organization's name with at least one letter or digit.")
    suggested = "" if domain_problem(domain) else domain
    alias = Organization.objects.named(name).filter(status=Organization.Status.MERGED).first()
    if alias:  # not locked: locks of several organizations are taken in the order of their keys
        found, made = locked_organization(alias.canonical), False
    else:
        found, made = Organization.objects.select_for_update(no_key=True).get_or_create(
            normalized_name=compared,
            defaults={"name": one_line(name), "suggested_domain": suggested},
        )
    while found.is_merged:  # while we waited for the lock
        found = locked_organization(found.canonical)
    if made:
        found.history.update(history_user=by, history_change_reason="proposed")
    elif found.status == Organization.Status.DECLINED:
        save_with_history(
            found,
            by,
            "proposed again",
            status=Organization.Status.PROPOSED,
            suggested_domain=found.suggested_domain or suggested,
        )
    elif not found.is_recognized and suggested and not found.suggested_domain:
        save_with_history(found, by, "domain suggested", suggested_domain=suggested)
    return found


def confirm(
    members: Sequence[Member], organization: Organization, *, how: str, by: Member | None
) -> None:
    """Note that `members`, locked by the caller, work for `organization`. Checks no rule."""
    bulk_save_with_history(
        members,
        by,
        f"affiliation confirmed {Member.ConfirmedVia(how).label}",
        organization=organization,
        affiliation_confirmed_at=timezone.now(),
        affiliation_confirmed_via=how,
        affiliation_confirmed_by=by,
    )


def tell_teams(
    members: list[Member], *, confirmed: bool, reason: str = "", by: Member | None
) -> None:
    """Send the one signal, inside the transaction: the requests of `members` open, or are declined
    with `reason`."""
    affiliations_decided.send(
        sender=Organization,
        members=members,
        confirmed=confirmed,
        reason=reason,
        by=by,
        undone_since=None,
    )


def refuse_what_was_built_on(
    members: list[Member], organizations: list[Organization], since: datetime
) -> None:
    """For the undoing of a decision taken at `since`, after `members` and `organizations` are as
    before: refuses where somebody counts on what is not true any more."""
    for organization in organizations:
        confirmed = organization.members.filter(affiliation_confirmed_at__isnull=False).first()
        if confirmed and not organization.is_recognized:
            raise Refused(f"{confirmed} was confirmed for {organization} since.")
    affiliations_decided.send(
        sender=Organization, members=members, confirmed=False, reason="", by=None,
        undone_since=since,
    )  # fmt: skip
