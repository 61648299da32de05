"""Accounts: created with the first proven address, edited by the member, erased for good."""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from post_office.models import Email

from members import emails
from members.batches import batched
from members.email_addresses import normalize_address
from members.history.decisions import erase_items
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    lock_open_account,
    save_with_history,
)
from members.models import Member
from members.normalize import clean_text
from members.services.affiliations import UNCONFIRMED
from members.services.bounces import erase_bounces
from members.services.moving import emails_to, erase_moves
from members.services.sessions import end_sessions

# Of a closed account.
ERASED_PROFILE: dict[str, Any] = {"full_name": "", "job_title": "", "shares_email": False}


def get_or_create_member(email: str, *, full_name: str, job_title: str) -> tuple[Member, bool]:
    """Return the member whose account the address `email` opens, and whether it is new: then it
    has this name and title; an existing one stays as it is."""
    with transaction.atomic():
        profile = {"full_name": clean_text(full_name), "job_title": clean_text(job_title)}
        member: Member
        member, is_new = Member.objects.get_or_create(
            email=normalize_address(email), defaults=profile
        )
        if is_new:
            member.history.update(history_user=member, history_change_reason="account made")
    return member.merged_into or member, is_new


def complete_profile(member: Member, *, full_name: str, job_title: str) -> Member:
    """Fill in what `member` has left empty; return the locked, stored member.

    Nothing is overwritten: a stranger may have filled in the form. Refuses a closed account.
    """
    with transaction.atomic():
        member = lock_open_account(member)
        profile = {"full_name": clean_text(full_name), "job_title": clean_text(job_title)}
        missing = {
            field: text for field, text in profile.items() if text and not getattr(member, field)
        }
        if missing:
            save_with_history(member, member, "filled in while joining", **missing)
    return member


def lock_administrators() -> None:
    """Let only one transaction at a time count the administrators: one of them has to stay."""
    administrators = Member.objects.filter(is_superuser=True).order_by("pk")
    list(administrators.select_for_update(no_key=True))


def change_profile(
    member: Member, *, full_name: str, job_title: str, shares_email: bool, theme: str = ""
) -> Member:
    """Save what a member says about themselves; return the stored member.

    `theme`, one of `Member.Theme`, is a matter of taste and leaves no history.
    """
    with transaction.atomic():
        member = lock_open_account(member)
        save_with_history(
            member,
            member,
            "changed by the member",
            full_name=clean_text(full_name),
            job_title=clean_text(job_title),
            shares_email=shares_email,
        )
        Member.objects.filter(pk=member.pk).update(theme=theme)
        member.theme = theme
    return member


def anonymize_member(member: Member, *, by: Member | None = None) -> None:
    """Close an account for good: nothing stays that says who the person was.

    The row stays, empty, so that memberships and history can still be counted. The emails to the
    address are deleted; a last one says that the account is closed. Accounts merged into this
    one are erased with it. The caller has ended the memberships. `by` is the administrator who
    does it for another person. Refuses the last administrator.
    """
    with transaction.atomic():
        member = lock_open_account(member)
        others = Member.objects.filter(is_superuser=True, is_active=True).exclude(pk=member.pk)
        if member.is_superuser and not others.exists():
            who = f"{member} is" if by else "You are"
            raise Refused(f"{who} the only administrator. Appoint another one first.")
        merged = member.merged_accounts.select_for_update(no_key=True).order_by("pk")
        accounts = [member, *merged]
        emails_to(member).delete()
        erase_moves(accounts)
        erase_bounces(accounts)
        emails.account_closed(member)
        for account in accounts:
            _erase(account, by)
        _erase_free_text([account.pk for account in accounts])


def anonymize_unused_accounts(members: Sequence[Member], *, by: Member, why: str) -> None:
    """Close accounts for good that nobody has ever used, in a few queries for any number.

    As `anonymize_member`, but without an email: these people may not know of the account. The
    caller has locked `members`, and made sure that they never signed in and are in no team.
    """
    for batch in batched(members):
        keys = [member.pk for member in batch]
        Email.objects.filter(to__in=[member.email for member in batch]).delete()
        erase_moves(batch)
        erase_bounces(batch)
        for member in batch:
            member.email = _closed_address(member.pk)
        Member.objects.filter(pk__in=keys).update(email=_closed_address_of("pk"))
        bulk_save_with_history(
            batch, by, why, **ERASED_PROFILE, is_active=False, closed_at=timezone.now()
        )
        versions = Member.history.filter(id__in=keys)
        versions.update(email=_closed_address_of("id"), **ERASED_PROFILE)
        Member.objects.filter(pk__in=keys).update(normalized_name="")
        _erase_free_text(keys)


def _closed_address(key: int) -> str:
    return f"closed-{key}@closed.invalid"


def _closed_address_of(key: str) -> Concat:
    """Return the same of each row, by the field that holds the key."""
    return Concat(Value("closed-"), Cast(key, CharField()), Value("@closed.invalid"))


def _erase(account: Member, by: Member | None) -> None:
    """Empty one account and its history."""
    EmailAddress.objects.filter(user=account).delete()
    Authenticator.objects.filter(user=account).delete()
    end_sessions(account)
    erased = {"email": _closed_address(account.pk), **ERASED_PROFILE}
    save_with_history(
        account,
        by,
        "account closed",
        **erased,
        is_active=False,
        is_staff=False,
        is_superuser=False,
        closed_at=timezone.now(),
    )
    Member.history.filter(id=account.pk).update(**erased)


def _erase_free_text(keys: list[int]) -> None:
    """Erase what facilitators wrote about the people with these keys."""
    versions = Member.history.filter(id__in=keys)
    versions.filter(history_change_reason__startswith=UNCONFIRMED).update(
        history_change_reason=UNCONFIRMED
    )
    erase_items(Member, keys)
