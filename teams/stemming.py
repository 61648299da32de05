"""Words of texts, without regard to how they are typed: case, accents, punctuation, hyphens, and
singular or plural do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from members.normalize import fold

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


def comparable(text: str) -> str:
    """Return `text` without case and accents, with one kind of apostrophe and hyphen."""
    return fold(text.translate(_CHARACTERS))


def same_words(first: str, second: str) -> bool:
    """Return whether a search takes two texts for the same words; False without any word."""
    terms = ["".join(map(stem, split_words(text))) for text in (first, second)]
    return terms[0] == terms[1] != ""


def matched_spans(text: str, terms: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield where in `text`, which is `comparable` already, words stand that have one of `terms`
    (of `SearchResults`)."""
    for token in _TOKEN.finditer(text):
        if not terms.isdisjoint(map(stem, forms_of(token[0]))):
            yield token.span()


def stem(word: str) -> str:
    """Return what the forms of an English word have in common: without plural, -ing, -ed and a
    last e. It need not be a word ("leaving" gives "leav"), only the same for all forms."""
    word = _IRREGULAR.get(word, word)
    if len(word) <= 3:
        return word
    word = singular(word)
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and not _VOWELS.isdisjoint(base):
            return _without_verb_ending(base)
    return word[:-1] if word[-1] == "e" and len(word) > 4 else word


def singular(word: str) -> str:
    """Return `word` without the ending of a plural ("hospital" of "hospitals")."""
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


def tokens(text: str) -> list[str]:
    """Return the words of `text` as they are written, but `comparable`."""
    return _TOKEN.findall(comparable(text))


def split_words(text: str) -> list[str]:
    """Return the words of `text`; those with a hyphen apart."""
    return [word for token in tokens(text) for word in _parts(token)]


def _parts(token: str) -> list[str]:
    """Return the words of a token: "e" and "mail" of "e-mail", "us" of "u.s.", "team" of
    "team's"."""
    return [part.removesuffix("'s").replace("'", "") for part in token.replace(".", "").split("-")]


def forms_of(token: str) -> list[str]:
    """Return what a token can be found by: its parts, all in one ("email" of "e-mail"), and its
    longer pieces ("ecole" of "l'ecole")."""
    parts = _parts(token)
    pieces = [piece for piece in _APOSTROPHE_OR_HYPHEN.split(token) if len(piece) > 3]
    return list(dict.fromkeys([*parts, "".join(parts), *pieces]))


STOP_TERMS = frozenset(map(stem, STOP_WORDS))
