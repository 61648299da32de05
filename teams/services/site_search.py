"""One search over everything that a person may see.

All documents are read into an index in the memory of each process, at the first search, and again
at the first search after one of them has changed. Who sees which of them is asked of the database
with each search, so what is hidden from a person is neither found nor counted nor suggested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import chain
from threading import Lock
from typing import Any

from django.db.models import CharField, Count, Max, QuerySet, Subquery, Sum, Value
from django.utils import timezone

from members.models import Member, Organization
from teams.excerpts import excerpt
from teams.models import (
    ActionTeam,
    FaqEntry,
    Goal,
    Meeting,
    Resource,
    SynonymGroup,
    Topic,
    team_keys,
)
from teams.search import DocumentKey, SearchIndex
from teams.services.search_kinds import KINDS, Found, Person, SearchKind

# Each change of one of these leaves a version in its history.
_INDEXED = (ActionTeam, Goal, FaqEntry, Meeting, Resource, Topic, Organization, SynonymGroup)
# A transaction may end after one that began later: as many versions before the newest are looked
# through for such latecomers.
RECENT_VERSIONS = 1000

Version = tuple[tuple[str, int | None, datetime | None], ...]


@dataclass(frozen=True)
class SiteResult:
    """One of the records that were found, with the part of its text that shows why."""

    kind: SearchKind
    found: Found
    excerpt: str


@dataclass(frozen=True)
class SiteSearch:
    """What one person's search found, the best first, or else what comes nearest.

    `terms` are for `mark`; `suggestion` is the query without its typos, or empty. `visible` is what
    the person may see, by kind.
    """

    matches: list[DocumentKey]
    nearest: list[DocumentKey]
    terms: frozenset[str]
    suggestion: str
    visible: dict[str, QuerySet[Any]]

    @cached_property
    def counts(self) -> list[tuple[SearchKind, int]]:
        """How many of each kind were found; only kinds with results."""
        numbers = Counter(key.kind for key in self.matches)
        return [(kind, numbers[kind.name]) for kind in KINDS if numbers[kind.name]]

    def show(self, keys: Iterable[DocumentKey]) -> list[SiteResult]:
        """Return the results with these keys, in their order, without those that are gone
        meanwhile. At most three queries for each kind."""
        keys = list(keys)
        found: dict[DocumentKey, tuple[SearchKind, Found]] = {}
        for kind in KINDS:
            of_kind = [key.key for key in keys if key.kind == kind.name]
            if of_kind:
                records = kind.show(self.visible[kind.name].filter(pk__in=of_kind))
                found |= {DocumentKey(kind.name, pk): (kind, each) for pk, each in records.items()}
        return [
            SiteResult(*found[key], excerpt(found[key][1].text, self.terms))
            for key in keys
            if key in found
        ]


def search_site(query: str, person: Person) -> SiteSearch:
    """Return what `query` finds of all that `person` may see. Two queries, and one for the teams of
    a member."""
    index = search_index()
    keys = team_keys(person) if isinstance(person, Member) else None
    visible = {kind.name: kind.visible_to(person, keys) for kind in KINDS}
    results = index.search(query, _keys_of(visible))
    return SiteSearch(results.matches, results.nearest, results.terms, results.suggestion, visible)


def search_index() -> SearchIndex:
    """Return everything that is searched, as it is now, no matter who may see it. One query; after
    a change, those of all kinds of records."""
    version = _current_version()
    # One thread reads, and the others wait for it.
    with _reading:
        return _read_index(version)


_reading = Lock()


@lru_cache(maxsize=1)
def _read_index(version: Version) -> SearchIndex:
    """Return everything that is searched, as it was at `version` or later."""
    documents = chain.from_iterable(kind.read() for kind in KINDS)
    return SearchIndex(documents, SynonymGroup.objects.phrases())


def _current_version() -> Version:
    """Return what differs after each change of what is searched. One query."""
    begun = Meeting.objects.filter(starts_at__lte=timezone.now()).order_by()
    parts = [_recent_versions(model) for model in _INDEXED]
    # Minutes are read from when the meeting begins.
    parts.append(
        begun.values(versions_of=Value("begun", output_field=CharField()))
        .annotate(checksum=Count("pk"), newest_at=Max("starts_at"))
        .values_list("versions_of", "checksum", "newest_at")
    )
    return tuple(parts[0].union(*parts[1:], all=True).order_by("versions_of"))


def _recent_versions(model: Any) -> QuerySet[Any, Any]:
    versions = model.history.model.objects
    newest = Subquery(versions.order_by("-history_id").values("history_id")[:1])
    recent = versions.filter(history_id__gt=newest - Value(RECENT_VERSIONS)).order_by()
    named = recent.values(versions_of=Value(model._meta.model_name, output_field=CharField()))
    sums: QuerySet[Any, Any] = named.annotate(
        checksum=Sum("history_id"), newest_at=Max("history_date")
    )
    return sums.values_list("versions_of", "checksum", "newest_at")


def _keys_of(visible: dict[str, QuerySet[Any]]) -> Iterable[tuple[str, int]]:
    """Return the keys of all that are visible. One query."""
    keys = [
        records.order_by().values_list(Value(name, output_field=CharField()), "pk")
        for name, records in visible.items()
    ]
    return keys[0].union(*keys[1:], all=True)
