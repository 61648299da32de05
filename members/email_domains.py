"""Email domains: their one normal form, how they are shown, and those that cannot be one
employer's."""

import re
import unicodedata
from contextlib import suppress
from functools import cache
from pathlib import Path

from disposable_email_domains import blocklist as throwaway_domains
from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name
from publicsuffixlist import PublicSuffixList

from members.normalize import clean_text, lower_ascii
from members.wording import number_in_words

NOT_A_DOMAIN = "Enter an email domain, like hospital.org."
DATA = Path(__file__).with_name("data")
EXAMPLE_ENDINGS = {"example", "test"}
# Of names within one network, to which nobody outside can write (RFC 6761, 6762, 8375; ICANN).
PRIVATE_ENDINGS = frozenset(
    {"arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain"}
)
# Of DNS, in ASCII.
MAX_DOMAIN_LENGTH = 253
# Of a web address with a path; looking for the domain in much longer text takes seconds.
MAX_WEB_ADDRESS_LENGTH = 2000
# What stands around a domain that was copied from a list or a sentence.
_AROUND = " ,;<>'\"“”‘’"
# What stands around the host in a web address, where a domain was asked for.
_SCHEME = re.compile(r"\A(?:[a-z]+:/+|https?(?::|//)|/+)", re.IGNORECASE)
_PATH = re.compile(r"[/?#].*\Z")
# Without a scheme, what follows a slash may be another domain.
_PATH_OF_PAGE = re.compile(r"[/?#][^.]*(?:\.(?:html?|php|aspx?|jsp)\b.*)?\Z")
_PORT = re.compile(r":\d*\Z")
_WWW = re.compile(r"\A(?:www\d*\.)+(?=[^.]+\.)")
_BETWEEN_DOMAINS = re.compile(r"[\s,;|/]+")
# Of a country, with or without the part for companies: de, co.uk, com.mx.
_COUNTRY_SUFFIX = re.compile(r"(?:com?\.)?[a-z]{2}")


def normalize_domain(text: str) -> str:
    """Return the email domain in `text` in the one form in which it is stored and compared.

    Quotes, scheme, path, port, "www." and a leading @ are taken off, as of a web address that was
    copied ("https://www.Hospital.org/jobs" gives "hospital.org"); the rest is `ascii_domain`. What
    is no domain stays, for `domain_problem` to say what to enter.
    """
    if len(text) > MAX_WEB_ADDRESS_LENGTH:
        return lower_ascii(text)
    domain, scheme_count = _SCHEME.subn("", clean_text(text).strip(_AROUND).replace("\\", "/"))
    domain = (_PATH if scheme_count else _PATH_OF_PAGE).sub("", domain)
    domain = _PORT.sub("", domain).removeprefix("@").removeprefix(".")
    return _WWW.sub("", ascii_domain(domain))


def ascii_domain(domain: str) -> str:
    """Return `domain` as DNS has it: in lower case, letters beyond ASCII by IDNA 2008 (RFC 5891),
    without the trailing dot.

    "ZÜRICH.example." gives "xn--zrich-kva.example". A domain that IDNA does not allow stays as it
    is, and so does one with a letter that only looks like an ASCII one (long s, Kelvin sign,
    full-width letters): it never becomes another domain.
    """
    domain = lower_ascii(domain).removesuffix(".")
    if domain.isascii() or len(domain) > MAX_DOMAIN_LENGTH:
        return domain
    import idna  # noqa: PLC0415  # 18 ms, for the few domains that need it

    beyond_ascii = "".join(c for c in domain if not c.isascii())
    if any(c.isascii() for c in unicodedata.normalize("NFC", beyond_ascii).lower()):
        return domain
    with suppress(UnicodeError):
        # Strict: only "." separates labels, not the full stops of other scripts.
        composed = unicodedata.normalize("NFC", domain).lower()
        return idna.encode(composed, strict=True).decode("ascii")
    return domain


def readable_domain(domain: str) -> str:
    """Return `domain`, as stored, for people to read; its letters beyond ASCII are decoded.

    The ASCII form stays beside them ("zürich.example (xn--zrich-kva.example)"): letters of another
    script can look like those of a known domain (UTS 39), and nobody may mistake the two.
    """
    decoded = decoded_domain(domain)
    return domain if decoded == domain else f"{decoded} ({domain})"


def decoded_domain(domain: str) -> str:
    """Return `domain`, in ASCII, with its letters beyond ASCII; as it is if IDNA forbids them."""
    if "xn--" not in domain:
        return domain
    import idna  # noqa: PLC0415  # 18 ms, for the few domains that need it

    with suppress(UnicodeError):
        return idna.decode(domain)
    return domain


def email_domain(email: str) -> str:
    """Return the domain of an address ("Ana@Rush.example" gives "rush.example")."""
    return ascii_domain(email.rpartition("@")[2])


def domain_suffixes(domain: str) -> list[str]:
    """Return `domain` and its parents with at least two labels, longest first."""
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(len(labels) - 1)]


def domain_problem(domain: str) -> str:
    """Return why `domain`, normalized, cannot be one organization's, and what to enter; empty if
    it can be."""
    if problem := _form_problem(domain):
        return problem
    if is_provider(domain):
        return "This is a public mailbox provider. Enter the organization's own domain."
    if is_throwaway(domain):
        return "This domain gives out throwaway addresses. Enter the organization's own domain."
    if domain.rpartition(".")[2] in PRIVATE_ENDINGS:
        return "This name works only inside one network. Enter the domain of the addresses there."
    if is_public_suffix(domain):
        return "Many organizations share this domain. Enter the organization's own, below it."
    return ""


def _form_problem(domain: str) -> str:
    """Return what is wrong with the form of `domain`, with the domain that is surely meant; empty
    if it is one domain name."""
    if is_domain_name(domain):
        return ""
    names = [part for part in _BETWEEN_DOMAINS.split(domain) if is_domain_name(part)]
    if len(names) > 1:
        return f"Enter one domain. There are {number_in_words(len(names))}."
    meant = normalize_domain(domain.rpartition("@")[2].removeprefix("*."))
    if is_domain_name(meant):
        if "@" in domain:
            return f"Enter only the part after the @: {meant}."
        return f"Enter {meant}. Addresses below it count as well."
    if meant.isascii():
        return NOT_A_DOMAIN
    return "It has letters that no domain can have. Enter what follows the @ in addresses there."


def is_domain_name(domain: str) -> bool:
    """Return whether `domain`, in ASCII, is a name of two labels or more, as DNS has them."""
    try:
        validate_domain_name(domain)
    except ValidationError:
        return False
    return domain.isascii() and "." in domain and not domain.endswith(".")


def is_mailbox_provider(domain: str) -> bool:
    """Return whether anyone can get an address at `domain`: it is, or lies below, a mailbox
    provider's, an internet provider's, a relay's, or one that gives out throwaway addresses."""
    return is_provider(domain) or is_throwaway(domain)


def is_provider(domain: str) -> bool:
    """Return whether `domain` is, or lies below, a mailbox provider's, an internet provider's or a
    relay's."""
    providers = _read_domains("mailbox_providers.txt")
    for suffix in domain_suffixes(domain):
        brand, _, rest = suffix.partition(".")
        has_variant_here = f"{brand}.*" in providers and _COUNTRY_SUFFIX.fullmatch(rest)
        if suffix in providers or has_variant_here:
            return True
    return False


def is_throwaway(domain: str) -> bool:
    """Return whether `domain` is, or lies below, one that gives out throwaway addresses."""
    return not throwaway_domains.isdisjoint(domain_suffixes(domain))


def is_public_suffix(domain: str) -> bool:
    """Return whether domains directly below `domain` are given to anyone, as with "il.us", or
    whether its addresses are those of many organizations, as with "nhs.net"."""
    return domain in _read_domains("shared_domains.txt") or _public_suffixes().is_public(domain)


def has_known_ending(domain: str) -> bool:
    """Return whether `domain` ends as domains do today; those for examples and tests (RFC 2606)
    count."""
    if domain.rpartition(".")[2] in EXAMPLE_ENDINGS:
        return True
    return _public_suffixes().publicsuffix(domain, accept_unknown=False) is not None


@cache
def _read_domains(filename: str) -> frozenset[str]:
    """Return the lines of a data file that say something; its head says how it was made."""
    lines = (DATA / filename).read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _public_suffixes() -> PublicSuffixList:
    """Return the list as it is installed with the library, without fetching a newer one."""
    return PublicSuffixList()
