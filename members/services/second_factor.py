"""The second factor: every change is noted and reported by email, and an administrator can help.

An authenticator app or a passkey, with recovery codes; allauth stores them (`allauth.mfa`).
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

TYPE_NAMES = {
    Authenticator.Type.TOTP.value: "authenticator app",
    Authenticator.Type.WEBAUTHN.value: "passkey",
    Authenticator.Type.RECOVERY_CODES.value: "recovery codes",
}
# In what allauth stores: the key of an app, the seed of the recovery codes.
ENCRYPTED_FIELDS = {"secret", "seed"}


def note_second_factor(member: Member, change: str) -> None:
    """Note in the history that `member` changed the second factor, and tell them by email.

    `change` is a sentence without its full stop: “A passkey was added”. allauth has made the
    change already. Refuses a closed account.
    """
    with transaction.atomic():
        account = lock_open_account(member)
        save_with_history(account, account, f"second step of signing in: {change}", is_active=True)
        emails.second_factor_changed(account, change)


def reset_second_factor(member: Member, *, by: Member | None = None) -> list[str]:
    """Remove the second factor of a member who lost the phone and the recovery codes.

    Returns the names of what was removed. The member gets an email, is signed out everywhere,
    and signs in by the code alone until there is a new one. `by` is None at the server's command
    line. Refuses a closed account, and where there is nothing to remove.
    """
    with transaction.atomic():
        account = lock_open_account(member)
        authenticators = Authenticator.objects.filter(user=account).order_by("pk")
        removed = [TYPE_NAMES[each] for each in authenticators.values_list("type", flat=True)]
        if not removed:
            raise Refused(f"{account} has no second step to remove. Nothing was changed.")
        authenticators.delete()
        end_sessions(account)
        reason = f"second step of signing in removed ({', '.join(removed)}), to help"
        save_with_history(account, by, reason, is_active=True)
        emails.second_factor_reset(account)
    return removed


def reencrypt_second_factors() -> tuple[int, int]:
    """Encrypt what is stored of second factors with today's SECRET_KEY, so that former ones can go.

    Returns how many authenticators were encrypted, and how many no known key decrypts: those are
    left as they are.
    """
    encrypted = unreadable = 0
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            authenticator = Authenticator.objects.select_for_update().filter(pk=pk).first()
            fields = ENCRYPTED_FIELDS & authenticator.data.keys() if authenticator else set()
            if authenticator is None or not fields:
                # Removed meanwhile, or a passkey, whose key is public.
                continue
            data = authenticator.data
            try:
                data |= {field: get_adapter().reencrypt(data[field]) for field in fields}
            except InvalidToken:
                unreadable += 1
                continue
            authenticator.save(update_fields=["data"])
            encrypted += 1
    return encrypted, unreadable


def second_factors(member: Member) -> list[dict[str, Any]]:
    """Return what is stored of the second factor of `member`, without secrets, as plain values."""
    return [
        {
            "kind": TYPE_NAMES[authenticator.type],
            "added_at": authenticator.created_at.isoformat(),
            "last_used_at": authenticator.last_used_at.isoformat()
            if authenticator.last_used_at
            else None,
        }
        for authenticator in Authenticator.objects.filter(user=member).order_by("pk")
    ]
