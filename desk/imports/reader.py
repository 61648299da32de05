"""From an uploaded file to a table with known columns: CSV, Excel or OpenDocument."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.core.files.uploadedfile import UploadedFile

from desk.changelist.formulas import unescape_formulas
from desk.imports.csv_file import CsvText, read_csv
from desk.imports.headings import (
    HEADING_SEARCH_ROWS,
    Headings,
    find_heading_row,
    listed,
    parse_headings,
)
from desk.imports.workbook import Sheet, is_workbook, read_workbook
from members.normalize import clean_text
from members.services import Refused

# Below the headings. 1,000 are checked and stored well within a web server's patience, the rest
# in the background (desk.imports.runs).
MAX_ROWS = 5000
MAX_BYTES = 1_000_000
# Enough to tell that there are too many.
READ_ROWS = HEADING_SEARCH_ROWS + MAX_ROWS + 1


@dataclass(frozen=True)
class TableRow:
    """One row of a file: the number that a spreadsheet shows for it, and its cells by column."""

    number: int
    cells: dict[str, str]
    # Why a cell cannot be imported as it was read, by column; under "" why the row cannot.
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """What was read of a file, and what was not."""

    rows: list[TableRow]
    source: CsvText | Sheet
    # Headings that name none of the columns.
    unread_columns: list[str]
    # Numbers of the rows above the headings, which hold a title or the like.
    unread_rows: list[int]

    def notes(self) -> list[str]:
        """Return sentences about how the file was read, where that may surprise, and about what
        in it was not read."""
        notes = self.source.notes()
        if self.unread_rows:
            notes.append(f"Not read: {_listed('row', self.unread_rows)}, above the headings.")
        if self.unread_columns:
            notes.append(f"Not read: the {_listed('column', self.unread_columns)}.")
        return notes


def read_table(
    upload: UploadedFile[bytes], columns: Sequence[str], optional: Collection[str] = ()
) -> Table:
    """Return the rows of a file under these columns, without the empty ones. An `optional` column
    that the file lacks is empty.

    Refuses a file that is too large, has too many rows or cannot be read, and headings that are
    missing or repeated.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise Refused(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it.")
    content = upload.read()
    source: CsvText | Sheet
    if is_workbook(content):
        source = read_workbook(content, READ_ROWS)
    else:
        source = read_csv(content, columns, READ_ROWS)
    numbers = [number for number, _ in source.rows]
    lines = [[cell_text(value) for value in values] for _, values in source.rows]
    start = find_heading_row(lines, columns)
    headings = parse_headings(lines[start] if lines else [], columns, optional)
    below = list(zip(numbers, lines, strict=True))[start + 1 :]
    if len(below) > MAX_ROWS:
        raise Refused(f"The file has more than {MAX_ROWS:,} rows. Split it.")
    rows = [_table_row(number, line, headings, source.advice) for number, line in below]
    rows = [row for row in rows if any(row.cells.values()) or row.problems]
    if not rows:
        raise Refused("There are no rows below the headings.")
    return Table(rows, source, headings.unread, numbers[:start])


def _table_row(number: int, cells: Sequence[str], headings: Headings, advice: str) -> TableRow:
    row = TableRow(number, headings.pick(cells))
    if beyond := headings.beyond(cells):
        verb = "is" if len(beyond) == 1 else "are"
        row.problems[""] = (
            "This row has more cells than there are headings: "
            f"{listed(beyond)} {verb} beyond the last one. {advice}"
        )
    return row


def cell_text(value: str | float | bool) -> str:
    """Return a cell as cleaned text, without the apostrophes that our own exports set before what
    a spreadsheet would take for a formula. Line breaks stay: they may separate."""
    if isinstance(value, bool):
        return str(value).upper()
    lines = map(clean_text, unescape_formulas(str(value)).splitlines())
    return "\n".join(filter(None, lines))


def _listed(noun: str, items: Sequence[str | int]) -> str:
    return f"{noun if len(items) == 1 else noun + 's'} {', '.join(map(str, items))}"
