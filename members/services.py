"""Everything that can happen to members and organizations.

Each function is one transaction that checks the stored state under a lock, writes history
and tells `teams` through the one signal. A step that is not allowed raises Refused, whose
text is written for the person who tried. Against deadlocks: locks are taken in the order
organization, members, memberships, and as `no_key`, so that a history row which only refers
to a locked person or organization does not wait.
"""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from post_office.models import Email

from members import emails
from members.models import EmailDomain, Member, Organization
from members.naming import is_public_mailbox, mail_domain, normalized_name
from members.signals import affiliations_decided


class Refused(Exception):  # noqa: N818  # a refusal by the rules, not an error of the program
    """A step that the rules do not allow now; the text says why, for the person who tried."""


def record(row: models.Model, by: Member | None, why: str, /, **changes: Any) -> None:
    """Save `changes` to `row` with a history line: who (None: by itself) and why."""
    for field, value in changes.items():
        setattr(row, field, value)
    row._history_user = by  # type: ignore[attr-defined]  # read by django-simple-history
    row._change_reason = why  # type: ignore[attr-defined]
    row.save(update_fields=list(changes) if row.pk else None)


def one_line(text: str) -> str:
    """`text` with single spaces for any white space: a name cannot add lines to a mail."""
    return " ".join(text.split())


def welcome_member(email: str, *, full_name: str, job_title: str) -> Member:
    """The member with the proven address `email`, made if new; a known one is left as it is."""
    with transaction.atomic():
        typed = {"full_name": one_line(full_name), "job_title": one_line(job_title)}
        member: Member
        member, made = Member.objects.get_or_create(email=email.lower(), defaults=typed)
        if made:
            member.history.update(history_user=member, history_change_reason="account made")
    return member


def fill_in_profile(member: Member, *, full_name: str, job_title: str) -> Member:
    """Fill what `member` has left empty; returns the locked, fresh row.

    What was typed in a form that a stranger may have filled in overwrites nothing. Refuses a
    closed account.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        typed = {"full_name": one_line(full_name), "job_title": one_line(job_title)}
        missing = {field: text for field, text in typed.items() if text and not getattr(row, field)}
        if missing:
            record(row, row, "filled in while joining", **missing)
    return row


def lock_open_account(member: Member) -> Member:
    """The stored row of `member`, locked until the transaction ends. Refuses a closed account."""
    row: Member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if not row.is_active:
        raise Refused("This account is closed.")
    return row


def lock_administrators() -> None:
    """Let only one transaction at a time find out who is an administrator besides someone."""
    administrators = Member.objects.filter(is_superuser=True).order_by("pk")
    list(administrators.select_for_update(no_key=True))


def affiliate_member(member: Member, organization_name: str) -> Member:
    """Tie `member`, whose address is proven, to an organization; returns the locked, fresh row.

    The mail domain of a recognized organization decides, whatever was typed. Else the typed
    name finds a known organization, or proposes a new one; then a facilitator confirms. A
    confirmed tie is left as it is. Refuses a name with nothing to compare, and a closed account.
    """
    with transaction.atomic():
        domain = mail_domain(member.email)
        owner, named = _recognized_owner(domain), None
        if owner is None:
            named = _known_or_proposed(organization_name, domain, member)
            owner = _recognized_owner(domain)  # it may have come while we waited for the lock
        row = lock_open_account(member)
        if row.is_affiliation_confirmed:
            return row
        if owner:
            _confirm(row, owner, how=Member.ConfirmedHow.DOMAIN, by=None)
            _tell_teams([row], confirmed=True, by=None)
        elif named and row.organization_id != named.pk:
            record(row, row, "named the organization", organization=named)
        return row


def _locked(organization: Organization) -> Organization:
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def _recognized_owner(domain: str) -> Organization | None:
    owner = EmailDomain.objects.owner_of(domain)
    return owner if owner and owner.is_recognized else None


def _known_or_proposed(name: str, domain: str, by: Member) -> Organization:
    """The organization called `name`, locked; proposed (again) if nobody has recognized it."""
    compared = normalized_name(name)
    if not compared:
        raise Refused("Enter your organization's name with at least one letter or digit.")
    suggested = "" if is_public_mailbox(domain) else domain
    found, made = Organization.objects.select_for_update(no_key=True).get_or_create(
        normalized_name=compared,
        defaults={"name": one_line(name), "suggested_domain": suggested},
    )
    if made:
        found.history.update(history_user=by, history_change_reason="proposed")
    elif found.status == Organization.Status.DECLINED:
        record(
            found,
            by,
            "proposed again",
            status=Organization.Status.PROPOSED,
            suggested_domain=found.suggested_domain or suggested,
        )
    elif not found.is_recognized and suggested and not found.suggested_domain:
        record(found, by, "domain suggested", suggested_domain=suggested)
    return found


def _confirm(member: Member, organization: Organization, *, how: str, by: Member | None) -> None:
    record(
        member,
        by,
        f"affiliation confirmed {Member.ConfirmedHow(how).label}",
        organization=organization,
        affiliation_confirmed_at=timezone.now(),
        affiliation_confirmed_how=how,
        affiliation_confirmed_by=by,
    )


def _tell_teams(
    members: list[Member], *, confirmed: bool, reason: str = "", by: Member | None
) -> None:
    affiliations_decided.send(
        sender=Organization, members=members, confirmed=confirmed, reason=reason, by=by
    )


def _release(organization: Organization, domains: Iterable[str], by: Member) -> list[Member]:
    """Confirm everyone who waits for `organization`, by name or by one of `domains`."""
    named = Q(organization=organization)
    at_domains = Q()
    for domain in domains:
        at_domains |= Q(email__endswith=f"@{domain}") | Q(email__endswith=f".{domain}")
    waiting = Member.objects.unconfirmed().filter(named | at_domains if at_domains else named)
    members = [
        member
        for member in waiting.select_for_update(no_key=True).order_by("pk")
        # Below its domain another organization may have one of its own: the longest counts.
        if member.organization_id == organization.pk
        or EmailDomain.objects.owner_of(mail_domain(member.email)) == organization
    ]
    for member in members:
        _confirm(member, organization, how=Member.ConfirmedHow.FACILITATOR, by=by)
    _tell_teams(members, confirmed=True, by=by)
    return members


def _new_domain(organization: Organization, domain: str, by: Member) -> EmailDomain:
    """Give `domain` to `organization`; refuses one that is another's or a public provider's."""
    row = EmailDomain(organization=organization, domain=domain)
    try:
        _insert(row, by, "domain added")
    except Refused as error:
        raise Refused(f"{domain}: {error}") from error
    return row


def _insert(row: Organization | EmailDomain, by: Member, why: str) -> None:
    """Check and store a new row; refuses it in words, also when someone else was faster."""
    try:
        row.full_clean()
        with transaction.atomic():
            record(row, by, why)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refused("Someone else has just added it. Look again.") from error


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
        added = [_new_domain(organization, domain, by).domain for domain in domains]
        if added:
            _release(organization, added, by)
    return organization


def recognize_organization(
    organization: Organization, *, domain: str = "", by: Member
) -> list[Member]:
    """Accept `organization`, with its mail `domain` if given, and release all who wait for it.

    Confirms every waiting member of it, and every waiting person at `domain` whatever name
    they typed; `teams` opens their requests and mails each person once. Returns those
    confirmed. Refuses an organization that is recognized already, and a domain that is
    another's or a public mailbox provider's.
    """
    with transaction.atomic():
        row = _locked(organization)
        if row.is_recognized:
            raise Refused(_decided(row))
        record(
            row,
            by,
            "recognized",
            status=Organization.Status.RECOGNIZED,
            decided_at=timezone.now(),
            decided_by=by,
            decision_reason="",
        )
        if domain and not row.domains.filter(domain=domain).exists():
            _new_domain(row, domain, by)
        return _release(row, row.domains.values_list("domain", flat=True), by)


def decline_organization(organization: Organization, *, reason: str, by: Member) -> list[Member]:
    """Decline a proposed organization; `teams` declines what its people asked for, with `reason`.

    Returns the people concerned. Refuses without a reason, and unless it is proposed.
    """
    if not reason.strip():
        raise Refused("Say why the organization is declined. Its people read the reason.")
    with transaction.atomic():
        row = _locked(organization)
        if row.status != Organization.Status.PROPOSED:
            raise Refused(_decided(row))
        record(
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
        _tell_teams(members, confirmed=False, reason=reason.strip(), by=by)
        return members


def _decided(row: Organization) -> str:
    if row.decided_at is None:
        return f"{row.name} is {row.get_status_display().lower()}."
    when = timezone.localtime(row.decided_at)
    return (
        f"{row.name} was already {row.get_status_display().lower()} "
        f"on {when:%B} {when.day}, {when.year} by {row.decided_by}. Nothing was changed."
    )


def add_domain(organization: Organization, *, domain: str, by: Member) -> list[Member]:
    """Give `organization` a mail domain; if it is recognized, release who waits at that domain."""
    with transaction.atomic():
        row = _locked(organization)
        added = _new_domain(row, domain, by)
        return _release(row, [added.domain], by) if row.is_recognized else []


def remove_domain(domain: EmailDomain, *, by: Member) -> None:
    """Take a mail domain back that was given by mistake; its history stays.

    Who was confirmed by it stays confirmed: whoever calls says so. Refuses one that is gone.
    """
    with transaction.atomic():
        row = EmailDomain.objects.select_for_update(no_key=True).filter(pk=domain.pk).first()
        if row is None:
            raise Refused(f"{domain} was taken back already. Nothing was changed.")
        row._history_user = by  # type: ignore[attr-defined]
        row._change_reason = "taken back"  # type: ignore[attr-defined]
        row.delete()


def confirm_affiliation(member: Member, *, by: Member) -> None:
    """Vouch that `member` works for the organization they named; opens what waited for it.

    Refuses a closed account, an affiliation that is confirmed already, and an organization
    that nobody has recognized.
    """
    with transaction.atomic():
        organization = member.organization
        if organization:
            organization = _locked(organization)
        row = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if not row.is_active:
            raise Refused(f"{row}: the account is closed.")
        if row.is_affiliation_confirmed:
            raise Refused(f"{row} is already confirmed as a member of {row.organization}.")
        if organization is None or row.organization_id != organization.pk:
            raise Refused(f"{row} has changed the organization meanwhile. Look again.")
        if not organization.is_recognized:
            raise Refused(f"Recognize {organization} first; that confirms {row} as well.")
        _confirm(row, organization, how=Member.ConfirmedHow.FACILITATOR, by=by)
        _tell_teams([row], confirmed=True, by=by)


def change_profile(
    member: Member, *, full_name: str, job_title: str, shares_email: bool, organization: str = ""
) -> Member:
    """Save what a member says of themselves; `organization` only while nobody has confirmed it."""
    with transaction.atomic():
        if organization and not member.is_affiliation_confirmed:
            member = affiliate_member(member, organization)
        row = lock_open_account(member)
        record(
            row,
            row,
            "changed by the member",
            full_name=one_line(full_name),
            job_title=one_line(job_title),
            shares_email=shares_email,
        )
    return row


def erase_member(member: Member) -> None:
    """Close an account for good: nothing stays that says who the person was.

    The row stays, empty, so that memberships and history can still be counted; the mails kept
    about the address go, a last one says that the account is closed. Whoever calls has ended
    the memberships. Refuses the last administrator.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        others = Member.objects.filter(is_superuser=True, is_active=True).exclude(pk=row.pk)
        if row.is_superuser and not others.exists():
            raise Refused("You are the only administrator. Appoint another one first.")
        Email.objects.filter(to=row.email).delete()
        emails.account_closed(row)
        EmailAddress.objects.filter(user=row).delete()
        erased = {
            "email": f"closed-{row.pk}@closed.invalid",
            "full_name": "",
            "job_title": "",
            "shares_email": False,
        }
        record(
            row,
            None,
            "account closed",
            **erased,
            is_active=False,
            is_staff=False,
            is_superuser=False,
            closed_at=timezone.now(),
        )
        Member.history.filter(id=row.pk).update(**erased)
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(Member), object_id=str(row.pk)
        ).update(object_repr=str(row), change_message="")
