"""Email addresses: the form in which they are stored and compared, and which are accepted.

One rule for everything that takes an address: joining, signing in, single sign-on, questions, the
desk and its imports.
"""

import re
from contextlib import suppress

from django.core.exceptions import ValidationError

from members.email_domains import is_domain_name
from members.normalize import lower_ascii

# RFC 5321, 4.5.3.1: of a path without its angle brackets, and of the part before the @.
MAX_ADDRESS_LENGTH = 254
MAX_LOCAL_PART_LENGTH = 64
SURROUNDING_SPACES = " \t\r\n\u00a0\u200b\u2060\ufeff"
# Mail servers have read these as a route to another server, a file or a command, so Exim refuses
# them as delivered ("Restricted characters in address").
ROUTING_SIGNS = "!%/|`"
# What RFC 5322 allows without quotes, but for the routing signs. Postfix refuses a "-" in front
# (allow_min_user): programs would take the address for an option.
_LOCAL_PART = re.compile(r"(?!-)[-a-zA-Z0-9_#$&'*+=?^{}~]+(\.[-a-zA-Z0-9_#$&'*+=?^{}~]+)*")


def normalize_address(text: str) -> str:
    """Return `text` as addresses are stored and compared: without surrounding spaces, in lower
    case, its domain in ASCII.

    Only ASCII letters change their case, and only a domain that IDNA (RFC 3490) keeps letter by
    letter is encoded. A long s, a Kelvin sign or a full-width letter stays what it is, for
    `validate_address` to refuse: it never makes the address of another person.
    """
    address = lower_ascii(text.strip(SURROUNDING_SPACES))
    local, at, domain = address.rpartition("@")
    # Encoding a text that is much longer than any domain would take a second.
    if at and not domain.isascii() and len(address) <= MAX_ADDRESS_LENGTH:
        with suppress(UnicodeError):
            encoded = domain.encode("idna")
            if encoded.decode("idna") == domain:
                return f"{local}@{encoded.decode('ascii')}"
    return address


def validate_address(address: str) -> None:
    """Raise ValidationError, saying how to fix it, unless `address` (normalized) is one plain
    address at a named domain. The length as a whole is limited by the field that holds it."""
    local, _, domain = address.rpartition("@")
    if not address.isascii():
        raise ValidationError(
            "Write the address with plain letters (a to z) and signs, without accents",
            code="not_ascii",
        )
    if sign := next((sign for sign in ROUTING_SIGNS if sign in local), ""):
        raise ValidationError(
            f"Enter the address without the sign {sign}, like name@hospital.org",
            code="routing_sign",
        )
    if domain.startswith("[") or domain.rstrip(".").rpartition(".")[2].isdigit():
        raise ValidationError(
            "Enter a name after the @, like hospital.org, instead of numbers", code="ip_address"
        )
    if not _LOCAL_PART.fullmatch(local) or not is_domain_name(domain):
        raise ValidationError("Enter an email address, like name@hospital.org", code="invalid")
    if len(local) > MAX_LOCAL_PART_LENGTH:
        raise ValidationError(
            f"Enter an address with at most {MAX_LOCAL_PART_LENGTH} characters before the @",
            code="local_part_length",
        )
