"""From an uploaded file to a table with known columns: CSV, Excel or OpenDocument."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.core.files.uploadedfile import UploadedFile
from xlsxwriter.utility import xl_col_to_name

from desk.imports.cells import Value, cell_problem, cell_text, put_letters_right
from desk.imports.csv_file import CsvText, read_csv
from desk.imports.heading_search import HEADING_SEARCH_ROWS, find_heading_row
from desk.imports.headings import Headings, listed, parse_headings
from desk.imports.workbook import Sheet, is_workbook, read_workbook
from members.services import Refused

# Below the headings. 1,000 are checked and stored well within a web server's patience, the rest
# in the background (desk.imports.runs).
MAX_ROWS = 5000
# Such a list has a tenth of it in Excel, and half of it as CSV in UTF-16.
MAX_BYTES = 2_000_000
# Rows or columns in a sentence.
MAX_LISTED = 20
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
    # Numbers of the rows in which letters were put right.
    corrected_rows: list[int]
    # Numbers of the rows that hold something in a column without a heading, by its letter.
    unnamed_columns: dict[str, list[int]]

    def notes(self) -> list[str]:
        """Return sentences about how the file was read, where that may surprise, and about what
        in it was not read."""
        notes = self.source.notes()
        if self.unread_rows:
            notes.append(f"Not read: {_listed('row', self.unread_rows)}, above the headings.")
        if self.unread_columns:
            notes.append(f"Not read: the {_listed('column', self.unread_columns)}.")
        for letter, numbers in self.unnamed_columns.items():
            notes.append(
                f"Not read: column {letter}, which has no heading, in {_listed('row', numbers)}."
            )
        if self.corrected_rows:
            notes.append(
                "Letters that another program had damaged are put right: "
                f"{_listed('row', self.corrected_rows)}."
            )
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
    required = [column for column in columns if column not in optional]
    source: CsvText | Sheet
    if is_workbook(content):
        source = read_workbook(content, required, READ_ROWS)
    else:
        source = read_csv(content, required, READ_ROWS)
    # The headings are among the first.
    top = [
        [cell_text(value) for value in values] for _, values in source.rows[:HEADING_SEARCH_ROWS]
    ]
    start = find_heading_row(top, required)
    headings = parse_headings(top[start] if top else [], columns, optional, source.found_in)
    below = source.rows[start + 1 :]
    if len(below) > MAX_ROWS:
        raise Refused(f"The file has more than {MAX_ROWS:,} rows. Split it.")
    unread_rows = [number for number, _ in source.rows[:start]]
    table = Table([], source, headings.unread, unread_rows, [], {})
    for number, values in below:
        _add_row(table, number, values, headings)
    if not table.rows:
        raise Refused("There are no rows below the headings.")
    return table


def _add_row(table: Table, number: int, values: Sequence[Value], headings: Headings) -> None:
    """Add one row to the table, unless nothing of it is read, and note what is not."""
    line = [cell_text(value) for value in values]
    if any(isinstance(value, str) and put_letters_right(value) != value for value in values):
        table.corrected_rows.append(number)
    for place in headings.unnamed(line):
        table.unnamed_columns.setdefault(xl_col_to_name(place), []).append(number)
    problems = {
        column: problem
        for column, place in headings.places.items()
        if place is not None and place < len(values) and (problem := cell_problem(values[place]))
    }
    beyond = headings.beyond(line)
    if beyond or _is_shifted(values, headings):
        too_many = "This row has more cells than there are headings"
        if beyond:
            verb = "is" if len(beyond) == 1 else "are"
            too_many += f": {listed(beyond)} {verb} beyond the last one"
        problems[""] = f"{too_many}. {table.source.advice}"
    cells = headings.pick(line)
    if headings.are_repeated_in(cells):
        problems[""] = "This row repeats the headings. Remove it."
    if any(cells.values()) or problems:
        table.rows.append(TableRow(number, cells, problems))


def _is_shifted(values: Sequence[Value], headings: Headings) -> bool:
    """Return whether a text with a comma in it, without quotation marks, has moved the cells behind
    it, though the last of them is empty: unlike the others, one begins with a space."""
    spaced = [str(value).startswith(" ") for value in values[1:] if str(value).strip()]
    return len(values) > headings.cell_count and any(spaced) and not all(spaced)


def _listed(noun: str, items: Sequence[str | int]) -> str:
    shown = ", ".join(map(str, items[:MAX_LISTED]))
    more = f" and {len(items) - MAX_LISTED:,} more" if len(items) > MAX_LISTED else ""
    return f"{noun if len(items) == 1 else noun + 's'} {shown}{more}"
