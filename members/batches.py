"""Long lists in pieces that fit one statement; Python has it from 3.12 on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

# Values or rows of one statement.
BATCH_SIZE = 500


def batched(values: Iterable[T], size: int = BATCH_SIZE) -> Iterator[list[T]]:
    """Return `values` in lists of `size`; the last one may be shorter."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
