"""How long a search takes in 10,000 documents, in one process and without a database.

    python tools/bench/search.py [number of documents]

Prints the median and the slowest of REPEATS searches for each kind of query, in processor time,
so that other work on the machine does not count. The first search reads the documents; its time is
printed apart.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from teams.search import Document, search
from tools.bench.databases import report

DOCUMENTS, DIFFERENT_WORDS, WORDS_OF_TITLE, WORDS_OF_TEXT = 10_000, 20_000, 8, 80
REPEATS = 20
LIMIT_MS = 100
SYNONYMS = [("employer", "organization", "hospital"), ("sign in", "log in", "login")]
QUERIES = {
    "one word": "hospital",
    "a question": "How do I change my email address at the hospital?",
    "a typo": "organizatoin",
    "typos in each word": "chnage adresss hosptal",
    "a beginning": "organ",
    "nothing": "xylophonist zzyzx",
    "twenty words": " ".join(["hospital address"] * 10),
}


def make_documents(number: int) -> list[Document]:
    """Return documents of made-up words, some frequent and most rare, as in real text."""
    chance = random.Random(1)  # noqa: S311  # the same words each time
    syllables = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sta", "tre", "vin"]
    words = ["hospital", "address", "change", "email", "organization"]
    words += ["".join(chance.choices(syllables, k=4)) for _ in range(DIFFERENT_WORDS)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]

    def text(length: int) -> str:
        return " ".join(chance.choices(words, weights, k=length))

    return [
        Document("faq", key, text(WORDS_OF_TITLE), text(WORDS_OF_TEXT)) for key in range(number)
    ]


def measure(documents: list[Document], query: str) -> float:
    """Return the milliseconds of processor time that one search takes."""
    began = time.process_time()
    search(documents, query, SYNONYMS)
    return (time.process_time() - began) * 1000


def main() -> int:
    """Print the times; return 1 if a median is over LIMIT_MS."""
    documents = make_documents(int(sys.argv[1]) if sys.argv[1:] else DOCUMENTS)
    report(f"{len(documents)} documents; read at first in {measure(documents, 'x'):.0f} ms")
    medians = []
    for name, query in QUERIES.items():
        times = [measure(documents, query) for _ in range(REPEATS)]
        medians.append(median(times))
        report(f"{name:20} {median(times):6.1f} ms, slowest {max(times):6.1f} ms")
    return int(max(medians) > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
