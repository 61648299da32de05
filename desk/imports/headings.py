"""Which row of a file has the headings, and which of its cells belong to which column."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.text import Truncator

from members.services import Refused

# A title may stand above the headings, and an empty line or "sep=;".
HEADING_SEARCH_ROWS = 10
# In sentences.
MAX_SHOWN_CELLS = 10
MAX_SHOWN_CHARACTERS = 100

Cells = Sequence[str]


@dataclass(frozen=True)
class Headings:
    """The places of the columns in a row of cells, and what else the row of headings names."""

    # By column, in the order of the columns; None for an optional one that the file lacks.
    places: dict[str, int | None]
    unread: list[str]
    # Up to the last heading.
    width: int

    def pick(self, cells: Cells) -> dict[str, str]:
        """Return the cells of another row by column."""
        return {
            column: cells[place] if place is not None and place < len(cells) else ""
            for column, place in self.places.items()
        }

    def beyond(self, cells: Cells) -> list[str]:
        """Return what another row holds beyond the last heading."""
        return [cell for cell in cells[self.width :] if cell]


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


def parse_headings(
    cells: Cells, columns: Sequence[str], optional: Collection[str] = ()
) -> Headings:
    """Return where each of `columns` is. Refuses headings that are there twice, and without those
    that are not `optional`."""
    keys = [heading_key(cell) for cell in cells]
    places: dict[str, int | None] = {}
    required = [column for column in columns if column not in optional]
    for column in columns:
        key = heading_key(column)
        if key not in keys:
            if column in optional:
                places[column] = None
                continue
            raise Refused(
                f"The column “{column}” is missing. The first row must have the headings "
                f"{', '.join(required)}; it has {listed(cells)}."
            )
        if keys.count(key) > 1:
            raise Refused(f"The column “{column}” appears twice. Remove one.")
        places[column] = keys.index(key)
    unread = [
        _shorten(cell) for index, cell in enumerate(cells) if cell and index not in places.values()
    ]
    width = max((index for index, cell in enumerate(cells, 1) if cell), default=0)
    return Headings(places, unread, width)


def listed(cells: Cells) -> str:
    """Return the first few of the cells that hold something, for a sentence."""
    filled = [cell for cell in cells if cell]
    shown = ", ".join(f"“{_shorten(cell)}”" for cell in filled[:MAX_SHOWN_CELLS])
    more = len(filled) - MAX_SHOWN_CELLS
    return f"{shown} and {more:,} more" if more > 0 else shown or "nothing"


def _shorten(cell: str) -> str:
    return Truncator(" ".join(cell.split())).chars(MAX_SHOWN_CHARACTERS)
