"""The part of a text that shows why a search found it."""

from teams.stemming import comparable, matched_spans

EXCERPT_WORDS, WORDS_BEFORE_MATCH = 28, 5
# Of a longer text only the beginning is looked through.
MAX_WORDS_READ = 5000


def excerpt(text: str, terms: frozenset[str]) -> str:
    """Return about one line of the plain `text`: where most words stand together that have one of
    `terms` (of `SearchResults`), else its beginning. Dots stand for what is left out."""
    words = text.split(maxsplit=MAX_WORDS_READ)[:MAX_WORDS_READ]
    is_match = {word: any(matched_spans(comparable(word), terms)) for word in dict.fromkeys(words)}
    hits = [number for number, word in enumerate(words) if is_match[word]]

    def number_of_hits(first: int) -> int:
        return len({words[hit] for hit in hits if first <= hit < first + EXCERPT_WORDS})

    starts = [max(0, hit - WORDS_BEFORE_MATCH) for hit in hits[: MAX_WORDS_READ // 50]]
    start = max(starts, key=number_of_hits, default=0)
    shown = " ".join(words[start : start + EXCERPT_WORDS])
    is_cut = len(words) > start + EXCERPT_WORDS
    return f"{'… ' if start else ''}{shown}{' …' if is_cut else ''}"
