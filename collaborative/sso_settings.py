"""How the environment names the sign-in services of hospitals: whole, or the start stops."""

import os
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from collaborative.env import BOOLEANS, name_list, one_of, read, site_address
from members.auth.sso_providers import Provider
from members.email_domains import domain_problem

T = TypeVar("T")
PARTS = {  # of a service, and what to set each to
    "NAME": "the name that people know the hospital by, at most 40 characters: Rush Hospital",
    "ISSUER": "the issuer of its OpenID Connect service, as its administrators name it, of one "
    "organization alone: https://login.example.org",
    "CLIENT_ID": "the client id that the hospital has given to the portal",
    "CLIENT_SECRET": "the client secret that the hospital has given to the portal",
    "DOMAINS": "the email domains of the hospital, separated by commas, and of nobody else: "
    "hospital.org",
    "EMAIL_TRUSTED": "1 only for a service that does not tell whether addresses are verified, "
    "like Entra ID, and whose administrators alone set them; or to 0",
    "ORIGINS": "further addresses over which its sign-in leads browsers, without a path, separated "
    "by commas: https://sts.example.org",
}


def sso_providers(*, insecure: bool) -> dict[str, Provider]:
    """The sign-in services that SSO_PROVIDERS names, each from its SSO_<NAME>_… settings.

    Raises ImproperlyConfigured when one is wrong or half given, and for a setting of a service
    that is not named. `insecure` takes http:// too, for development.
    """
    keys: list[str] = read(
        "SSO_PROVIDERS",
        _keys,
        "Set it to short names for the hospitals whose sign-in is used, in small letters and "
        "digits, separated by commas: rush,loop",
        [],
    )
    known = {f"SSO_{key.upper()}_{part}" for key in keys for part in PARTS}
    for name in sorted(os.environ):
        if name.startswith("SSO_") and name not in known | {"SSO_PROVIDERS"}:
            raise ImproperlyConfigured(
                f"{name} is set, and is no setting of a sign-in service that SSO_PROVIDERS names. "
                "Correct one of the two, or unset it."
            )
    return {key: _provider(key, {"http", "https"} if insecure else {"https"}) for key in keys}


def _provider(key: str, schemes: set[str]) -> Provider:
    def part(name: str, parse: Callable[[str], T], default: T | None = None) -> T:
        return read(f"SSO_{key.upper()}_{name}", parse, f"Set it to {PARTS[name]}.", default)

    return Provider(
        key=key,
        name=part("NAME", _short_name),
        issuer=part("ISSUER", lambda raw: _issuer(raw, schemes)),
        client_id=part("CLIENT_ID", str),
        client_secret=part("CLIENT_SECRET", str),
        domains=part("DOMAINS", _mail_domains),
        email_trusted=part("EMAIL_TRUSTED", one_of(BOOLEANS), False),
        further_origins=part("ORIGINS", lambda raw: _origins(raw, schemes), ()),
    )


def _keys(raw: str) -> list[str]:
    keys = name_list(raw)
    if len(set(keys)) < len(keys) or not all(re.fullmatch(r"[a-z][a-z0-9]{0,19}", k) for k in keys):
        raise ValueError
    return keys


def _short_name(raw: str) -> str:
    if len(raw) > 40 or not raw.isprintable():
        raise ValueError
    return raw


def _issuer(raw: str, schemes: set[str]) -> str:
    """The ones of Microsoft that stand for every organization are refused: anybody can have an
    organization there, with any address in it."""
    path = urlsplit(raw).path
    site_address(schemes)(raw.removesuffix(path))
    everybody = {"common", "organizations", "consumers"} & set(path.split("/"))
    if everybody or "/.well-known" in path:
        raise ValueError
    return raw


def _origins(raw: str, schemes: set[str]) -> tuple[str, ...]:
    return tuple(map(site_address(schemes), name_list(raw)))


def _mail_domains(raw: str) -> tuple[str, ...]:
    domains = tuple(domain.lower() for domain in name_list(raw))
    for domain in domains:
        if domain_problem(domain):
            raise ValueError
    return domains
