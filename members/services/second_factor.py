"""The second step of signing in: every change is noted and told, and an administrator can help.

An authenticator app or a passkey, with recovery codes; allauth keeps them (`allauth.mfa`).
"""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.db import transaction

from members import emails
from members.history.saving import Refused, lock_open_account, save_with_history
from members.models import Member
from members.services.sessions import end_sessions

WORDS = {
    Authenticator.Type.TOTP.value: "authenticator app",
    Authenticator.Type.WEBAUTHN.value: "passkey",
    Authenticator.Type.RECOVERY_CODES.value: "recovery codes",
}
LOCKED = {"secret", "seed"}  # in what allauth stores: the key of an app, the root of the codes


def note_second_factor(member: Member, what: str) -> None:
    """Keep in the history that the member changed the own second step, and tell them by email.

    `what` is a sentence without its full stop: “A passkey was added”. allauth has made the
    change already. Refuses a closed account.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        save_with_history(row, row, f"second step of signing in: {what}", is_active=True)
        emails.second_factor_changed(row, what)


def reset_second_factor(member: Member, *, by: Member | None = None) -> list[str]:
    """Take the second step away from someone who lost the phone and the recovery codes.

    Returns what was removed, in words. The person is told by email, is signed out everywhere, and
    signs in by the code alone until there is a new one. Empty `by`: somebody at the server's
    command line. Refuses a closed account, and where there is nothing to remove.
    """
    with transaction.atomic():
        row = lock_open_account(member)
        kept = Authenticator.objects.filter(user=row)
        removed = [WORDS[kind] for kind in kept.order_by("pk").values_list("type", flat=True)]
        if not removed:
            raise Refused(f"{row} has no second step to remove. Nothing was changed.")
        kept.delete()
        end_sessions(row)
        why = f"second step of signing in removed ({', '.join(removed)}), to help"
        save_with_history(row, by, why, is_active=True)
        emails.second_factor_reset(row)
    return removed


def relock_second_factors() -> tuple[int, int]:
    """Lock what is stored for the second step with today's SECRET_KEY, so that former ones can
    go; returns how many rows were locked, and how many no known key opens: those stay as they are.
    """
    done = lost = 0
    for key in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=key).first()
            names = LOCKED & row.data.keys() if row else set()
            if row is None or not names:
                continue  # removed meanwhile, or a passkey, whose key is public
            try:
                row.data |= {name: get_adapter().relock(row.data[name]) for name in names}
            except InvalidToken:
                lost += 1
                continue
            row.save(update_fields=["data"])
            done += 1
    return done, lost


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
