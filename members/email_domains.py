"""Email domains: that of an address, those above it, and those that cannot be one employer's."""

from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name
from publicsuffixlist import PublicSuffixList

from members.normalize import lower_ascii

NOT_A_DOMAIN = "Enter an email domain, like hospital.org."
MAILBOX_PROVIDERS_FILE = Path(__file__).with_name("data") / "mailbox_providers.txt"
# Every customer of Microsoft 365 gets a domain below one of these. The Public Suffix List, to
# which the owner of a domain applies, does not have them.
MICROSOFT_SUFFIXES = {"onmicrosoft.com", "mail.onmicrosoft.com", "onmicrosoft.us"}


def email_domain(email: str) -> str:
    """Return the domain of an address in lower case ("Ana@Rush.example" gives "rush.example")."""
    return lower_ascii(email.rpartition("@")[2]).rstrip(".")


def domain_suffixes(domain: str) -> list[str]:
    """Return `domain` and its parents with at least two labels, longest first."""
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(len(labels) - 1)]


def domain_problem(domain: str) -> str:
    """Return why `domain`, in lower case, cannot be one organization's; empty if it can be."""
    if not domain.isascii():
        return "Write the domain as email addresses have it, without accents: it begins with xn--."
    if not is_domain_name(domain):
        return NOT_A_DOMAIN
    if is_mailbox_provider(domain):
        return "This is a public mailbox provider. Enter the organization's own domain."
    if is_public_suffix(domain):
        return "Many organizations share this domain. Enter the organization's own, below it."
    return ""


def is_domain_name(domain: str) -> bool:
    """Return whether `domain`, in ASCII, is a name of two labels or more, as DNS has them."""
    try:
        validate_domain_name(domain)
    except ValidationError:
        return False
    return "." in domain.rstrip(".") and not domain.endswith(".")


def is_mailbox_provider(domain: str) -> bool:
    """Return whether `domain` is, or lies below, a public mailbox provider's."""
    return not mailbox_providers().isdisjoint(domain_suffixes(domain))


def is_public_suffix(domain: str) -> bool:
    """Return whether anyone can get a domain directly below `domain`, as with "il.us"."""
    return domain in MICROSOFT_SUFFIXES or _public_suffixes().is_public(domain)


@cache
def mailbox_providers() -> frozenset[str]:
    """Return the domains of public mailbox providers; the file says how the list was made."""
    lines = MAILBOX_PROVIDERS_FILE.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _public_suffixes() -> PublicSuffixList:
    """Return the list as it is installed with the library, without fetching a newer one."""
    return PublicSuffixList()
