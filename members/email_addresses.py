"""Email addresses: the form in which they are stored and compared, and which are accepted.

One rule for everything that takes an address: joining, signing in, single sign-on, questions, the
desk and its imports.
"""

import re

from django.core.exceptions import ValidationError

from members.email_domains import ascii_domain, is_domain_name
from members.normalize import clean_text, lower_ascii
from members.wording import number_in_words

# RFC 5321, 4.5.3.1: of a path without its angle brackets, and of the part before the @.
MAX_ADDRESS_LENGTH = 254
MAX_LOCAL_PART_LENGTH = 64
# Mail servers have read these as a route to another server, a file or a command, so Exim refuses
# them as delivered ("Restricted characters in address").
ROUTING_SIGNS = "!%/|`"
# What RFC 5322 allows without quotes, but for the routing signs. Postfix refuses a "-" in front
# (allow_min_user): programs would take the address for an option.
_LOCAL_PART = re.compile(r"(?!-)[-a-zA-Z0-9_#$&'*+=?^{}~]+(\.[-a-zA-Z0-9_#$&'*+=?^{}~]+)*")
_SINGLE_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


# As mail programs copy an address: Ana Example <ana@hospital.org>, or with [mailto:…].
_NAME_AND_ADDRESS = re.compile(
    r"(?P<name>[^<>[\]]*)[<[]\s*(?P<address>[^<>[\]\s]+@[^<>[\]\s]+)\s*[>\]]"
)
_LINK = re.compile(r"mailto:\s*([^?]*)(?:\?.*)?", re.IGNORECASE)
_BETWEEN_ADDRESSES = re.compile(r"[\s,;/|<>()[\]\"“”]+")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’"}


def normalize_address(text: str) -> str:
    """Return `text` as addresses are stored and compared: without what nobody sees, in lower case,
    its domain as `ascii_domain` has it.

    What programs put around an address when it is copied is taken off: "mailto:", a name with angle
    brackets, quotes, a comma or semicolon, the trailing dot. Only ASCII letters change their case
    before the @: a long s, a Kelvin sign or a full-width letter stays what it is, for
    `validate_address` to refuse, and never makes the address of another person.
    """
    local, at, domain = lower_ascii(_bare_address(clean_text(text))).rpartition("@")
    return f"{local}@{ascii_domain(domain)}" if at else domain


def _bare_address(text: str) -> str:
    text = _without_quotes(text.strip(" ,;"))
    words = [word for word in _BETWEEN_ADDRESSES.split(lower_ascii(text)) if word]
    if len(words) > 1 and len(set(words)) == 1:
        # The same address, twice.
        return words[0]
    named = _NAME_AND_ADDRESS.fullmatch(text)
    # A name can be an address too; another one is left for `validate_address` to say so.
    if named and not _addresses_in(named["name"]) - _addresses_in(named["address"]):
        text = _without_quotes(named["address"])
    link = _LINK.fullmatch(text)
    return link[1].strip() if link else text


def _without_quotes(text: str) -> str:
    is_quoted = len(text) > 1 and _QUOTES.get(text[0]) == text[-1]
    return text[1:-1].strip() if is_quoted else text


def _addresses_in(text: str) -> set[str]:
    """Return what looks like an address in `text`, each once."""
    parts = (part.removeprefix("mailto:") for part in _BETWEEN_ADDRESSES.split(lower_ascii(text)))
    return {part for part in parts if re.fullmatch(r"[^@]+@[^@]+", part)}


def mailbox_of(address: str) -> str:
    """Return `address`, normalized, without what senders add to it: "ana+news@" is delivered to the
    mailbox of "ana@" (RFC 5233). Only to compare: mail servers do not have to do so."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def validate_address(address: str) -> None:
    """Raise ValidationError, saying how to fix it, unless `address` (normalized) is one plain
    address at a named domain. The length as a whole is limited by the field that holds it."""
    if (number := len(_addresses_in(address))) > 1:
        raise ValidationError(
            f"Enter one address. There are {number_in_words(number)}.", code="several"
        )
    local, at, domain = address.rpartition("@")
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
    if domain.startswith("[") or at and domain.rstrip(".").rpartition(".")[2].isdigit():
        raise ValidationError(
            "Enter a name after the @, like hospital.org, instead of numbers", code="ip_address"
        )
    if local and _SINGLE_LABEL.fullmatch(domain):
        raise ValidationError(
            f"Enter the whole address. After {domain}, an ending such as .org is missing",
            code="no_ending",
        )
    if not _LOCAL_PART.fullmatch(local) or not is_domain_name(domain):
        raise ValidationError("Enter an email address, like name@hospital.org", code="invalid")
    if len(local) > MAX_LOCAL_PART_LENGTH:
        raise ValidationError(
            f"Enter an address with at most {MAX_LOCAL_PART_LENGTH} characters before the @",
            code="local_part_length",
        )
