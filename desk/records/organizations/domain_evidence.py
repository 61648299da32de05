"""Whether a suggested email domain is the organization's own, in words for the person who decides.

The tick that gives it to the organization is set beforehand only where the evidence is good: the
domain then confirms everyone who verifies an address there, for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from members.email_domains import domain_suffixes, is_public_suffix, readable_domain
from members.models import EmailDomain, Organization
from members.normalize import normalize_organization_name
from members.services import recognized_owners
from members.wording import end_sentence, number_in_words

MIN_PEOPLE = 2
# Of a word of the name, or its initials: shorter ones are in a domain by chance.
MIN_LETTERS = 3
# In the names and domains of many organizations: they tell nothing about one.
COMMON_WORDS = frozenset({
    "academy", "america", "american", "and", "assisted", "assoc", "associates", "association",
    "at", "behavioral", "care", "center", "centers", "central", "chicago", "chicagoland",
    "children", "childrens", "city", "clinic", "clinics", "coalition", "college", "community",
    "corp", "council", "county", "dental", "east", "family", "for", "foundation", "general",
    "get", "go", "group", "health", "healthcare", "healthsystem", "hhs", "home", "hosp",
    "hospital", "hospitals", "hs", "il", "illinois", "in", "inc", "institute", "international",
    "living", "mc", "med", "medical", "medicine", "memorial", "mental", "metro", "midwest",
    "my", "national", "network", "north", "nursing", "of", "park", "partners", "pediatric",
    "physicians", "public", "regional", "rehab", "rehabilitation", "research", "saint",
    "school", "schools", "senior", "services", "south", "state", "system", "systems", "the",
    "training", "univ", "university", "urgent", "us", "usa", "west", "women", "womens",
    "workforce",
})  # fmt: skip


@dataclass(frozen=True)
class DomainEvidence:
    """Whether the tick is set beforehand, and a sentence that says why or why not."""

    is_good: bool
    reason: str


def domain_evidence(organization: Organization) -> DomainEvidence:
    """Return what speaks for the suggested domain of `organization`, loaded by
    `with_domain_evidence` and marked by `mark_probable_domains`."""
    overlapping = organization.overlapping_domain  # type: ignore[attr-defined]
    people: int = organization.people_at_domain  # type: ignore[attr-defined]
    probable: str = organization.probable_domain  # type: ignore[attr-defined]
    if overlapping:
        other, _, owner = overlapping.partition(" of ")
        warning = overlap_warning(organization.suggested_domain, other, owner)
        return DomainEvidence(
            False, f"Not checked: {warning} Check the box only if you know that it is right."
        )
    if probable:
        meant = readable_domain(probable)
        return DomainEvidence(
            False,
            f"Not checked: it looks like {meant} and may be a typo. Check the box only if you know "
            "that it is right.",
        )
    shows_name = is_name_in_domain(organization.name, organization.suggested_domain)
    waiting = f"{number_in_words(people)} of those waiting use it"
    if people >= MIN_PEOPLE:
        also = ", and it shows the name" if shows_name else ""
        return DomainEvidence(True, f"Checked because {waiting}{also}.")
    if shows_name:
        return DomainEvidence(True, "Checked because it shows the name.")
    who = "only one person who is waiting has" if people else "nobody who is waiting has"
    return DomainEvidence(
        False,
        f"Not checked: {who} an address there, and the domain does not show the name. Check the "
        "box if you know that it is the organization's.",
    )


def mark_probable_domains(organizations: Collection[Organization]) -> None:
    """Set `probable_domain` on those of `organizations` that have none yet: what the domain that
    waits to be theirs is probably a typo of, or an empty text. Two queries for any number."""
    new = [each for each in organizations if not hasattr(each, "probable_domain")]
    undecided = {Organization.Status.PROPOSED, Organization.Status.DECLINED}
    domains = {each.offered_domain for each in new if each.status in undecided} - {""}
    probable = EmailDomain.objects.probably_meant_by(domains)
    for organization in new:
        meant = probable.get(organization.suggested_domain, "")
        organization.probable_domain = meant  # type: ignore[attr-defined]


def overlap_warning(domain: str, other: str, owner: object) -> str:
    """Return what it means for `domain` that `other`, of the organization `owner`, lies above or
    below it."""
    shown, shown_other = readable_domain(domain), f"{readable_domain(other)} of {owner}"
    if domain.endswith(f".{other}"):
        return f"{shown} is below {shown_other}. It takes its addresses out of that one."
    return f"{shown_other} is below {shown} and keeps its addresses."


def looks_like_warnings(new_domains: Collection[str]) -> dict[str, tuple[str, Organization | None]]:
    """Return, for those of `new_domains` that are probably typed wrong, a sentence that says so
    and the recognized organization whose domain was meant, if it is one's."""
    probable = EmailDomain.objects.probably_meant_by(new_domains)
    owners = recognized_owners(probable.values())
    warnings: dict[str, tuple[str, Organization | None]] = {}
    for domain, meant in probable.items():
        owner = owners.get(meant)
        whose = f" of {owner}" if owner else ""
        sentence = f"{readable_domain(domain)} looks like {readable_domain(meant)}{whose}"
        warnings[domain] = end_sentence(sentence), owner
    return warnings


def overlapping_domains(
    new_domains: Mapping[str, Organization],
) -> dict[str, tuple[str, Organization]]:
    """Return, for those of `new_domains` (by name, with their organizations) that lie above or
    below a domain of another organization, that domain and its organization."""
    stored = EmailDomain.objects.select_related("organization")
    owners = {**{domain.domain: domain.organization for domain in stored}, **new_domains}
    overlaps: dict[str, tuple[str, Organization]] = {}
    for lower, owner in owners.items():
        for upper in domain_suffixes(lower)[1:]:
            if upper in owners and owners[upper].normalized_name != owner.normalized_name:
                new, other = (lower, upper) if lower in new_domains else (upper, lower)
                if new in new_domains:
                    overlaps.setdefault(new, (other, owners[other]))
    return overlaps


def is_name_in_domain(name: str, domain: str) -> bool:
    """Return whether a distinctive word of `name`, or its initials, is a whole part of `domain`.

    Of "St. Anne Lakeview Hospital" that is "lakeview" in lakeviewmed.org and "salh" in salh.org; it
    is not "rush" in crushmail.com, where what is left over means nothing.
    """
    words = [word for word in normalize_organization_name(name).split() if word != "of"]
    initials = "".join(word[0] for word in words)
    distinctive = {word for word in {*words, initials} - COMMON_WORDS if len(word) >= MIN_LETTERS}
    label = normalize_organization_name(_own_label(domain)).replace(" ", "")
    known = {*words, *COMMON_WORDS}
    return any(
        label.startswith(word, start)
        and _is_made_of(label[:start], known)
        and _is_made_of(label[start + len(word) :], known)
        for word in distinctive
        for start in range(len(label))
    )


def _own_label(domain: str) -> str:
    """Return the part of `domain` that its owner has chosen: "rush" of mail.rush.edu."""
    for suffix in reversed(domain_suffixes(domain)):
        if not is_public_suffix(suffix):
            return readable_domain(suffix).partition(".")[0]
    return ""


def _is_made_of(text: str, words: Collection[str]) -> bool:
    """Return whether `text` is nothing but some of `words` in a row."""
    ends = {0}
    for start in range(len(text)):
        if start in ends:
            ends.update(start + len(word) for word in words if text.startswith(word, start))
    return len(text) in ends
