"""The sign-in services of hospitals, read from the environment; a wrong setting stops the start."""

import os
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from collaborative.env import BOOLEANS, name_list, one_of, read, site_address
from members.auth.sso_providers import Provider
from members.email_domains import domain_problem, normalize_domain

T = TypeVar("T")
# The settings of one service, SSO_<KEY>_<name>, and what each is set to.
SERVICE_SETTINGS = {
    "NAME": "the name that people know the hospital by, at most 40 characters: Rush Hospital",
    "ISSUER": "the issuer of its OpenID Connect service, as its administrators name it, of one "
    "organization alone: https://login.example.org",
    "CLIENT_ID": "the client id that the hospital has given to the portal",
    "CLIENT_SECRET": "the client secret that the hospital has given to the portal",
    "DOMAINS": "the email domains of the hospital, separated by commas, and of nobody else: "
    "hospital.org",
    "EMAIL_TRUSTED": "1 only for a service that does not tell whether addresses are verified, "
    "like Entra ID, and where only administrators set them; or to 0",
    "ORIGINS": "further addresses over which its sign-in leads browsers, without a path, separated "
    "by commas: https://sts.example.org",
}


def sso_providers(*, insecure: bool) -> dict[str, Provider]:
    """Return the sign-in services that SSO_PROVIDERS names, by key, from their settings.

    Raises ImproperlyConfigured when one is wrong or incomplete, and for a setting of a service
    that is not named. `insecure` allows http:// too, for development.
    """
    keys: list[str] = read(
        "SSO_PROVIDERS",
        _keys,
        "Set it to short names for the hospitals whose sign-in is used, in small letters and "
        "digits, separated by commas: rush,loop",
        [],
    )
    expected = {f"SSO_{key.upper()}_{name}" for key in keys for name in SERVICE_SETTINGS}
    for name in sorted(os.environ):
        if name.startswith("SSO_") and name not in expected | {"SSO_PROVIDERS"}:
            raise ImproperlyConfigured(
                f"{name} is set, and is no setting of a sign-in service that SSO_PROVIDERS names. "
                "Correct one of the two, or unset it."
            )
    return {key: _provider(key, {"http", "https"} if insecure else {"https"}) for key in keys}


def _provider(key: str, schemes: set[str]) -> Provider:
    def setting(name: str, parse: Callable[[str], T], default: T | None = None) -> T:
        advice = f"Set it to {SERVICE_SETTINGS[name]}."
        return read(f"SSO_{key.upper()}_{name}", parse, advice, default)

    return Provider(
        key=key,
        name=setting("NAME", _short_name),
        issuer=setting("ISSUER", lambda raw: _issuer(raw, schemes)),
        client_id=setting("CLIENT_ID", str),
        client_secret=setting("CLIENT_SECRET", str),
        domains=setting("DOMAINS", _email_domains),
        email_trusted=setting("EMAIL_TRUSTED", one_of(BOOLEANS), False),
        further_origins=setting("ORIGINS", lambda raw: _origins(raw, schemes), ()),
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
    """Return the issuer. Microsoft's for every organization are refused: anyone can open an
    organization there, with any address in it."""
    path = urlsplit(raw).path
    site_address(schemes)(raw.removesuffix(path))
    is_for_everyone = {"common", "organizations", "consumers"} & set(path.split("/"))
    if is_for_everyone or "/.well-known" in path:
        raise ValueError
    return raw


def _origins(raw: str, schemes: set[str]) -> tuple[str, ...]:
    return tuple(map(site_address(schemes), name_list(raw)))


def _email_domains(raw: str) -> tuple[str, ...]:
    domains = tuple(map(normalize_domain, name_list(raw)))
    for domain in domains:
        if domain_problem(domain):
            raise ValueError
    return domains
