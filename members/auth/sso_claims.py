"""The rules by which an address from a hospital's sign-in service counts as verified."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from members.auth.sso_providers import Provider
from members.email_domains import domain_suffixes, email_domain
from members.forms import WorkEmailField


class UntrustedClaimError(Exception):
    """The claims hold no address that the service may verify; the text is for the log."""


def verified_email(provider: Provider, claims: Mapping[str, Any]) -> str:
    """Return the address in `claims` that `provider` has verified, as it is stored and compared.

    Raises UntrustedClaimError without an address, for one that is not verified, and for one of a
    domain that is not the provider's: no account opens by what others say.
    """
    address = claims.get("email")
    if not isinstance(address, str) or not address:
        raise UntrustedClaimError("no address")
    is_trusted = provider.email_trusted and "email_verified" not in claims
    is_trusted = is_trusted and not _is_doubtful(claims)
    if claims.get("email_verified") is not True and not is_trusted:
        raise UntrustedClaimError("address not verified")
    try:
        email = str(WorkEmailField().clean(address))
    except ValidationError:
        raise UntrustedClaimError("not an address") from None
    if set(domain_suffixes(email_domain(email))).isdisjoint(provider.domains):
        raise UntrustedClaimError("domain not the provider's")
    return email


def _is_doubtful(claims: Mapping[str, Any]) -> bool:
    """Return whether Entra ID, where it is set up to say so, reports a guest of the hospital, or
    an address whose domain the hospital has not shown to be its own."""
    is_guest = claims.get("acct", 0) not in {0, "0"}
    return is_guest or claims.get("xms_edov", True) not in {True, "1", "true"}
