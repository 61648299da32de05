"""Where the headings of a list are. In plain Python: the program that reads workbooks, which has no
Django, looks for them too."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A title may stand above the headings, and an empty line.
HEADING_SEARCH_ROWS = 10

Cells = Sequence[str]


def heading_key(heading: str) -> str:
    """Return what two headings have in common if they mean the same column."""
    return re.sub(r"[\W_]+", "", heading).casefold()


def count_headings(cells: Cells, columns: Sequence[str]) -> int:
    """Return how many of `columns` are named in these cells."""
    return len({heading_key(cell) for cell in cells} & {heading_key(column) for column in columns})


def find_heading_row(rows: Sequence[Cells], columns: Sequence[str]) -> int:
    """Return the index of the row that names the most columns, of the first few rows."""
    candidates = range(min(len(rows), HEADING_SEARCH_ROWS))
    return max(candidates, key=lambda index: count_headings(rows[index], columns), default=0)
