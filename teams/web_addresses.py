"""Addresses of web pages that people type: the form in which they are stored, which are refused,
and when two are one page.

Nothing here asks the network. Where a name leads, only the check of links finds out.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from django.core.exceptions import ValidationError
from django.utils.encoding import iri_to_uri

from members.email_domains import ascii_domain, has_known_ending, is_domain_name
from members.normalize import clean_text

MAX_WEB_ADDRESS_LENGTH = 500
NOT_A_WEB_ADDRESS = "Enter the address of a web page, like https://library.example.org/guide"
# Also as typed in a hurry: "https:/library.example.org", "HTTP//library.example.org".
_WEB_SCHEME = re.compile(r"(?P<scheme>https?)(?::/*|/+)|/+", re.IGNORECASE)
# What follows a colon in "library.example.org:8080" is a port.
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+-]*:(?!\d)", re.IGNORECASE)
_AROUND = " <>\"'“”‘’,;"
_PORTS = {"http": 80, "https": 443}
# They say from where a reader came, not what is read.
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id", re.IGNORECASE)
# Names that lead back to a machine, or are looked up inside a network only (RFC 6761, RFC 8375).
_INTERNAL_ENDINGS = (".arpa", ".localhost", ".local", ".internal", ".onion")


def normalize_web_address(text: str) -> str:
    """Return the address of a web page in `text` as it is stored: with its scheme, https where
    none was typed, its host in lower case and ASCII, the rest as browsers send it.

    Raises ValidationError, saying what to enter, for what is not one page on the public web: other
    schemes, names and passwords, numbers instead of a name, names inside a network.
    """
    typed = clean_text(text).strip(_AROUND).rstrip(".")
    if " " in typed or "\\" in typed:
        raise ValidationError("Enter one address, without spaces or other words", code="several")
    begin = _WEB_SCHEME.match(typed)
    if begin is None and _OTHER_SCHEME.match(typed):
        raise ValidationError(NOT_A_WEB_ADDRESS, code="scheme")
    scheme = ((begin and begin["scheme"]) or "https").lower()
    rest = typed[begin.end() :] if begin else typed
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = ascii_domain(parts.hostname or ""), parts.port
    except ValueError as error:
        raise ValidationError(NOT_A_WEB_ADDRESS, code="invalid") from error
    _check_host(parts, host)
    place = host if port in {None, _PORTS[scheme]} else f"{host}:{port}"
    address = parts._replace(netloc=place).geturl()
    if len(address := iri_to_uri(address)) > MAX_WEB_ADDRESS_LENGTH:
        raise ValidationError(
            f"Enter an address with at most {MAX_WEB_ADDRESS_LENGTH} characters", code="max_length"
        )
    return address


def _check_host(parts: SplitResult, host: str) -> None:
    """Raise ValidationError unless the page is at a name on the public web, open to everyone."""
    if "@" in parts.netloc:
        raise ValidationError(
            "Enter the address of a web page, without a name or password before an @", code="at"
        )
    if "[" in parts.netloc or host.rpartition(".")[2].isdigit():
        raise ValidationError(
            "Enter the name of the site, like library.example.org, instead of numbers",
            code="ip_address",
        )
    if not is_domain_name(host):
        raise ValidationError(NOT_A_WEB_ADDRESS, code="invalid")
    if host.endswith(_INTERNAL_ENDINGS) or not has_known_ending(host):
        raise ValidationError(
            f"Check the name of the site: {host} is not a name on the public web",
            code="unknown_name",
        )


def web_host(address: str) -> str:
    """Return the name of the site of a stored address, for people: "library.example.org" of
    "https://www.library.example.org/guide"; empty where there is none."""
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def same_page_key(address: str) -> str:
    """Return what two addresses of one page have in common: scheme, "www.", a slash at the end,
    what only says where a reader came from, and a place within the page do not count."""
    try:
        parts = urlsplit(address)
        port = "" if parts.port in {None, *_PORTS.values()} else f":{parts.port}"
    except ValueError:
        return address
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name)
    ]
    # Some sites name their pages behind a "#!" or "#/".
    page = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    return f"{web_host(address)}{port}{parts.path.rstrip('/')}?{urlencode(query)}{page}"
