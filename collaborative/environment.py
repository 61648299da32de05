"""Reading settings from the environment, and refusing what cannot be used in words.

A parser takes the raw text and returns the value, or raises ValueError or KeyError.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

T = TypeVar("T")
BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read(name: str, parse: Callable[[str], T], say: str, default: T | None = None) -> T:
    """The environment variable `name`, parsed; `default` where it is unset or empty.

    Raises ImproperlyConfigured with `say` (how to set it) when it is wrong, or when it is
    missing and has no default.
    """
    raw = os.environ.get(name, "").strip()
    if not raw:
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set. {say}")
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError, TypeError, ImproperlyConfigured):
        raise ImproperlyConfigured(f"{name} is set to a value that cannot be used. {say}") from None


def one_of(choices: dict[str, T]) -> Callable[[str], T]:
    """A parser that takes one of these words, in any case."""
    return lambda raw: choices[raw.lower()]


def positive(raw: str) -> int:
    """A whole number, 0 or more."""
    number = int(raw)
    if number < 0:
        raise ValueError
    return number


def name_list(raw: str) -> list[str]:
    """Names between commas, at least one."""
    names = [name.strip() for name in raw.split(",") if name.strip()]
    if not names:
        raise ValueError
    return names


def secret(raw: str) -> str:
    """Something long enough to be secret."""
    if len(raw) < 50 or len(set(raw)) < 5:
        raise ValueError
    return raw


def address(raw: str) -> str:
    """A mail address."""
    local, at, domain = raw.rpartition("@")
    if not (local and at and domain):
        raise ValueError
    return raw


def mail_server(raw: str) -> dict[str, Any]:
    """Django's mail settings from `smtp+tls://user:password@host:port`."""
    found: dict[str, Any] = {**Env.email_url_config(raw)}
    if urlsplit(raw).scheme.startswith("smtp") and not found.get("EMAIL_HOST"):
        raise ValueError
    return found
