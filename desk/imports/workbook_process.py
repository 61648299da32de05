"""A program that reads one workbook in a process of its own: bytes in, JSON out.

The bytes may come from anywhere, and calamine is native code: a damaged or hostile file can make
it crash, loop or ask for all the memory there is, since it lays out every cell between the first
and the last. So the portal starts this file (see `desk.imports.workbook`), the program limits
itself, checks what calamine would read before calamine reads it, and whatever happens to it
becomes one sentence. Of the portal it imports only modules without Django: it starts in about 30 ms
and knows no secret.

Arguments: how many rows at most, and the headings to look for.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import (
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from desk.imports.heading_search import HEADING_SEARCH_ROWS, count_headings
from desk.imports.workbook_package import (
    ENCRYPTED,
    LAST_COLUMN,
    LAST_ROW,
    MAX_PARTS,
    TOO_FAR,
    TOO_MUCH,
    WorkbookError,
    checked_workbook,
)

# Twice what the largest sheet within LAST_ROW and LAST_COLUMN needs.
MEMORY_BYTES = 300_000_000
CPU_SECONDS = 5
# Of all cells that are handed over; short strings that many cells share unpack to far more.
MAX_CHARACTERS = 2_000_000
# No program allows longer ones.
MAX_SHEET_NAME_CHARACTERS = 100
# Of the visible ones, until one has all headings.
MAX_SHEETS_SEARCHED = 10

Rows = list[tuple[int, list[Any]]]


def limit_resources() -> None:
    """Let this process have little memory and time, and write no file."""
    limits = {
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    # macOS, on which people only develop, refuses to limit the address space.
    if sys.platform != "darwin":
        limits[resource.RLIMIT_AS] = MEMORY_BYTES
    for kind, limit in limits.items():
        _, highest = resource.getrlimit(kind)
        if highest != resource.RLIM_INFINITY:
            limit = min(limit, highest)
        resource.setrlimit(kind, (limit, limit))


def read_sheet(content: bytes, max_rows: int, columns: Sequence[str]) -> dict[str, Any]:
    """Return the first visible sheet that has most of the headings, and the names of the sheets
    beside it.

    Its rows are those that hold something, at most `max_rows`, each with its number in the file.
    Hidden sheets are counted and never read.
    """
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        sheets = [
            sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet
        ]
        if not sheets:
            raise ValueError("no sheet")
        # Several may be one part.
        if len(sheets) > MAX_PARTS:
            raise WorkbookError(TOO_MUCH)
        visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        if not visible:
            raise WorkbookError("The file has no visible sheet. Unhide the one with the list.")
        sheet = find_sheet(workbook, visible, columns)
        # Binary sheets have no XML to scan; what calamine laid out fitted into the memory.
        last_row, last_column = sheet.end or (0, 0)
        if last_row >= LAST_ROW or last_column >= LAST_COLUMN:
            raise WorkbookError(TOO_FAR)
        rows = filled_rows(sheet_rows(sheet), max_rows)
        repeat_merged(rows, sheet.merged_cell_ranges or [])
    return {
        "name": sheet.name[:MAX_SHEET_NAME_CHARACTERS],
        "other_visible": [
            name[:MAX_SHEET_NAME_CHARACTERS] for name in visible if name != sheet.name
        ],
        "hidden_count": len(sheets) - len(visible),
        "rows": rows,
    }


def find_sheet(
    workbook: CalamineWorkbook, names: Sequence[str], columns: Sequence[str]
) -> CalamineSheet:
    """Return the first of these sheets that has most of the headings: before the list there may be
    one with instructions."""
    best, best_count = workbook.get_sheet_by_name(names[0]), -1
    for name in names[:MAX_SHEETS_SEARCHED] if len(names) > 1 else []:
        sheet = workbook.get_sheet_by_name(name)
        rows = filled_rows(sheet_rows(sheet), HEADING_SEARCH_ROWS)
        count = max(
            (count_headings(list(map(str, cells)), columns) for _, cells in rows), default=0
        )
        if count > best_count:
            best, best_count = sheet, count
        if count == len(columns):
            break
    return best


def sheet_rows(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield the rows from the first row and column on; calamine begins at the first column that
    holds something."""
    _, first_column = sheet.start or (0, 0)
    for row in sheet.iter_rows():
        yield [""] * first_column + row


def repeat_merged(rows: Rows, ranges: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """Give each row below the first of a merged range what the range shows, which only its first
    cell holds. A row that holds nothing else is left out as before."""
    by_number = dict(rows)
    for (first, column), (last, _) in ranges:
        top = by_number.get(first + 1, [])
        for number in range(first + 2, last + 2) if column < len(top) else ():
            if (cells := by_number.get(number)) is not None:
                cells += [""] * (column + 1 - len(cells))
                cells[column] = top[column]


def filled_rows(rows: Iterable[list[Any]], max_rows: int) -> Rows:
    """Return the rows that hold something, at most `max_rows`, each with its number from 1."""
    filled: Rows = []
    characters = 0
    for number, row in enumerate(rows, 1):
        if row.count("") == len(row):
            continue
        while row[-1] == "":
            row.pop()
        cells = [json_value(cell) for cell in row]
        characters += sum(len(str(cell)) for cell in cells)
        if characters > MAX_CHARACTERS:
            raise WorkbookError("The file holds too much text. Split it.")
        filled.append((number, cells))
        if len(filled) == max_rows:
            break
    return filled


def json_value(cell: Any) -> str | float | bool:
    """Return the value of a cell as JSON knows it, dates and times as text."""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    value: str | float | bool = cell
    return value


def answer_to(content: bytes, max_rows: int, columns: Sequence[str]) -> bytes:
    """Return the sheet, or {"error": sentence}, as JSON. Any other error is one for which the
    portal has a sentence of its own."""
    try:
        answer = read_sheet(checked_workbook(content), max_rows, columns)
    except PasswordError:
        answer = {"error": ENCRYPTED}
    except WorkbookError as error:
        answer = {"error": str(error)}
    return json.dumps(answer, ensure_ascii=False).encode()


def main() -> None:
    """Write the answer; an error ends the program with a traceback."""
    max_rows, *columns = sys.argv[1:]
    limit_resources()
    sys.stdout.buffer.write(answer_to(sys.stdin.buffer.read(), int(max_rows), columns))
