"""Finding what people mean in documents of any kind, without regard to how they type it.

Case, accents, punctuation, hyphens, and singular or plural do not count; a word that no document
has may be the beginning of one, two words written as one, or one with a typo; synonyms count as
the word itself. Everything is compared in memory, so that both databases give the same answers.
Who calls `search` gives it only documents that the reader may see.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice, takewhile
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from members.normalize import fold

# All words of a short query must match, and of a longer one this share.
SHORT_QUERY_WORDS, LONG_QUERY_SHARE = 3, 0.75
TITLE_WEIGHT = 3.0
# How much less than the word itself another one counts that stands for it.
SYNONYM, BEGINNING, TYPO = 0.8, 0.6, 0.5
# A word this long may have one typo, or two.
ONE_TYPO_LENGTH, TWO_TYPOS_LENGTH = 4, 7
MIN_BEGINNING_LENGTH = 3
# Of rapidfuzz's normalized similarity: how alike words are in what is only near.
NEAR_SIMILARITY = 0.78
MAX_NEAREST = 5

# They are in every text, and say nothing about what is looked for.
_STOP_WORDS = """
    a about am an and any are as at be been by can cannot cant could did do does dont for from get
    got had has have he her his how i id if im in into is isnt it its ive just me my of on or our
    please shall she should so some than that the their them then there these they this to us was
    we were what whats when where which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
# As `stem` leaves them.
_IRREGULAR = {
    "people": "person", "children": "child", "women": "woman", "men": "man",
    "criteria": "criterion",
}  # fmt: skip
_PLURAL_IN_ES = ("sses", "xes", "ches", "shes", "zes")
_NO_PLURAL = ("ss", "us", "is")
_VOWELS = frozenset("aeiouy")

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_CHARACTERS = {
    **dict.fromkeys(map(ord, _INVISIBLE), None),
    **dict.fromkeys(map(ord, "`´‘’‛ʹʼ′"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
}
# An abbreviation such as "U.S."; or words and parts of words, held together by hyphens.
_TOKEN = re.compile(
    r"\b[^\W\d_](?:\.[^\W\d_])+\b\.?|[^\W_]+(?:'[^\W_]+)*(?:-[^\W_]+(?:'[^\W_]+)*)*"
)
_APOSTROPHE_OR_HYPHEN = re.compile("['-]")


class Document(NamedTuple):
    """Something to find: `kind` and `key` lead back to the record, `text` is plain."""

    kind: str
    key: str | int
    title: str
    text: str = ""


@dataclass(frozen=True)
class SearchResults:
    """What was found, best first; or else what comes nearest. `terms` are the words that were
    found, for `matched_spans`."""

    matches: list[Document]
    nearest: list[Document]
    terms: frozenset[str]


def search(
    documents: Iterable[Document], query: str, synonyms: Iterable[Sequence[str]] = ()
) -> SearchResults:
    """Return the `documents` that match `query`, the best one first.

    Each of `synonyms` is a group of words or phrases that mean the same. Among equals the order is
    that of their titles. Where nothing matches, up to MAX_NEAREST documents come nearest.
    """
    documents = tuple(documents)
    collection = _Collection(documents, synonyms)
    slots = list({slot.word: slot for slot in collection.slots(query)}.values())
    needed = _needed(len(slots))
    ranked = collection.rank(slots, needed)
    if not ranked:
        # A word that some document has may be misspelled, too ("form" for "from").
        extended = _extended(slots, collection.misspelled)
        ranked = collection.rank(extended, needed) if extended != slots else []
        slots = extended
    nearest: list[int] = []
    if not ranked:
        slots = _extended(slots, collection.resembling)
        nearest = collection.rank(slots, 1)[:MAX_NEAREST]
    return SearchResults(
        matches=[documents[place] for place in ranked],
        nearest=[documents[place] for place in nearest],
        terms=collection.found_terms(slots, {*ranked, *nearest}),
    )


def comparable(text: str) -> str:
    """Return `text` without case and accents, with one kind of apostrophe and hyphen."""
    return fold(text.translate(_CHARACTERS))


def same_words(first: str, second: str) -> bool:
    """Return whether a search takes two texts for the same words; False without any word."""
    terms = ["".join(map(stem, _split(text))) for text in (first, second)]
    return terms[0] == terms[1] != ""


def matched_spans(text: str, terms: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield where in `text`, which is `comparable` already, words stand that have one of `terms`
    (of `SearchResults`)."""
    for token in _TOKEN.finditer(text):
        if not terms.isdisjoint(map(stem, _forms(token[0]))):
            yield token.span()


def stem(word: str) -> str:
    """Return what the forms of an English word have in common: without plural, -ing, -ed and a
    last e. It need not be a word ("leaving" gives "leav"), only the same for all forms."""
    word = _IRREGULAR.get(word, word)
    if len(word) <= 3:
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and not _VOWELS.isdisjoint(base):
            return _without_verb_ending(base)
    return word[:-1] if word[-1] == "e" and len(word) > 4 else word


def _singular(word: str) -> str:
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(_PLURAL_IN_ES):
        return word[:-2]
    return word[:-1] if word[-1] == "s" and not word.endswith(_NO_PLURAL) else word


def _without_verb_ending(base: str) -> str:
    """Return "plan" of "plann-ing", "hire" of "hir-ing", "leav" of "leav-ing"."""
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    is_vowel = [letter in _VOWELS for letter in base]
    if is_vowel == [False, True, False] and base[-1] not in "wxy":
        return f"{base}e"
    return base


@dataclass(frozen=True)
class _Index:
    """Documents as they are compared: how much each term counts in which of them (by its place in
    the list), the terms that tell their titles apart, and all words, as written and as terms."""

    weights: dict[str, dict[int, float]]
    title_terms: list[frozenset[str]]
    sort_titles: list[str]
    vocabulary: list[str]


# Documents are read once, until one of them changes.
@lru_cache(maxsize=8)
def _index(documents: tuple[Document, ...]) -> _Index:
    weights: dict[str, dict[int, float]] = defaultdict(dict)
    vocabulary: set[str] = set()
    for place, document in enumerate(documents):
        title, text = _all_forms(document.title), _all_forms(document.text)
        vocabulary.update(title, text)
        for term, count in Counter(map(stem, text)).items():
            weights[term][place] = count / (count + 1)
        for term in set(map(stem, title)):
            weights[term][place] = weights[term].get(place, 0.0) + TITLE_WEIGHT
    return _Index(
        weights=dict(weights),
        title_terms=[
            frozenset(stem(word) for word in _split(document.title) if word not in STOP_WORDS)
            for document in documents
        ],
        sort_titles=[fold(document.title) for document in documents],
        vocabulary=sorted(vocabulary | weights.keys()),
    )


def _all_forms(text: str) -> list[str]:
    return [word for token in _TOKEN.findall(comparable(text)) for word in _forms(token)]


def _split(text: str) -> list[str]:
    """Return the words of `text`; those with a hyphen apart."""
    return [word for token in _TOKEN.findall(comparable(text)) for word in _parts(token)]


def _parts(token: str) -> list[str]:
    """Return the words of a token: "e" and "mail" of "e-mail", "us" of "u.s.", "team" of
    "team's"."""
    return [part.removesuffix("'s").replace("'", "") for part in token.replace(".", "").split("-")]


def _forms(token: str) -> list[str]:
    """Return what a token can be found by: its parts, all in one ("email" of "e-mail"), and its
    longer pieces ("ecole" of "l'ecole")."""
    parts = _parts(token)
    pieces = [piece for piece in _APOSTROPHE_OR_HYPHEN.split(token) if len(piece) > 3]
    return list(dict.fromkeys([*parts, "".join(parts), *pieces]))


_STOP_TERMS = frozenset(map(stem, STOP_WORDS))


def _significant(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return `terms` without stop words, unless there are no others."""
    return tuple(term for term in terms if term not in _STOP_TERMS) or terms


def _needed(slots: int) -> int:
    """Return how many of the words of a query a document must have."""
    return slots if slots <= SHORT_QUERY_WORDS else math.ceil(slots * LONG_QUERY_SHARE)


def _terms_of(slots: Iterable[_Slot]) -> frozenset[str]:
    return frozenset(term for slot in slots for terms in slot.alternatives for term in terms)


def _extended(slots: Iterable[_Slot], more: Callable[[str], _Alternatives]) -> list[_Slot]:
    return [_Slot(slot.word, more(slot.word) | slot.alternatives) for slot in slots]


def _closest(word: str, vocabulary: Sequence[str]) -> list[str]:
    """Return the words of `vocabulary` that differ from `word` by the fewest typos, if they are
    few enough: a letter too many, missing or wrong, or two letters in the wrong order. A short word
    with another first letter is another word: cost, most."""
    typos = (len(word) >= ONE_TYPO_LENGTH) + (len(word) >= TWO_TYPOS_LENGTH)
    # A wrong digit is another number.
    if not typos or any(map(str.isdigit, word)):
        return []
    found = process.extract(word, vocabulary, scorer=OSA.distance, score_cutoff=typos, limit=None)
    others = [
        (distance, other)
        for other, distance, _ in found
        if distance and (typos > 1 or other[1:] != word[1:])
    ]
    fewest = min(others, default=(0, ""))[0]
    return [other for distance, other in others if distance == fewest]


# What may stand for a word: the terms that a document must have for it, and how much it counts.
_Alternatives = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class _Slot:
    """A word of the query, or words that belong together, and what may stand for it."""

    word: str
    alternatives: _Alternatives


class _Collection:
    """Documents and synonyms, as a query meets them."""

    def __init__(self, documents: tuple[Document, ...], synonyms: Iterable[Sequence[str]]) -> None:
        self.index = _index(documents)
        # By each phrase of a group, as terms: all phrases of its groups.
        self.synonyms: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for group in synonyms:
            phrases = [tuple(map(stem, words)) for phrase in group if (words := _split(phrase))]
            for phrase in phrases:
                self.synonyms[phrase] += phrases
        self._misspelled: dict[str, _Alternatives] = {}
        self.longest_phrase = max(map(len, self.synonyms), default=1)

    @cached_property
    def vocabulary(self) -> list[str]:
        """All words of the documents and synonyms, as they are written and as terms."""
        return sorted([*self.index.vocabulary, *chain.from_iterable(self.synonyms)])

    def slots(self, query: str) -> list[_Slot]:
        """Return the words of `query` that count; stop words only if it has no other."""
        words = _split(query)
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
        terms = tuple(map(stem, words[place : place + self.longest_phrase]))
        for length in range(len(terms), 1, -1):
            if terms[:length] in self.synonyms:
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
        alternatives = self._meaning_the_same((stem(word),))
        if any(map(self._documents_with, alternatives)):
            return alternatives
        alternatives = {(stem(other),): BEGINNING for other in self._longer_words(word)}
        for end in range(1, len(word)):
            first, second = stem(word[:end]), stem(word[end:])
            if self._is_known(first) and self._is_known(second):
                alternatives[_significant((first, second))] = 1.0
        return alternatives or self.misspelled(word)

    def _longer_words(self, beginning: str) -> list[str]:
        if len(beginning) < MIN_BEGINNING_LENGTH:
            return []
        first = bisect_left(self.vocabulary, beginning)
        words = islice(self.vocabulary, first, None)
        return list(takewhile(lambda word: word.startswith(beginning), words))

    def misspelled(self, word: str) -> _Alternatives:
        """Return what stands for the words of the documents that differ from `word` by a typo."""
        if word not in self._misspelled:
            closest = _closest(word, self.vocabulary) or _closest(stem(word), self.vocabulary)
            self._misspelled[word] = self._similar(closest)
        return self._misspelled[word]

    def resembling(self, word: str) -> _Alternatives:
        """Return what stands for the words of the documents that look like `word` at all."""
        near = process.extract(
            word,
            self.vocabulary,
            scorer=Indel.normalized_similarity,
            score_cutoff=NEAR_SIMILARITY,
        )
        return self._similar([other for other, _, _ in near])

    def _similar(self, words: Iterable[str]) -> _Alternatives:
        return {
            terms: TYPO * weight
            for word in words
            for terms, weight in self._meaning_the_same((stem(word),)).items()
        }

    def _meaning_the_same(self, phrase: tuple[str, ...]) -> _Alternatives:
        """Return `phrase`, given as terms, and its synonyms."""
        synonyms = {_significant(other): SYNONYM for other in self.synonyms.get(phrase, ())}
        return synonyms | {_significant(phrase): 1.0}

    def _is_known(self, term: str) -> bool:
        return term in self.index.weights

    def rank(self, slots: Sequence[_Slot], needed: int) -> list[int]:
        """Return the places of the documents that match `needed` of `slots` or more, best first."""
        scores: dict[int, float] = defaultdict(float)
        hits: Counter[int] = Counter()
        for slot in slots:
            weights = self._weights(slot)
            rarity = math.log(1 + len(self.index.sort_titles) / max(len(weights), 1))
            for place, weight in weights.items():
                scores[place] += rarity * weight
            hits.update(weights.keys())
        terms = _terms_of(slots)

        def order(place: int) -> tuple[float, str, int]:
            title = self.index.title_terms[place]
            share = len(terms & title) / max(len(title), 1)
            return -scores[place] * (1 + share) * hits[place], self.index.sort_titles[place], place

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
        first, *others = (self.index.weights.get(term, {}) for term in terms)
        if not others:
            return first
        return {
            place: max(weight, *(other[place] for other in others))
            for place, weight in first.items()
            if all(place in other for other in others)
        }
