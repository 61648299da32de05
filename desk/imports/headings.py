"""Which cells of a row belong to which column, by the row of headings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.text import Truncator

from desk.imports.heading_search import Cells, heading_key
from members.services import Refused

# In sentences.
MAX_SHOWN_CELLS = 10
MAX_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Headings:
    """The places of the columns in a row of cells, and what else the row of headings names."""

    # By column, in the order of the columns; None for an optional one that the file lacks.
    places: dict[str, int | None]
    unread: list[str]
    # Without a heading, before the last one.
    unnamed_places: set[int]
    # Up to the last heading, and with the empty cells behind it.
    width: int
    cell_count: int

    def pick(self, cells: Cells) -> dict[str, str]:
        """Return the cells of another row by column."""
        return {
            column: cells[place] if place is not None and place < len(cells) else ""
            for column, place in self.places.items()
        }

    def are_repeated_in(self, cells: dict[str, str]) -> bool:
        """Return whether these cells, by column, hold the headings once more."""
        return all(
            heading_key(cells[column]) == heading_key(column)
            for column, place in self.places.items()
            if place is not None
        )

    def unnamed(self, cells: Cells) -> list[int]:
        """Return the places, before the last heading, of what another row holds under none."""
        return [
            place
            for place, cell in enumerate(cells[: self.width])
            if cell and place in self.unnamed_places
        ]

    def beyond(self, cells: Cells) -> list[str]:
        """Return what another row holds beyond the last heading."""
        return [cell for cell in cells[self.width :] if cell]


def parse_headings(
    cells: Cells, columns: Sequence[str], optional: Collection[str], found_in: str
) -> Headings:
    """Return where each of `columns` is. Refuses headings that are there twice, and without those
    that are not `optional`; `found_in` says in the sentence where these cells are from."""
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
                f"{', '.join(required)}; {found_in} has {listed(cells)}."
            )
        if keys.count(key) > 1:
            raise Refused(f"The column “{column}” appears twice. Remove one.")
        places[column] = keys.index(key)
    unread = [
        _shorten(cell) for index, cell in enumerate(cells) if cell and index not in places.values()
    ]
    width = max((index for index, cell in enumerate(cells, 1) if cell), default=0)
    unnamed = {index for index, cell in enumerate(cells[:width]) if not cell}
    return Headings(places, unread, unnamed, width, len(cells))


def listed(cells: Cells) -> str:
    """Return the first few of the cells that hold something, for a sentence."""
    filled = [cell for cell in cells if cell]
    shown = ", ".join(f"“{_shorten(cell)}”" for cell in filled[:MAX_SHOWN_CELLS])
    more = len(filled) - MAX_SHOWN_CELLS
    return f"{shown} and {more:,} more" if more > 0 else shown or "nothing"


def _shorten(cell: str) -> str:
    return Truncator(" ".join(cell.split())).chars(MAX_SHOWN_CHARACTERS)
