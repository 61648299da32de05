"""How much of what people type a search box uses: one rule for all search boxes."""

from collections.abc import Sequence

# Each word is one more condition of the query: SQLite refuses a thousand of them.
MAX_SEARCH_WORDS = 20
# SQLite refuses patterns of 50,000 characters; nothing that is looked for is a word this long.
MAX_WORD_CHARACTERS = 100
CUT_SEARCH_NOTE = (
    f"Only the first {MAX_SEARCH_WORDS} words were searched for, without words of more than "
    f"{MAX_WORD_CHARACTERS} letters."
)


def used_words(words: Sequence[str]) -> list[str]:
    """Return the words that a search uses: the first ones, without those that are too long."""
    return [word for word in words[:MAX_SEARCH_WORDS] if len(word) <= MAX_WORD_CHARACTERS]


def cut_search_note(words: Sequence[str]) -> str:
    """Return a sentence for the page, if a search uses less than `words`; else nothing."""
    return "" if used_words(words) == list(words) else CUT_SEARCH_NOTE
