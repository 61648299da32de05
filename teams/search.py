"""Finding what people mean in documents of any kind, without regard to how they type it.

Case, accents, punctuation, hyphens, and singular or plural do not count; a word that no document
has may be the beginning of one, two words written as one, or one with a typo; synonyms count as
the word itself. Everything is compared in memory, so that both databases give the same answers.

A search sees the documents that its reader may see and no others: what is hidden changes neither
which words are known, nor how much they count, nor what is suggested.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from members.normalize import fold
from teams.stemming import STOP_TERMS, STOP_WORDS, forms_of, singular, split_words, stem, tokens

# All words of a short query must match, and of a longer one this share.
SHORT_QUERY_WORDS, LONG_QUERY_SHARE = 3, 0.75
TITLE_WEIGHT = 3.0
# How much less than the word itself another one counts that stands for it.
SYNONYM, BEGINNING, TYPO = 0.8, 0.6, 0.5
# A word this long may have one typo, or two.
ONE_TYPO_LENGTH, TWO_TYPOS_LENGTH = 4, 7
MIN_BEGINNING_LENGTH = 3
# Of rapidfuzz's normalized similarity: how alike words are in what is only near.
NEAR_SIMILARITY, MAX_NEAR_WORDS = 0.78, 5
# Of one query: each one is compared with all words of the documents.
MAX_CORRECTED_WORDS = 5
MAX_NEAREST = 5


class DocumentKey(NamedTuple):
    """Leads back to a record."""

    kind: str
    key: str | int


class Document(NamedTuple):
    """Something to find: `kind` and `key` lead back to the record, `text` is plain."""

    kind: str
    key: str | int
    title: str
    text: str = ""


@dataclass(frozen=True)
class SearchResults:
    """What was found, best first; or else what comes nearest. `terms` are the words that were
    found, for `matched_spans`; `suggestion` is the query without what seem to be its typos, or
    empty."""

    matches: list[DocumentKey]
    nearest: list[DocumentKey]
    terms: frozenset[str]
    suggestion: str


def search(
    documents: Iterable[Document], query: str, synonyms: Iterable[Sequence[str]] = ()
) -> SearchResults:
    """Return which of `documents` match `query`: `SearchIndex.search` for a single search."""
    return SearchIndex(documents, synonyms).search(query)


@dataclass(frozen=True)
class _Postings:
    """In which documents a term is, by their places in the index, and how much it counts there."""

    places: array[int] = field(default_factory=lambda: array("I"))
    weights: array[float] = field(default_factory=lambda: array("f"))


class _Words:
    """The words of texts that are read one after another: few of them are new in each."""

    def __init__(self) -> None:
        # Words as they are written.
        self.forms: set[str] = set()
        # These and terms, each string once.
        self.vocabulary: dict[str, str] = {}
        self._terms: dict[str, list[str]] = {}

    def count_terms(self, text: str) -> dict[str, int]:
        """Return how often `text` has each term that it can be found by."""
        counts: dict[str, int] = {}
        for token, number in Counter(tokens(text)).items():
            if token not in self._terms:
                forms = forms_of(token)
                self._terms[token] = [self._shared(stem(form)) for form in map(self._shared, forms)]
                self.forms.update(map(self._shared, forms))
            for term in self._terms[token]:
                counts[term] = counts.get(term, 0) + number
        return counts

    def title_terms(self, title: str) -> tuple[str, ...]:
        """Return the terms that tell `title` from others."""
        words = (word for word in split_words(title) if word not in STOP_WORDS)
        return tuple(dict.fromkeys(self._shared(stem(word)) for word in words))

    def _shared(self, word: str) -> str:
        return self.vocabulary.setdefault(word, word)


class SearchIndex:
    """Documents as they are compared, and synonyms: read once, for any number of searches.

    Each of `synonyms` is a group of words or phrases that mean the same. The texts of the documents
    are not kept: 10,000 of 88 words take 15 MiB.
    """

    def __init__(
        self, documents: Iterable[Document], synonyms: Iterable[Sequence[str]] = ()
    ) -> None:
        self.places: dict[tuple[str, str | int], int] = {}
        self.postings: dict[str, _Postings] = defaultdict(_Postings)
        self.title_terms: list[tuple[str, ...]] = []
        titles: list[str] = []
        words = _Words()
        for place, document in enumerate(documents):
            self.places[document.kind, document.key] = place
            self._add_terms(
                place, words.count_terms(document.title), words.count_terms(document.text)
            )
            self.title_terms.append(words.title_terms(document.title))
            titles.append(fold(document.title))
        self.postings.default_factory = None
        self.keys = [DocumentKey(*key) for key in self.places]
        # By place: which one it is of all titles in their order.
        self.title_order = array("I", bytes(array("I").itemsize * len(titles)))
        for number, place in enumerate(sorted(range(len(titles)), key=titles.__getitem__)):
            self.title_order[place] = number
        groups = [list(group) for group in synonyms]
        for phrase in chain.from_iterable(groups):
            words.count_terms(phrase)
        self.synonyms = _phrases_by_phrase(groups)
        self.longest_phrase = max(map(len, self.synonyms), default=1)
        self.synonym_terms = frozenset(chain.from_iterable(self.synonyms))
        # All words of the documents and synonyms, and their terms, which may be no real words.
        self.vocabulary = sorted(words.vocabulary)
        written = words.forms.union(map(singular, words.forms))
        self._is_written = bytes(word in written for word in self.vocabulary)

    def _add_terms(self, place: int, in_title: dict[str, int], in_text: dict[str, int]) -> None:
        for term in in_title.keys() | in_text.keys():
            number = in_text.get(term, 0)
            postings = self.postings[term]
            postings.places.append(place)
            postings.weights.append(number / (number + 1) + TITLE_WEIGHT * (term in in_title))

    def is_written(self, word: str) -> bool:
        """Return whether a document or a synonym has `word` as it is, or its plural."""
        place = bisect_left(self.vocabulary, word)
        is_there = place < len(self.vocabulary) and self.vocabulary[place] == word
        return is_there and bool(self._is_written[place])

    def search(
        self, query: str, visible: Iterable[tuple[str, str | int]] | None = None
    ) -> SearchResults:
        """Return the documents that match `query`, the best one first; of those in `visible`, which
        are kinds and keys, as if there were no others.

        Among equals the order is that of their titles. Where nothing matches, up to MAX_NEAREST
        documents come nearest.
        """
        if visible is None:
            is_visible = bytearray(b"\1" * len(self.keys))
        else:
            is_visible = bytearray(len(self.keys))
            for key in visible:
                # What was added since the index was made is found by the next one.
                if (place := self.places.get(key)) is not None:
                    is_visible[place] = 1
        return _Query(self, is_visible).results(query)


_Phrase = tuple[str, ...]


def _phrases_by_phrase(groups: Iterable[Sequence[str]]) -> dict[_Phrase, list[_Phrase]]:
    """Return, by each phrase of a group, as terms, all phrases of its groups."""
    synonyms: dict[_Phrase, list[_Phrase]] = defaultdict(list)
    for group in groups:
        phrases = [tuple(map(stem, words)) for phrase in group if (words := split_words(phrase))]
        for phrase in phrases:
            synonyms[phrase] += phrases
    return dict(synonyms)


def _significant(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return `terms` without stop words, unless there are no others."""
    return tuple(term for term in terms if term not in STOP_TERMS) or terms


def _needed(slots: int) -> int:
    """Return how many of the words of a query a document must have."""
    return slots if slots <= SHORT_QUERY_WORDS else math.ceil(slots * LONG_QUERY_SHARE)


def _terms_of(slots: Iterable[_Slot]) -> frozenset[str]:
    return frozenset(term for slot in slots for terms in slot.alternatives for term in terms)


def _extended(slots: Iterable[_Slot], more: Callable[[str], _Alternatives]) -> list[_Slot]:
    return [_Slot(slot.word, more(slot.word) | slot.alternatives) for slot in slots]


# What may stand for a word: the terms that a document must have for it, and how much it counts.
_Alternatives = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class _Slot:
    """A word of the query, or words that belong together, and what may stand for it."""

    word: str
    alternatives: _Alternatives


class _Query:
    """One search in the documents of `index` that are visible, by their places."""

    def __init__(self, index: SearchIndex, is_visible: bytearray) -> None:
        self.index = index
        self.is_visible = is_visible
        self.number = is_visible.count(1)
        self._weights_by_term: dict[str, dict[int, float]] = {}
        self._corrected: set[str] = set()
        self._closest_words: dict[str, list[str]] = {}
        self._resembling_words: dict[str, list[str]] = {}

    def results(self, query: str) -> SearchResults:
        words = split_words(query)
        slots = list({slot.word: slot for slot in self.slots(words)}.values())
        needed = _needed(len(slots))
        ranked = self.rank(slots, needed)
        if not ranked:
            # A word that some document has may be misspelled, too ("form" for "from").
            extended = _extended(slots, self.misspelled)
            ranked = self.rank(extended, needed) if extended != slots else []
            slots = extended
        nearest: list[int] = []
        if not ranked:
            slots = _extended(slots, self.resembling)
            # Where a document has something like each of several words, it is what was meant
            # ("skils lst"); something like one word is not enough.
            ranked = self.rank(slots, len(slots)) if len(slots) > 1 else []
            nearest = [] if ranked else self.rank(slots, 1)[:MAX_NEAREST]
        return SearchResults(
            matches=[self.index.keys[place] for place in ranked],
            nearest=[self.index.keys[place] for place in nearest],
            terms=self.found_terms(slots, {*ranked, *nearest}),
            suggestion=self.suggestion(words, [*ranked, *nearest][:1]),
        )

    def slots(self, words: list[str]) -> list[_Slot]:
        """Return those of `words` that count; stop words only if there are no others."""
        slots: list[_Slot] = []
        place = 0
        while place < len(words):
            slot, length = self._slot_at(words, place)
            if length > 1 or words[place] not in STOP_WORDS:
                slots.append(slot)
            place += length
        return slots or [_Slot(word, self._alternatives(word)) for word in words]

    def _slot_at(self, words: list[str], place: int) -> tuple[_Slot, int]:
        """Return the slot that begins at `place`, and how many words it has."""
        terms = tuple(map(stem, words[place : place + self.index.longest_phrase]))
        for length in range(len(terms), 1, -1):
            if terms[:length] in self.index.synonyms:
                word = " ".join(words[place : place + length])
                return _Slot(word, self._meaning_the_same(terms[:length])), length
        pair = words[place : place + 2]
        joined = "".join(pair)
        if len(pair) == 2 and self._is_known(stem(joined)):
            both = _significant(tuple(map(stem, pair)))
            return _Slot(joined, {both: 1.0} | self._meaning_the_same((stem(joined),))), 2
        return _Slot(words[place], self._alternatives(words[place])), 1

    def _alternatives(self, word: str) -> _Alternatives:
        """Return what may stand for `word`; if nothing else, that which it is the beginning of, or
        misspells."""
        return self._exact(word) or self.misspelled(word)

    def _exact(self, word: str) -> _Alternatives:
        """Return what may stand for `word` if nothing in it is wrong; empty if nothing can."""
        alternatives = self._meaning_the_same((stem(word),))
        if any(map(self._documents_with, alternatives)):
            return alternatives
        alternatives = {(stem(other),): BEGINNING for other in self._longer_words(word)}
        for end in range(1, len(word)):
            first, second = stem(word[:end]), stem(word[end:])
            if self._is_known(first) and self._is_known(second):
                alternatives[_significant((first, second))] = 1.0
        return alternatives

    def _longer_words(self, beginning: str) -> Iterator[str]:
        if len(beginning) < MIN_BEGINNING_LENGTH:
            return iter(())
        first = bisect_left(self.index.vocabulary, beginning)
        words = islice(self.index.vocabulary, first, None)
        longer = takewhile(lambda word: word.startswith(beginning), words)
        return filter(self._is_usable, longer)

    def misspelled(self, word: str) -> _Alternatives:
        """Return what stands for the words of the documents that differ from `word` by a typo."""
        return self._similar(self._closest(word))

    def resembling(self, word: str) -> _Alternatives:
        """Return what stands for the words of the documents that look like `word` at all."""
        return self._similar(self._resembling(word))

    def _is_corrected(self, word: str) -> bool:
        if len(self._corrected) < MAX_CORRECTED_WORDS:
            self._corrected.add(word)
        return word in self._corrected

    def _closest(self, word: str) -> list[str]:
        if word not in self._closest_words:
            found: list[str] = []
            if self._is_corrected(word):
                found = list(filter(self.index.is_written, self._find_closest(word)))
                # A term is no word: "profit" is not "profile" although that has the term "profil".
                if not found and (term := stem(word)) != word:
                    found = self._find_closest(term)
            self._closest_words[word] = found
        return self._closest_words[word]

    def _resembling(self, word: str) -> list[str]:
        if word not in self._resembling_words:
            is_corrected = self._is_corrected(word)
            self._resembling_words[word] = self._find_resembling(word) if is_corrected else []
        return self._resembling_words[word]

    def _find_closest(self, word: str) -> list[str]:
        """Return the words of the documents that differ from `word` by the fewest typos, if they
        are few enough: a letter too many, missing or wrong, or two letters in the wrong order. A
        short word with another first letter is another word: cost, most."""
        typos = (len(word) >= ONE_TYPO_LENGTH) + (len(word) >= TWO_TYPOS_LENGTH)
        # A wrong digit is another number.
        if not typos or any(map(str.isdigit, word)):
            return []
        found = process.extract(
            word, self.index.vocabulary, scorer=OSA.distance, score_cutoff=typos, limit=None
        )
        others = [
            (distance, other)
            for other, distance, _ in found
            if distance and (typos > 1 or other[1:] != word[1:]) and self._is_usable(other)
        ]
        fewest = min(others, default=(0, ""))[0]
        return [other for distance, other in others if distance == fewest]

    def _find_resembling(self, word: str) -> list[str]:
        near = process.extract(
            word,
            self.index.vocabulary,
            scorer=Indel.normalized_similarity,
            score_cutoff=NEAR_SIMILARITY,
            limit=None,
        )
        words = (other for other, _, _ in near if self.index.is_written(other))
        return list(islice(filter(self._is_usable, words), MAX_NEAR_WORDS))

    def suggestion(self, words: list[str], best: list[int]) -> str:
        """Return `words` as they may be meant, where no document has them; empty if all are fine,
        or nothing is near. `best` is the place of the best document, if there is one."""
        meant = [self._probably_meant(word, best) for word in words]
        return "" if meant == words else " ".join(meant)

    def _probably_meant(self, word: str, best: list[int]) -> str:
        """Return which of the words nearest to `word` the document at `best` has, or the most
        frequent one; `word` itself if it is fine."""
        if word in STOP_WORDS or self._exact(word):
            return word

        def order(other: str) -> tuple[bool, int, float]:
            places = self._weights_of(stem(other))
            is_in_best = any(place in places for place in best)
            return is_in_best, len(places), Indel.normalized_similarity(word, other)

        near = filter(self.index.is_written, self._closest(word) or self._resembling(word))
        return max(near, key=order, default=word)

    def _similar(self, words: Iterable[str]) -> _Alternatives:
        return {
            terms: TYPO * weight
            for word in words
            for terms, weight in self._meaning_the_same((stem(word),)).items()
        }

    def _meaning_the_same(self, phrase: tuple[str, ...]) -> _Alternatives:
        """Return `phrase`, given as terms, and its synonyms."""
        others = self.index.synonyms.get(phrase, ())
        return {_significant(other): SYNONYM for other in others} | {_significant(phrase): 1.0}

    def _is_known(self, term: str) -> bool:
        """Return whether a visible document has `term`."""
        postings = self.index.postings.get(term)
        return postings is not None and any(map(self.is_visible.__getitem__, postings.places))

    def _is_usable(self, word: str) -> bool:
        """Return whether `word` is one of the visible documents or of the synonyms."""
        term = stem(word)
        return term in self.index.synonym_terms or self._is_known(term)

    def rank(self, slots: Sequence[_Slot], needed: int) -> list[int]:
        """Return the places of the documents that match `needed` of `slots` or more, best first."""
        scores: dict[int, float] = defaultdict(float)
        hits: Counter[int] = Counter()
        for slot in slots:
            weights = self._weights(slot)
            rarity = math.log(1 + self.number / max(len(weights), 1))
            for place, weight in weights.items():
                scores[place] += rarity * weight
            hits.update(weights.keys())
        terms = _terms_of(slots)

        def order(place: int) -> tuple[float, int]:
            title = self.index.title_terms[place]
            share = len(terms.intersection(title)) / max(len(title), 1)
            return -scores[place] * (1 + share) * hits[place], self.index.title_order[place]

        return sorted((place for place, number in hits.items() if number >= needed), key=order)

    def found_terms(self, slots: Iterable[_Slot], places: set[int]) -> frozenset[str]:
        """Return the terms by which the documents at `places` match `slots`."""
        return frozenset(
            term
            for slot in slots
            for terms in slot.alternatives
            if not places.isdisjoint(self._documents_with(terms))
            for term in terms
        )

    def _weights(self, slot: _Slot) -> dict[int, float]:
        """Return how well documents match `slot`, by the places of those that do."""
        best: dict[int, float] = {}
        for terms, quality in slot.alternatives.items():
            for place, weight in self._documents_with(terms).items():
                best[place] = max(quality * weight, best.get(place, 0.0))
        return best

    def _documents_with(self, terms: tuple[str, ...]) -> dict[int, float]:
        """Return how much `terms` count, by the places of the documents that have all of them."""
        first, *others = map(self._weights_of, terms)
        if not others:
            return first
        return {
            place: max(weight, *(other[place] for other in others))
            for place, weight in first.items()
            if all(place in other for other in others)
        }

    def _weights_of(self, term: str) -> dict[int, float]:
        """Return how much `term` counts, by the places of the visible documents that have it."""
        if term not in self._weights_by_term:
            postings = self.index.postings.get(term, _Postings())
            both = zip(postings.places, postings.weights, strict=True)
            visible = {place: weight for place, weight in both if self.is_visible[place]}
            self._weights_by_term[term] = visible
        return self._weights_by_term[term]
