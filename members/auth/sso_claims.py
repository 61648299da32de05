"""Which of the addresses that a hospital's sign-in service tells us we believe."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from members.auth.sso_providers import Provider
from members.email_domains import domain_suffixes, email_domain
from members.forms import WorkEmailField


class UntrustedClaimError(Exception):
    """A service told us no address that it may vouch for; the text is for the log."""


def verified_email(provider: Provider, claims: Mapping[str, Any]) -> str:
    """The address that `provider` vouches for in `claims`, as it is stored and compared.

    Raises NotBelievedError without an address, for one that is not verified, and for one of a
    domain that is not the provider's: nobody's account opens by what others say.
    """
    told = claims.get("email")
    if not isinstance(told, str) or not told:
        raise UntrustedClaimError("no address")
    trusted = "email_verified" not in claims and provider.email_trusted and not _doubtful(claims)
    if claims.get("email_verified") is not True and not trusted:
        raise UntrustedClaimError("address not verified")
    try:
        email = str(WorkEmailField().clean(told))
    except ValidationError:
        raise UntrustedClaimError("not an address") from None
    if set(domain_suffixes(email_domain(email))).isdisjoint(provider.domains):
        raise UntrustedClaimError("domain not the provider's")
    return email


def _doubtful(claims: Mapping[str, Any]) -> bool:
    """Whether Entra ID, where it is set up to say so, tells of a guest of the hospital, or of an
    address whose domain the hospital has not shown to be its own."""
    is_guest = claims.get("acct", 0) not in {0, "0"}
    return is_guest or claims.get("xms_edov", True) not in {True, "1", "true"}
