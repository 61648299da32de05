"""CSV as today's and yesterday's spreadsheets store it, in any usual encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from charset_normalizer import from_bytes

from desk.imports.heading_search import HEADING_SEARCH_ROWS, count_headings
from desk.imports.workbook_package import LAST_COLUMN, LAST_ROW, TOO_FAR
from members.services import Refused

# What spreadsheets write beside Unicode. Among more encodings the guess gets worse: Muñoz would
# be read as Muńoz.
LEGACY_ENCODINGS = {"cp1252": "Windows text", "mac_roman": "Macintosh text"}
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# UTF-16 has a zero in every second byte of text in Latin letters; no other text has any.
MIN_ZEROS_OF_UTF16 = 0.2

# What is no list, whatever its name says, and what it begins with.
FOREIGN_STARTS = {
    "<": "a web page or XML",
    "MIME-Version:": "a web page",
    "%PDF-": "a PDF",
    "{\\rtf": "a text document",
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

    @property
    def advice(self) -> str:
        """Return what to do about a row with more cells than headings."""
        return (
            f"If a {DELIMITERS[self.delimiter].removesuffix('s')} belongs to a text, put that text "
            "in quotation marks."
        )

    def notes(self) -> list[str]:
        """Return how the file was read, unless it is what the portal itself writes."""
        notes = []
        if name := LEGACY_ENCODINGS.get(self.encoding):
            notes.append(f"Read as {name}. If names look wrong, save the list as CSV (UTF-8).")
        if self.delimiter != ",":
            notes.append(f"Read with {DELIMITERS[self.delimiter]} between the columns.")
        return notes


def read_csv(content: bytes, columns: Sequence[str], max_rows: int) -> CsvText:
    """Return at most `max_rows` rows that hold something.

    The delimiter is the one that gives the most of `columns`. Refuses what is not text, what is
    text of another kind, and cells as far out as no list has them.
    """
    text, encoding = decode_text(content)
    start = text[:1000].lstrip("\ufeff \t\r\n")
    for foreign_start, kind in FOREIGN_STARTS.items():
        if start.startswith(foreign_start):
            raise Refused(f"This is {kind}. Save the list from Excel, as .xlsx or CSV.")
    delimiter = max(DELIMITERS, key=lambda each: _count_headings(text, each, columns))
    try:
        rows = _filled_rows(_lines(text, delimiter), max_rows)
    except csv.Error as error:
        raise Refused("The file is incomplete or damaged. Save it again.") from error
    if any(number > LAST_ROW or any(cells[LAST_COLUMN:]) for number, cells in rows):
        raise Refused(TOO_FAR)
    # Some programs end each row with thousands of empty cells.
    rows = [(number, cells[:LAST_COLUMN]) for number, cells in rows]
    return CsvText(encoding, delimiter, rows)


def decode_text(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding. Refuses what is not text."""
    encoding = _unicode_encoding(content)
    try:
        return content.decode(encoding), encoding.removesuffix("-sig")
    except UnicodeDecodeError as error:
        guess = from_bytes(content, cp_isolation=list(LEGACY_ENCODINGS)).best()
        if guess is None or encoding == "utf-16":
            raise Refused(
                "This is not readable text. Save the list as CSV (UTF-8) or Excel."
            ) from error
        return str(guess), guess.encoding


def _unicode_encoding(content: bytes) -> str:
    """Return the kind of Unicode that `content` is in, if it is in any."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros_at_odd_places = content[1::2].count(0)
    zeros_at_even_places = content[::2].count(0)
    if zeros_at_odd_places + zeros_at_even_places < MIN_ZEROS_OF_UTF16 * len(content):
        return "utf-8-sig"
    return "utf-16-le" if zeros_at_odd_places > zeros_at_even_places else "utf-16-be"


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
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _filled_rows(lines: Iterator[list[str]], max_rows: int) -> list[NumberedRow]:
    filled = (
        (number, cells) for number, cells in enumerate(lines, 1) if any(map(str.strip, cells))
    )
    return list(islice(filled, max_rows))
