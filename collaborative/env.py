"""Reads settings from the environment, and refuses a value that cannot be used with a hint.

A parser takes the raw text and returns the value, or raises ValueError or KeyError.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http.request import split_domain_port, validate_host
from environ import Env

T = TypeVar("T")
BOOLEANS = {"1": True, "0": False}


def read(name: str, parse: Callable[[str], T], hint: str, default: T | None = None) -> T:
    """Return the environment variable `name`, parsed; `default` where it is unset or empty.

    Raises ImproperlyConfigured with `hint` (how to set it) when it is wrong, or when it is
    missing and has no default.
    """
    raw = os.environ.get(name, "").strip()
    if not raw:
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set. {hint}")
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError, TypeError, ImproperlyConfigured):
        raise ImproperlyConfigured(
            f"{name} is set to a value that cannot be used. {hint}"
        ) from None


def one_of(choices: dict[str, T]) -> Callable[[str], T]:
    """Return a parser that takes one of these words, in any case."""
    return lambda raw: choices[raw.lower()]


def non_negative_int(raw: str) -> int:
    """Return a whole number, 0 or more."""
    number = int(raw)
    if number < 0:
        raise ValueError
    return number


def positive_int(raw: str) -> int:
    """Return a whole number, 1 or more."""
    number = non_negative_int(raw)
    if not number:
        raise ValueError
    return number


def folder(raw: str) -> str:
    """Return the full path of a folder, which may be created later."""
    path = Path(raw)
    if not path.is_absolute() or path.is_file():
        raise ValueError
    return raw


def writable_folder(raw: str) -> str:
    """Return the full path of a folder that exists and can be written to."""
    if not (Path(folder(raw)).is_dir() and os.access(raw, os.W_OK)):
        raise ValueError
    return raw


def postgres_programs(raw: str) -> str:
    """Return the full path of a folder with PostgreSQL's client programs."""
    if not (Path(folder(raw)) / "pg_dump").is_file():
        raise ValueError
    return raw


def age_recipient(raw: str) -> str:
    """Return a public key of age; the secret one is refused."""
    if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", raw):
        raise ValueError
    return raw


def name_list(raw: str) -> list[str]:
    """Return the names between commas, at least one."""
    names = [name.strip() for name in raw.split(",") if name.strip()]
    if not names:
        raise ValueError
    return names


def host_list(raw: str) -> list[str]:
    """Return host names between commas as ALLOWED_HOSTS compares them: without scheme or port."""
    names = [name.lower() for name in name_list(raw)]
    if any(name != "*" and split_domain_port(name) != (name, "") for name in names):
        raise ValueError
    return names


def bind_addresses(raw: str) -> str:
    """Return where a server listens, between commas: `address:port` or `unix:/path`."""
    for address in name_list(raw):
        host, _, port = address.rpartition(":")
        if not (address.startswith("unix:/") or (host and 0 < int(port) < 65536)):
            raise ValueError
    return raw


def secret_key(raw: str) -> str:
    """Return a key that is long enough."""
    if len(raw) < 50 or len(set(raw)) < 5:
        raise ValueError
    return raw


def secret_keys(raw: str) -> list[str]:
    """Return the keys between commas."""
    return [secret_key(key) for key in name_list(raw)]


def token(raw: str) -> str:
    """Return a token that fits into a header: long enough, and without spaces."""
    if len(raw) < 20 or not raw.isascii() or not raw.isprintable() or " " in raw:
        raise ValueError
    return raw


def sentry_dsn(raw: str) -> str:
    """Return the address of a Sentry project: `https://key@host/number`."""
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not (parts.hostname and parts.username):
        raise ValueError
    if not parts.path.rpartition("/")[2].isdigit():
        raise ValueError
    return raw


def email_address(raw: str) -> str:
    """Return an email address."""
    local, at, domain = raw.rpartition("@")
    if not (local and at and domain):
        raise ValueError
    return raw


def plus_mailbox(raw: str) -> str:
    """Return the address of a mailbox, in small letters, whose name is short enough to take a plus
    and a token: 20 characters of the 64 that mail servers allow."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,19}@[a-z0-9-]+(\.[a-z0-9-]+)*", raw.lower()):
        raise ValueError
    return raw.lower()


class ImapFolder(NamedTuple):
    """A folder of a mailbox, and how to open it."""

    host: str
    port: int
    user: str
    password: str
    folder: str


NO_IMAP_FOLDER = ImapFolder("", 0, "", "", "")


def imap_folder(raw: str) -> ImapFolder:
    """Return what `imaps://user:password@host:993/folder` names; without a folder the INBOX."""
    parts = urlsplit(raw)
    if parts.scheme != "imaps" or not (parts.hostname and parts.username and parts.password):
        raise ValueError
    user, password = unquote(parts.username), unquote(parts.password)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    # imaplib would send a line break as a command of its own.
    if not all(text.isprintable() for text in (user, password, folder)) or '"' in folder:
        raise ValueError
    return ImapFolder(parts.hostname, parts.port or 993, user, password, folder)


def mail_server(raw: str) -> dict[str, Any]:
    """Return Django's email settings from `smtp+tls://user:password@host:port`."""
    config: dict[str, Any] = {**Env.email_url_config(raw)}
    if urlsplit(raw).scheme.startswith("smtp") and not config.get("EMAIL_HOST"):
        raise ValueError
    return config


def site_address(schemes: set[str]) -> Callable[[str], str]:
    """Return a parser of the URL of a site, without a path, in one of the `schemes`."""

    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.port == 0:
            raise ValueError
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError
        return f"{parts.scheme}://{parts.netloc}"

    return parse


def require_allowed_host(site_url: str, hosts: list[str]) -> None:
    """Raise ImproperlyConfigured if requests to the portal's own URL would be refused."""
    host, _ = split_domain_port(urlsplit(site_url).netloc)
    if not (host and validate_host(host, hosts)):
        raise ImproperlyConfigured(
            "SITE_URL has a host that ALLOWED_HOSTS does not name, so every page would be "
            "refused. Add its name to ALLOWED_HOSTS, or correct SITE_URL."
        )


# WAL lets readers go on while one writes; IMMEDIATE makes writers wait in line instead of
# failing; FULL keeps an acknowledged commit through a power cut.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-20000; PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=27103364;"
    ),
}
SQLITE_CONNECTION_SECONDS = 600
# From the sixth time on, PostgreSQL does not plan a statement of a connection again: a quarter of
# the time of My teams. A pooler would send it to a connection that does not know it.
PREPARED_STATEMENTS: dict[str, Any] = {"server_side_binding": True, "prepare_threshold": 5}
# A request waits 3 s at most for a connection, else it gets the 503 page; while the server is
# away the pool starts over after 1 s, or it would double its pauses up to five minutes. The
# keepalives notice within a minute that the server's host has vanished, the timeout within 15 s
# when something was just asked.
POSTGRES_OPTIONS = {
    "pool": {"min_size": 1, "max_size": 4, "timeout": 3, "reconnect_timeout": 1},
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    # The server's side of it: else what a vanished web host has locked stays locked for hours.
    "options": "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=30000",
}


def database(raw: str) -> dict[str, Any]:
    """Return Django's database settings from `postgres://…` or `sqlite:///…`, with our options."""
    by_scheme: dict[str, dict[str, Any]] = {
        "sqlite": SQLITE_OPTIONS,
        "postgres": POSTGRES_OPTIONS,
        "postgresql": POSTGRES_OPTIONS,
    }
    # Looked up first: of a scheme that it does not know the library warns with the whole URL.
    options = by_scheme[urlsplit(raw).scheme]
    config: dict[str, Any] = {**Env.db_url_config(raw)}
    if not config.get("NAME"):
        raise ValueError
    # It is set for a pooler like pgbouncer.
    if "pool" in options and not config.get("DISABLE_SERVER_SIDE_CURSORS"):
        options = options | PREPARED_STATEMENTS
    config["OPTIONS"] = {**options, **config.get("OPTIONS", {})}
    # A connection of the pool is tried before each request: it may be from before an outage. A
    # file is opened once: doing it for each request costs a third of My teams.
    config["CONN_HEALTH_CHECKS"] = "pool" in config["OPTIONS"]
    config["CONN_MAX_AGE"] = 0 if "pool" in config["OPTIONS"] else SQLITE_CONNECTION_SECONDS
    return config


# Above MAX_ENTRIES Django drops a third of all, whichever: with its own 300 a stranger could make
# it forget how often a second step was tried.
DATABASE_CACHE: dict[str, Any] = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "django_cache",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}


def cache(raw: str) -> dict[str, Any]:
    """Return Django's cache settings from `rediscache://…` or `dbcache://…`."""
    config: dict[str, Any] = {**Env.cache_url_config(raw)}
    if config["BACKEND"] == DATABASE_CACHE["BACKEND"]:
        return {**DATABASE_CACHE, "LOCATION": config["LOCATION"]}
    return config
