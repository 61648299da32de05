"""Sign-in services of hospitals, and how the environment names them. Read by the settings."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_domain_name

from members.naming import is_public_mailbox

T = TypeVar("T")


@dataclass(frozen=True)
class Provider:
    """One OpenID Connect provider."""

    key: str  # in addresses and settings: "rush"
    name: str  # as people know it: "Rush Example Hospital"
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...]  # whose addresses it may vouch for, with what lies below them
    email_trusted: bool = False  # where `email_verified` is not sent at all (Entra ID)
    further_origins: tuple[str, ...] = ()

    @property
    def origins(self) -> set[str]:
        """Where people are sent to sign in, as a content security policy names it."""
        return {_origin(urlsplit(self.issuer)), *self.further_origins}


# From the environment ------------------------------------------------------------------------

PARTS = {  # of a service, and what to set each to
    "NAME": "the name that people know the hospital by, at most 40 characters: Rush Hospital",
    "ISSUER": "the issuer of its OpenID Connect service, as its administrators name it, of one "
    "organization alone: https://login.example.org",
    "CLIENT_ID": "the client id that the hospital has given to the portal",
    "CLIENT_SECRET": "the client secret that the hospital has given to the portal",
    "DOMAINS": "the mail domains of the hospital, separated by commas, and of nobody else: "
    "hospital.org",
    "EMAIL_TRUSTED": "1 only for a service that does not tell whether addresses are verified, "
    "like Entra ID, and whose administrators alone set them; or to 0",
    "ORIGINS": "further addresses over which its sign-in leads browsers, without a path, separated "
    "by commas: https://sts.example.org",
}


class Read(Protocol):
    """How a setting is read: parsed, or refused in words. A parser raises ValueError or KeyError
    for what cannot be used."""

    def __call__(
        self, name: str, parse: Callable[[str], T], say: str, default: T | None = None
    ) -> T: ...


def sso_providers(read: Read, *, insecure: bool) -> dict[str, Provider]:
    """The sign-in services that SSO_PROVIDERS names, each from its SSO_<NAME>_… settings.

    Raises ImproperlyConfigured when one is wrong or half given, and for a setting of a service
    that is not named. `insecure` takes http:// too, for development.
    """
    keys: tuple[str, ...] = read(
        "SSO_PROVIDERS",
        _keys,
        "Set it to short names for the hospitals whose sign-in is used, in small letters and "
        "digits, separated by commas: rush,loop",
        (),
    )
    known = {f"SSO_{key.upper()}_{part}" for key in keys for part in PARTS}
    for name in sorted(os.environ):
        if name.startswith("SSO_") and name not in known | {"SSO_PROVIDERS"}:
            raise ImproperlyConfigured(
                f"{name} is set, and is no setting of a sign-in service that SSO_PROVIDERS names. "
                "Correct one of the two, or unset it."
            )
    return {key: _provider(key, read, {"http", "https"} if insecure else {"https"}) for key in keys}


def _provider(key: str, read: Read, schemes: set[str]) -> Provider:
    def part(name: str, parse: Callable[[str], T], default: T | None = None) -> T:
        return read(f"SSO_{key.upper()}_{name}", parse, f"Set it to {PARTS[name]}.", default)

    return Provider(
        key=key,
        name=part("NAME", _short_name),
        issuer=part("ISSUER", lambda raw: _issuer(raw, schemes)),
        client_id=part("CLIENT_ID", str),
        client_secret=part("CLIENT_SECRET", str),
        domains=part("DOMAINS", _mail_domains),
        email_trusted=part("EMAIL_TRUSTED", {"1": True, "0": False}.__getitem__, False),
        further_origins=part("ORIGINS", lambda raw: _origins(raw, schemes), ()),
    )


def _listed(raw: str) -> tuple[str, ...]:
    """What stands between commas, at least one."""
    found = tuple(each.strip() for each in raw.split(",") if each.strip())
    if not found:
        raise ValueError
    return found


def _keys(raw: str) -> tuple[str, ...]:
    keys = _listed(raw)
    if len(set(keys)) < len(keys) or not all(re.fullmatch(r"[a-z][a-z0-9]{0,19}", k) for k in keys):
        raise ValueError
    return keys


def _short_name(raw: str) -> str:
    if len(raw) > 40 or not raw.isprintable():
        raise ValueError
    return raw


def _address(raw: str, schemes: set[str]) -> SplitResult:
    """The parts of an address without a user, a query or a fragment."""
    parts = urlsplit(raw)
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.port == 0:
        raise ValueError
    if parts.query or parts.fragment:
        raise ValueError
    return parts


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _issuer(raw: str, schemes: set[str]) -> str:
    """The ones of Microsoft that stand for every organization are refused: anybody can have an
    organization there, with any address in it."""
    path = _address(raw, schemes).path
    everybody = {"common", "organizations", "consumers"} & set(path.split("/"))
    if everybody or "/.well-known" in path:
        raise ValueError
    return raw


def _origins(raw: str, schemes: set[str]) -> tuple[str, ...]:
    found = [_address(each, schemes) for each in _listed(raw)]
    if any(parts.path not in {"", "/"} for parts in found):
        raise ValueError
    return tuple(_origin(parts) for parts in found)


def _mail_domains(raw: str) -> tuple[str, ...]:
    domains = tuple(domain.lower() for domain in _listed(raw))
    for domain in domains:
        try:
            validate_domain_name(domain)
        except ValidationError:
            raise ValueError from None
        if "." not in domain or is_public_mailbox(domain) or not domain.isascii():
            raise ValueError
    return domains
