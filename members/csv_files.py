"""CSV files as the portal writes them: UTF-8 that Excel recognizes, and no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain

from members.formulas import escape_formulas

Cell = str | int | float | Decimal | date | datetime | None


def stream_csv(headings: Sequence[str], rows: Iterator[list[Cell]]) -> Iterator[bytes]:
    """Yield CSV in pieces of some hundred rows, with the mark by which Excel knows accents."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    # Names of teams are headings, too.
    for row in chain([headings], rows):
        writer.writerow([_csv_cell(value) for value in row])
        if buffer.tell() > 50_000:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _csv_cell(value: Cell) -> object:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    return escape_formulas(value) if isinstance(value, str) else value
