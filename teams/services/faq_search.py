"""Searching the questions and answers."""

from __future__ import annotations

from dataclasses import dataclass

from teams.models import FaqEntry
from teams.search import DocumentKey
from teams.services.site_search import search_index


@dataclass(frozen=True)
class FaqSearch:
    """The entries that were found, best first, or else the nearest; `terms` are for `mark`."""

    matches: list[FaqEntry]
    nearest: list[FaqEntry]
    terms: frozenset[str]


def search_faq(query: str) -> FaqSearch:
    """Return the published entries that match `query`. Two queries of the database."""
    index = search_index()
    entries = {
        DocumentKey("question", entry.pk): entry
        for entry in FaqEntry.objects.published().select_related("team")
    }
    results = index.search(query, entries.keys())
    return FaqSearch(
        matches=[entries[key] for key in results.matches],
        nearest=[entries[key] for key in results.nearest],
        terms=results.terms,
    )
