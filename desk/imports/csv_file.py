"""CSV as today's and yesterday's spreadsheets store it, in any usual encoding and delimiter."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from desk.imports.heading_search import HEADING_SEARCH_ROWS, count_headings
from desk.imports.text_encoding import WIDE_UNICODE, decode_text
from desk.imports.workbook_package import LAST_COLUMN, LAST_ROW, TOO_FAR
from members.services import Refused

LEGACY_NAMES = {"cp1252": "Windows text", "mac_roman": "Macintosh text"}
# Each with its name.
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
# The first line of some files names the delimiter: "sep=;". Another program may have set it in
# quotation marks, or have written empty cells behind it.
SEPARATOR_LINE = re.compile(r'"?sep=(?P<delimiter>[^\w"\r\n])"?[,;|\t]*[\r\n]', re.IGNORECASE)
# Some programs set a space before the quotation marks of a cell.
SPACED_QUOTE = re.compile(r'[,;|\t] +"(?!")')
# A last line, which is read as one only if no quotation mark is open.
END_LINE = "end of the file"

SAVE_LIST = "Save the list from Excel, as .xlsx or CSV."
OPEN_IN_EXCEL = "Open it in Excel and save it as .xlsx."
UNPACK = "Open it and choose the list inside it."
# What is no list, whatever its name says, by how it begins.
FOREIGN_STARTS = {
    rb"%PDF-": f"This is a PDF. {SAVE_LIST}",
    rb"\x89PNG|\xff\xd8\xff|GIF8": f"This is a picture. {SAVE_LIST}",
    rb"\x1f\x8b|7z\xbc\xaf|Rar!": f"This is an archive. {UNPACK}",
    # Excel 2 to 4, which had no container.
    rb"\x09[\x00\x02\x04][\x04\x06]\x00": f"This is an older Excel file. {OPEN_IN_EXCEL}",
    rb"\{\\rtf": "This is a text document. Copy its table to Excel and save it as .xlsx.",
}
WEB_PAGE = f"This is a web page. {OPEN_IN_EXCEL}"
FOREIGN_TEXTS = {
    r"MIME-Version:": WEB_PAGE,
    # As Excel 2003 wrote it, with tables in it.
    r"<(?=.*<Workbook\b)": f"This is an XML file. {OPEN_IN_EXCEL}",
    r"<(?=(.*<)?(!doctype html|html|head|meta|style|body|div|table)\b)": WEB_PAGE,
    r"<": f"This is an XML file. {OPEN_IN_EXCEL}",
}

NumberedRow = tuple[int, list[str]]


@dataclass(frozen=True)
class CsvText:
    """The rows of a CSV file, and how they were read."""

    # Python's name: utf-8, utf-16, cp1252 or mac_roman.
    encoding: str
    delimiter: str
    # Those that hold something, with their numbers in the file.
    rows: list[NumberedRow]
    # Where its headings are from, in a sentence.
    found_in = "it"

    @property
    def advice(self) -> str:
        """Return what to do about a row with more cells than headings."""
        name = DELIMITERS.get(self.delimiter, self.delimiter)
        return f"If a {name} is part of a text, put that text in quotation marks."

    def notes(self) -> list[str]:
        """Return how the file was read, unless it is what the portal itself writes."""
        notes = []
        if name := LEGACY_NAMES.get(self.encoding):
            notes.append(f"Read as {name}. If names look wrong, save the list as CSV (UTF-8).")
        if self.encoding in WIDE_UNICODE:
            notes.append(f"Read as Unicode text ({self.encoding[:6].upper()}).")
        if self.delimiter != ",":
            name = DELIMITERS.get(self.delimiter)
            between = f"{name}s" if name else f"the character {self.delimiter}"
            notes.append(f"Read with {between} between the columns.")
        return notes


def read_csv(content: bytes, columns: Sequence[str], max_rows: int) -> CsvText:
    """Return at most `max_rows` rows that hold something.

    The delimiter is the one that gives the most of `columns`; if it matters not, the one that the
    file names. Refuses what is not text, what is text of another kind, text that breaks off in a
    cell, and cells as far out as no list has them.
    """
    refuse_foreign(content)
    text, encoding = decode_text(content)
    named = SEPARATOR_LINE.match(text.removeprefix("\ufeff"))
    delimiters = [named["delimiter"], *DELIMITERS] if named else list(DELIMITERS)
    delimiter = max(delimiters, key=lambda each: _count_headings(text, each, columns))
    try:
        rows = _filled_rows(_lines(f"{text}\n{END_LINE}", delimiter), max_rows)
    except csv.Error as error:
        raise Refused("The file is incomplete or damaged. Save it again.") from error
    if rows[-1][1] == [END_LINE]:
        rows.pop()
    elif len(rows) < max_rows:
        raise Refused(
            f"A quotation mark in row {rows[-1][0]:,} is never closed, so everything below it is "
            "one cell. Close or remove it."
        )
    if any(number > LAST_ROW or any(cells[LAST_COLUMN:]) for number, cells in rows):
        raise Refused(TOO_FAR)
    # Some programs end each row with thousands of empty cells.
    rows = [(number, cells[:LAST_COLUMN]) for number, cells in rows]
    return CsvText(encoding, delimiter, rows[1:] if named else rows)


def refuse_foreign(content: bytes) -> None:
    """Raise Refused, saying what it is, if the beginning of a file says that it is no list."""
    for pattern, sentence in FOREIGN_STARTS.items():
        if re.match(pattern, content):
            raise Refused(sentence)
    # Zeros are every second byte in UTF-16.
    start = (
        content[:2000].replace(b"\0", b"").decode("latin-1").lstrip("\xef\xbb\xbf\xff\xfe \t\r\n")
    )
    for text, sentence in FOREIGN_TEXTS.items():
        if re.match(text, start, re.IGNORECASE | re.DOTALL):
            raise Refused(sentence)


def _count_headings(text: str, delimiter: str, columns: Sequence[str]) -> int:
    """Return how many of `columns` one of the first rows names, read with this delimiter."""
    try:
        # Below there are no headings, and there may be a million empty lines.
        lines = islice(_lines(text, delimiter), LAST_ROW)
        rows = _filled_rows(lines, HEADING_SEARCH_ROWS)
    except csv.Error:
        return 0
    return max((count_headings(cells[:LAST_COLUMN], columns) for _, cells in rows), default=0)


def _lines(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=bool(SPACED_QUOTE.search(text)),
    )


def _filled_rows(lines: Iterator[list[str]], max_rows: int) -> list[NumberedRow]:
    filled = (
        (number, cells) for number, cells in enumerate(lines, 1) if any(map(str.strip, cells))
    )
    return list(islice(filled, max_rows))
