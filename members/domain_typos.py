"""Email domains that are probably typed wrong, and what was probably meant.

Compared with the domains of recognized organizations, which "Can I join?" tells everybody about,
and of large mailbox providers. Whether someone has an account at a domain is never looked at.
"""

from collections.abc import Iterable, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from members.email_domains import (
    decoded_domain,
    domain_suffixes,
    has_known_ending,
    is_provider,
)
from members.normalize import fold

LARGE_PROVIDERS = frozenset(
    {
        *("ameritech.net", "aol.com", "att.net", "comcast.net", "earthlink.net", "gmail.com"),
        *("hotmail.com", "icloud.com", "msn.com", "outlook.com", "proton.me", "protonmail.com"),
        *("sbcglobal.net", "verizon.net", "wideopenwest.com", "yahoo.com"),
    }
)
# In this order the first one that is near an unknown ending is offered.
COMMON_ENDINGS = ("com", "org", "net", "edu", "gov", "us", "health", "care")
# Typing errors (optimal string alignment: two letters swapped are one) that a name of at least so
# many characters may have; shorter names are too often those of two organizations.
_MAX_ERRORS = ((8, 2), (4, 1))
# In all: of the name, and one of the ending or a dot.
_MAX_DISTANCE = 3
# Of a domain that someone types.
_MAX_LABELS = 6


def probable_domain(domain: str, recognized: Iterable[str]) -> str:
    """Return the domain that was probably meant by `domain`; empty if it may well be right.

    `recognized` are the domains of recognized organizations; `domain`, normalized, is none of
    them, of nobody else, and no mailbox provider's. "mail.lakefornt.example" gives
    "mail.lakefront.example". Accents do not count: people leave them out.
    """
    typed = _without_accents(domain)
    spellings = {_without_accents(each): each for each in recognized}
    labels = domain.split(".")
    probable = [
        (errors, ".".join([*labels[:before], spellings.get(each, each)]))
        for each, is_recognized in _near(typed, list(spellings)).items()
        for before, part in _comparable_parts(typed, each)
        if (errors := _typing_errors(part, each, is_recognized=is_recognized)) is not None
    ]
    return min(probable)[1] if probable else _with_probable_ending(domain)


def may_be_typo(domain: str) -> bool:
    """Return whether `domain` is no mailbox provider's, or looks like a national one ("gmail.co")
    and is rather one that was cut short or hit beside the key."""
    name, _, ending = domain.rpartition(".")
    is_cut_short = ending in {"co", "cm", "om"} and f"{name}.com" in LARGE_PROVIDERS
    return is_cut_short or not is_provider(domain)


def _without_accents(domain: str) -> str:
    return fold(decoded_domain(domain)) if "xn--" in domain else domain


def _near(domain: str, recognized: Sequence[str]) -> dict[str, bool]:
    """Return the known domains that are worth a closer look, of any number in a few milliseconds,
    and whether each is a recognized organization's."""
    parts = domain_suffixes(domain)[-_MAX_LABELS:]
    names = tuple(part.rpartition(".")[0] + "." for part in parts)
    near = dict.fromkeys(LARGE_PROVIDERS, False)
    near |= {each: True for each in recognized if each.startswith(names)}
    for part in parts:
        matches = process.extract(
            part, recognized, scorer=OSA.distance, score_cutoff=_MAX_DISTANCE, limit=None
        )
        near |= {each: True for each, _, _ in matches}
    return near


def _comparable_parts(domain: str, known: str) -> list[tuple[int, str]]:
    """Return what of `domain` is compared with `known`, and how many labels stand before it: its
    last labels, as many as `known` has, and all of it, as a dot may be one too many."""
    labels, count = domain.split("."), known.count(".") + 1
    parts = [(0, domain)] if len(labels) == count + 1 else []
    if len(labels) >= count:
        parts.append((len(labels) - count, ".".join(labels[-count:])))
    return parts


def _typing_errors(domain: str, known: str, *, is_recognized: bool) -> int | None:
    """Return how many errors make `domain` of `known`; None for more than a person makes."""
    name, _, ending = domain.rpartition(".")
    known_name, _, known_ending = known.rpartition(".")
    allowed = next((errors for length, errors in _MAX_ERRORS if len(known_name) >= length), 0)
    errors = OSA.distance(name, known_name, score_cutoff=allowed)
    if errors > allowed:
        return None
    ending_errors = min(OSA.distance(ending, known_ending), 2)
    # "hospital.com" for "hospital.org", "gmail.org": people guess. Other endings of providers are
    # their own or other people's: "hotmail.de", and "comcast.com", a company's.
    is_provider_guess = ending in COMMON_ENDINGS and known_ending == "com"
    is_guess = not errors and (is_recognized or is_provider_guess or not has_known_ending(domain))
    if ending_errors > 1 and not is_guess:
        return None
    return errors + ending_errors


def _with_probable_ending(domain: str) -> str:
    """Return `domain` with the common ending that is near its unknown one; else empty."""
    name, _, ending = domain.rpartition(".")
    if has_known_ending(domain):
        return ""
    near = (each for each in COMMON_ENDINGS if OSA.distance(ending, each) == 1)
    return next((f"{name}.{each}" for each in near), "")
