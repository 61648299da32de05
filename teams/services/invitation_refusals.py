"""People who asked not to be invited again. Only a keyed hash of their address is stored, and the
link in the email holds no more: it works also when the invitation has long been erased."""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from members.email_addresses import mailbox_of, normalize_address
from teams.models import InvitationRefusal

# No secret: it tells hashes and signatures apart.
REFUSAL_SALT = "teams.services.invitation_refusals"


def address_hashes(email: str) -> list[str]:
    """Return the hashes that the mailbox of `email` may be stored under: that of the present key,
    then those of SECRET_KEY_FALLBACKS."""
    address = mailbox_of(normalize_address(email))
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [
        salted_hmac(REFUSAL_SALT, address, secret=key, algorithm="sha256").hexdigest()
        for key in keys
    ]


def is_refused(email: str) -> bool:
    """Return whether the person at `email` asked not to be invited again."""
    return InvitationRefusal.objects.filter(address_hash__in=address_hashes(email)).exists()


def refusal_url(email: str) -> str:
    """Return the whole address of the page on which the person at `email` refuses invitations."""
    token = signing.Signer(salt=REFUSAL_SALT).sign(address_hashes(email)[0])
    return settings.SITE_URL + reverse("invitation_refuse", args=[token])


def hash_in(token: str) -> str | None:
    """Return the hash that the link with this `token` is for; None where it is forged."""
    try:
        return signing.Signer(salt=REFUSAL_SALT).unsign(token)
    except signing.BadSignature:
        return None


def has_refused(address_hash: str) -> bool:
    """Return whether invitations to the address with this hash are refused."""
    return InvitationRefusal.objects.filter(address_hash=address_hash).exists()


def refuse_invitations(address_hash: str) -> None:
    """Never invite the address with this hash again; also what waits to be sent is not."""
    InvitationRefusal.objects.get_or_create(
        address_hash=address_hash, defaults={"refused_at": timezone.now()}
    )


def allow_invitations(address_hash: str) -> None:
    """Take back `refuse_invitations`."""
    InvitationRefusal.objects.filter(address_hash=address_hash).delete()
