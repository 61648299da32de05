"""Recognized organizations whose names are like that of one that was proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.http import urlencode
from rapidfuzz import fuzz

from members.models import Organization

# Of rapidfuzz's ratio, in percent.
MIN_SIMILARITY = 80
# Names that are compared with recognized ones at once.
MAX_NAMES_PER_PAGE = 20
# Recognized ones; those with the same first word come first.
MAX_NAMES_COMPARED = 2000
MAX_SIMILAR_OFFERED = 5


@dataclass(frozen=True)
class SimilarOrganization:
    """A recognized organization, with the pages that merge the other one into it and that give
    it the email domain of the other."""

    pk: int
    name: str
    merge_url: str
    # Empty without an email domain to give.
    add_domain_url: str


def similar_organizations(
    organizations: Sequence[Organization], free_domains: set[str]
) -> dict[int, list[SimilarOrganization]]:
    """Return, by the key of each one that is not recognized, the recognized ones like it.

    An email domain is offered only if it is in `free_domains`: no organization has it yet.
    """
    undecided = [organization for organization in organizations if not organization.is_recognized]
    similar = similar_names([organization.normalized_name for organization in undecided])
    return {
        organization.pk: [
            SimilarOrganization(
                pk,
                name,
                _merge_url(organization.pk, pk),
                _add_domain_url(pk, organization.suggested_domain, free_domains),
            )
            for pk, name in similar[organization.normalized_name]
        ]
        for organization in undecided[:MAX_NAMES_PER_PAGE]
    }


def similar_names(normalized_names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Return, by each of the first normalized names, key and name of the recognized organizations
    most like it."""
    names = list(dict.fromkeys(normalized_names))[:MAX_NAMES_PER_PAGE]
    if not names:
        return {}
    recognized = _names_to_compare(set(map(_first_word, names)))
    return {name: _most_similar(name, recognized) for name in names}


def _first_word(normalized_name: str) -> str:
    return normalized_name.partition(" ")[0]


def _names_to_compare(first_words: set[str]) -> list[tuple[int, str, str]]:
    """Return key, name and normalized name of recognized organizations, the likeliest first."""
    same_first_word = Q()
    for word in sorted(first_words):
        same_first_word |= Q(normalized_name=word) | Q(normalized_name__startswith=f"{word} ")
    likeliest_first = Case(When(same_first_word, then=Value(0)), default=Value(1))
    names = Organization.objects.recognized().order_by(likeliest_first, "name")
    return list(names.values_list("pk", "name", "normalized_name")[:MAX_NAMES_COMPARED])


def _most_similar(
    normalized_name: str, recognized: Sequence[tuple[int, str, str]]
) -> list[tuple[int, str]]:
    """Return key and name of those whose name is similar or has the same first word."""
    first_word = _first_word(normalized_name)
    similar = [
        (-similarity, name, pk)
        for pk, name, other in recognized
        if (similarity := fuzz.ratio(normalized_name, other)) >= MIN_SIMILARITY
        or _first_word(other) == first_word
    ]
    return [(pk, name) for _, name, pk in nsmallest(MAX_SIMILAR_OFFERED, similar)]


def _merge_url(pk: int, into: int) -> str:
    return f"{reverse('admin:members_organization_merge', args=[pk])}?into={into}"


def _add_domain_url(pk: int, domain: str, free_domains: set[str]) -> str:
    if domain not in free_domains:
        return ""
    query = urlencode({"organization": str(pk), "domain": domain})
    return f"{reverse('admin:members_emaildomain_add')}?{query}"
