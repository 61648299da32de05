"""Published FAQ entries that may answer a visitor's question already."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz, process, utils

from members.normalize import fold
from teams.models import FaqEntry, Question

MAX_ENTRIES_OFFERED = 3
# Of rapidfuzz's token_set_ratio, which compares the words that two questions share; 100 is all
# words of the shorter one.
MIN_SIMILARITY = 50


def similar_entries(questions: Sequence[Question]) -> dict[int, list[FaqEntry]]:
    """Return, by the key of each question, the published entries that ask most nearly the same."""
    entries = {
        entry.pk: entry
        for entry in FaqEntry.objects.published().select_related("team").order_by("pk")
    }
    texts = {pk: _comparable(entry.question) for pk, entry in entries.items()}
    return {
        question.pk: [
            entries[pk]
            for _, _, pk in process.extract(
                _comparable(question.text),
                texts,
                scorer=fuzz.token_set_ratio,
                score_cutoff=MIN_SIMILARITY,
                limit=MAX_ENTRIES_OFFERED,
            )
        ]
        for question in questions
    }


def _comparable(text: str) -> str:
    """Return the words of `text` without case, accents and punctuation."""
    return utils.default_process(fold(text))
