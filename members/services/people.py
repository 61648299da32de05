"""Accounts: made with the first proven address, described by the member, erased for good."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone
from post_office.models import Email

from members import emails
from members.history.saving import Refused, lock_open_account, one_line, save_with_history
from members.models import DecisionItem, Member
from members.services.affiliations import UNCONFIRMED, set_affiliation
from members.services.sessions import end_sessions


def get_or_create_member(email: str, *, full_name: str, job_title: str) -> Member:
    """The member whose account the proven address `email` opens, made if new; a known one is
    left as it is."""
    with transaction.atomic():
        typed = {"full_name": one_line(full_name), "job_title": one_line(job_title)}
        member: Member
        member, made = Member.objects.get_or_create(email=email.lower(), defaults=typed)
        if made:
            member.history.update(history_user=member, history_change_reason="account made")
    return member.merged_into or member


def complete_profile(member: Member, *, full_name: str, job_title: str) -> Member:
    """Fill what `member` has left empty; returns the locked, fresh row.

    What was typed in a form that a stranger may have filled in overwrites nothing. Refuses a
    closed account.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        typed = {"full_name": one_line(full_name), "job_title": one_line(job_title)}
        missing = {field: text for field, text in typed.items() if text and not getattr(row, field)}
        if missing:
            save_with_history(row, row, "filled in while joining", **missing)
    return row


def lock_administrators() -> None:
    """Let only one transaction at a time find out who is an administrator besides someone."""
    administrators = Member.objects.filter(is_superuser=True).order_by("pk")
    list(administrators.select_for_update(no_key=True))


def change_profile(
    member: Member,
    *,
    full_name: str,
    job_title: str,
    shares_email: bool,
    theme: str = "",
    organization: str = "",
) -> Member:
    """Save what a member says of themselves; `organization` only while nobody has confirmed it.

    `theme`, one of `Member.Theme`, is a matter of taste and leaves no history.
    """
    with transaction.atomic():
        if organization and not member.is_affiliation_confirmed:
            member = set_affiliation(member, organization)
        row = lock_open_account(member)
        save_with_history(
            row,
            row,
            "changed by the member",
            full_name=one_line(full_name),
            job_title=one_line(job_title),
            shares_email=shares_email,
        )
        Member.objects.filter(pk=row.pk).update(theme=theme)
        row.theme = theme
    return row


def anonymize_member(member: Member, *, by: Member | None = None) -> None:
    """Close an account for good: nothing stays that says who the person was.

    The row stays, empty, so that memberships and history can still be counted; the emails kept
    about the address go, a last one says that the account is closed. Accounts merged into this
    one are erased with it. Whoever calls has ended the memberships. `by` is who does it for
    somebody else. Refuses the last administrator.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        others = Member.objects.filter(is_superuser=True, is_active=True).exclude(pk=row.pk)
        if row.is_superuser and not others.exists():
            who = f"{row} is" if by else "You are"
            raise Refused(f"{who} the only administrator. Appoint another one first.")
        rows = [row, *row.merged_accounts.select_for_update(no_key=True).order_by("pk")]
        for each in rows:
            Email.objects.filter(to=each.email).delete()
        emails.account_closed(row)
        for each in rows:
            _erase(each, by)
        keys = [each.pk for each in rows]
        versions = Member.history.filter(id__in=keys)
        # Why somebody was unconfirmed is free text about the person.
        versions.filter(history_change_reason__startswith=UNCONFIRMED).update(
            history_change_reason=UNCONFIRMED
        )
        # The desk keeps for some days what its decisions changed.
        decided = DecisionItem.objects.filter(decision__model_label=Member._meta.label_lower)
        decided.filter(object_id__in=keys).update(changes=[], result_message="")


def _erase(row: Member, by: Member | None) -> None:
    """Empty one row and its history."""
    EmailAddress.objects.filter(user=row).delete()
    Authenticator.objects.filter(user=row).delete()
    end_sessions(row)
    erased = {
        "email": f"closed-{row.pk}@closed.invalid",
        "full_name": "",
        "job_title": "",
        "shares_email": False,
    }
    save_with_history(
        row,
        by,
        "account closed",
        **erased,
        is_active=False,
        is_staff=False,
        is_superuser=False,
        closed_at=timezone.now(),
    )
    Member.history.filter(id=row.pk).update(**erased)
