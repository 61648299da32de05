"""From an uploaded file to a table with known columns: CSV in any usual dialect, or Excel."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from tablib import Dataset

from desk.changelist.export import FORMULA_PREFIXES
from members.services import Refused

MAX_ROWS = 1000  # below the heading; checked and stored well within a web server's patience
MAX_BYTES = 1_000_000
MAX_UNPACKED = 20_000_000  # of an Excel file, which is a packed folder
MAX_COLUMNS = 50
EMPTY = 1000  # rows that are read past the last one allowed
ROW = "row"  # the column of the dataset with the number of the row in the file


def read_table(upload: UploadedFile[bytes], columns: Sequence[str]) -> tuple[Dataset, list[str]]:
    """The rows of a file under these columns, each with its number; and the headings that are
    not read. Empty rows are left out.

    Refuses what is no CSV or Excel file, too large or too long a one, and headings that are
    missing or there twice.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise Refused(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it.")
    content = upload.read()
    lines = _xlsx_rows(content) if content.startswith(b"PK") else _csv_rows(content)
    headings = [_text(cell) for cell in next(lines, [])]
    places, unread = _places(headings, columns)
    table = Dataset(headers=[ROW, *columns])
    for number, line in enumerate(lines, 2):
        cells = [_text(cell) for cell in line] + [""] * len(headings)
        picked = [cells[place] for place in places]
        if any(picked):
            table.append([number, *picked])
    if not len(table):
        raise Refused("There are no rows below the headings.")
    return table, unread


def _places(headings: Sequence[str], columns: Sequence[str]) -> tuple[list[int], list[str]]:
    """Where each column stands, and the headings that name none."""
    compared = [_compared(heading) for heading in headings]
    wanted = {_compared(column): column for column in columns}
    for name, column in wanted.items():
        if name not in compared:
            there = ", ".join(f"“{heading}”" for heading in headings if heading) or "nothing"
            raise Refused(
                f"The column “{column}” is missing. The first row must have the headings "
                f"{', '.join(columns)}; it has {there}."
            )
        if compared.count(name) > 1:
            raise Refused(f"The column “{column}” is there twice. Take one out.")
    unread = [
        heading
        for heading, name in zip(headings, compared, strict=True)
        if heading and name not in wanted
    ]
    return [compared.index(name) for name in wanted], unread


def _compared(heading: str) -> str:
    return re.sub(r"[\W_]+", "", heading).casefold()


def _text(cell: Any) -> str:
    """One line of text; without the apostrophe that our own exports set before a formula."""
    text = " ".join(str("" if cell is None else cell).replace("\0", " ").split())
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_PREFIXES) else text


def _csv_rows(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return _limited(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _decoded(content: bytes) -> str:
    """The text of a file as today's and yesterday's spreadsheets store it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("This is no text that can be read. Save the list as CSV (UTF-8) or Excel.")


def _xlsx_rows(content: bytes) -> Iterator[Sequence[Any]]:
    """The rows of the first sheet."""
    try:
        packed = zipfile.ZipFile(io.BytesIO(content))
        if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
            raise Refused("The Excel file holds too much. Keep one sheet with the list alone.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError) as error:
        raise Refused("This Excel file cannot be read. Save it again as .xlsx or CSV.") from error
    return _limited(rows)


def _limited(rows: Iterable[Sequence[Any]]) -> Iterator[Any]:
    """The rows, heading included; refuses more than are allowed, and what breaks on the way."""
    try:
        for number, row in enumerate(rows):
            if number > MAX_ROWS and (number > MAX_ROWS + EMPTY or any(row)):
                raise Refused(
                    f"The file has more than {MAX_ROWS:,} rows. Split it, or take out the empty "
                    "rows at its end."
                )
            yield row
    except (csv.Error, zipfile.BadZipFile, ValueError) as error:
        raise Refused("The file breaks off or is damaged. Save it again.") from error
