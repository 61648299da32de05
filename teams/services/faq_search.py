"""Searching the questions and answers."""

from __future__ import annotations

from dataclasses import dataclass

from teams.markdown import plain_text
from teams.models import FaqEntry, SynonymGroup
from teams.search import Document, search


@dataclass(frozen=True)
class FaqSearch:
    """The entries that were found, best first, or else the nearest; `terms` are for `mark`."""

    matches: list[FaqEntry]
    nearest: list[FaqEntry]
    terms: frozenset[str]


def search_faq(query: str) -> FaqSearch:
    """Return the published entries that match `query`. Two queries of the database."""
    entries = {entry.pk: entry for entry in FaqEntry.objects.published().select_related("team")}
    results = search(map(faq_document, entries.values()), query, SynonymGroup.objects.phrases())
    return FaqSearch(
        matches=[entries[int(document.key)] for document in results.matches],
        nearest=[entries[int(document.key)] for document in results.nearest],
        terms=results.terms,
    )


def faq_document(entry: FaqEntry) -> Document:
    """Return what is searched of `entry`: what its readers read, with the section it is under."""
    return Document("faq", entry.pk, entry.question, f"{plain_text(entry.answer)}\n{entry.section}")
