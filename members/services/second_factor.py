"""The second step of signing in: every change is noted and told, and an administrator can help.

An authenticator app or a passkey, with recovery codes; allauth keeps them (`allauth.mfa`).
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from members import emails
from members.models import Member
from members.services.recording import Refused, lock_open_account, record

WORDS = {
    Authenticator.Type.TOTP.value: "authenticator app",
    Authenticator.Type.WEBAUTHN.value: "passkey",
    Authenticator.Type.RECOVERY_CODES.value: "recovery codes",
}


def note_second_factor(member: Member, what: str) -> None:
    """Keep in the history that the member changed the own second step, and tell them by mail.

    `what` is a sentence without its full stop: “A passkey was added”. allauth has made the
    change already. Refuses a closed account.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        record(row, row, f"second step of signing in: {what}", is_active=True)
        emails.second_factor_changed(row, what)


def reset_second_factor(member: Member, *, by: Member | None = None) -> list[str]:
    """Take the second step away from someone who lost the phone and the recovery codes.

    Returns what was removed, in words. The person is told by mail, and signs in by the code
    alone until there is a new one. Empty `by`: somebody at the server's command line. Refuses a
    closed account, and where there is nothing to remove.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        kept = Authenticator.objects.filter(user=row)
        removed = [WORDS[kind] for kind in kept.order_by("pk").values_list("type", flat=True)]
        if not removed:
            raise Refused(f"{row} has no second step to remove. Nothing was changed.")
        kept.delete()
        why = f"second step of signing in removed ({', '.join(removed)}), to help"
        record(row, by, why, is_active=True)
        emails.second_factor_reset(row)
    return removed


def second_factors(member: Member) -> list[dict[str, Any]]:
    """What is kept for the second step of `member`, without any secret, as plain values."""
    return [
        {
            "kind": WORDS[kept.type],
            "added_at": kept.created_at.isoformat(),
            "last_used_at": kept.last_used_at.isoformat() if kept.last_used_at else None,
        }
        for kept in Authenticator.objects.filter(user=member).order_by("pk")
    ]
