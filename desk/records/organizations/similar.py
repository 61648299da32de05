"""Recognized organizations whose names look like that of one that was proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import nlargest

from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.http import urlencode

from members.models import Organization

ALIKE = 0.8  # of difflib's ratio; 1 is the same name
COMPARED = 2000  # recognized names, those with the same first word before the others
ROWS = 20  # organizations of one page that are compared
MEASURED = 50  # names of those that are measured exactly
SHOWN = 5  # look-alikes of one organization, the closest first


@dataclass(frozen=True)
class SimilarOrganization:
    """A recognized organization, with the pages that merge the other one into it and that give
    it the email domain of the other."""

    pk: int
    name: str
    merge_url: str
    add_domain_url: str  # empty without an email domain to give


def similar_organizations(
    rows: Sequence[Organization], free_domains: set[str]
) -> dict[int, list[SimilarOrganization]]:
    """For each proposed or declined one of `rows`, by key: the recognized ones that look alike.

    An email domain is offered only if it is in `free_domains`: no organization has it yet.
    """
    asked = [row for row in rows if not row.is_recognized][:ROWS]
    if not asked:
        return {}
    known = _recognized_names({_first_word(row.normalized_name) for row in asked})
    return {
        row.pk: [
            SimilarOrganization(
                pk,
                name,
                _merge_url(row.pk, pk),
                _add_domain_url(pk, row.suggested_domain, free_domains),
            )
            for pk, name in _alike(row.normalized_name, known)
        ]
        for row in asked
    }


def _first_word(normalized: str) -> str:
    return normalized.partition(" ")[0]


def _recognized_names(first_words: set[str]) -> list[tuple[int, str, str]]:
    same = Q()
    for word in sorted(first_words):
        same |= Q(normalized_name=word) | Q(normalized_name__startswith=f"{word} ")
    nearest = Case(When(same, then=Value(0)), default=Value(1))
    names = Organization.objects.recognized().order_by(nearest, "name")
    return list(names.values_list("pk", "name", "normalized_name")[:COMPARED])


def _alike(normalized: str, known: Sequence[tuple[int, str, str]]) -> list[tuple[int, str]]:
    """Key and name of those that look like `normalized`, the closest first.

    The true ratio is slow: only those with the highest upper bounds of it are measured.
    """
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(normalized)
    word = _first_word(normalized)
    possible = []
    for pk, name, other in known:
        matcher.set_seq1(other)
        same_word = _first_word(other) == word
        if same_word or matcher.real_quick_ratio() >= ALIKE:
            bound = matcher.quick_ratio()
            if same_word or bound >= ALIKE:
                possible.append((bound, same_word, pk, name, other))
    found = []
    for _, same_word, pk, name, other in nlargest(MEASURED, possible):
        matcher.set_seq1(other)
        ratio = matcher.ratio()
        if same_word or ratio >= ALIKE:
            found.append((-ratio, name, pk))
    return [(pk, name) for _, name, pk in sorted(found)[:SHOWN]]


def _merge_url(pk: int, into: int) -> str:
    return f"{reverse('admin:members_organization_merge', args=[pk])}?into={into}"


def _add_domain_url(pk: int, domain: str, free_domains: set[str]) -> str:
    if domain not in free_domains:
        return ""
    query = urlencode({"organization": str(pk), "domain": domain})
    return f"{reverse('admin:members_emaildomain_add')}?{query}"
