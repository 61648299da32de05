"""What calamine may read of a workbook: parts of a package that were unpacked and checked.

Used by the program that reads workbooks (see `desk.imports.workbook_process`), without Django.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from xml.parsers.expat import ParserCreate

from desk.imports.cell_errors import (
    XLS_ERROR,
    XLSB_ERRORS,
    XLSB_MERGED,
    ErrorCells,
    xlsb_records,
)

# What a list may reach to, in a sheet as in CSV; calamine keeps 24 bytes for each cell up to there.
LAST_ROW = 20_000
LAST_COLUMN = 200
TOO_FAR = (
    f"The file has something beyond row {LAST_ROW:,} or column {LAST_COLUMN}. "
    "Copy only the list to a new file."
)
# Of all parts of a package that are read; a list of 5,000 people has 2 MB.
MAX_UNPACKED_BYTES = 10_000_000
# Of markup in all parts: such a list has 100,000, with 20 columns 400,000. Half a second.
MAX_TAGS = 800_000
# Each sheet is one; there are a dozen others.
MAX_PARTS = 300
TOO_MUCH = "There is too much in this file. Keep one sheet with only the list."
ENCRYPTED = "This file has a password. Save it without one, as .xlsx or CSV."
BINARY_ERRORS = (
    "The file has cells with an error, like #REF!, or formulas without a result. Save it as .xlsx, "
    "and the check will say which."
)
MERGED = (
    "The file has cells that are merged over several rows. Unmerge them, and repeat their "
    "content in each row."
)
# Other packages, by a part or folder in them; the first that is there says what it is.
FOREIGN_FOLDERS = {
    "word/": "This is a Word document. Copy its table to Excel and save it as .xlsx.",
    "ppt/": "This is a PowerPoint file. Copy its table to Excel and save it as .xlsx.",
    # An OpenDocument file of LibreOffice from 2024 on.
    "encrypted-package": ENCRYPTED,
    "Index/": "This is a Numbers or Pages file. Export it as Excel or CSV.",
}
NO_SPREADSHEET = "This is not a spreadsheet. Copy its table to one and save it as .xlsx or CSV."
ARCHIVE = "This is an archive (ZIP). Open it and choose the list inside it."

PACKAGE_SIGNATURE = b"PK\x03\x04"
# Where the index of a package ends, by which programs find a package behind something else.
PACKAGE_INDEX_SIGNATURE = b"PK\x05\x06"
# What calamine gets of a package: XML, binary sheets, and what says that it is OpenDocument.
# Charts, pivot tables and the like, which it does not read, can be large.
PARTS_READ = re.compile(
    r"(?!(.*/)?(docProps|customXml|charts|drawings|externalLinks|pivotCache|pivotTables|theme)/)"
    r".*\.(xml|rels)|.*(workbook|styles|sharedStrings|sheet[0-9]+)\.bin|mimetype",
    re.IGNORECASE,
)
# A part without which a package is an archive of files: of Excel's kind, or of OpenDocument.
INDEX_NAME = re.compile(r".*\.rels|content\.xml", re.IGNORECASE)
BINARY_SHEET_NAME = re.compile(r"sheet[0-9]+\.bin$", re.IGNORECASE)
XML_NAME = re.compile(r"\.(xml|rels)$", re.IGNORECASE)
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# A cell whose shared text has no number, and would be read as the first of them; or whose own text
# is where calamine does not look for it.
MISPLACED_TEXT = re.compile(
    rb"""\bt=["'](?:s["'][^<>]*>\s*<(?:\w+:)?v>(?!\s*[0-9]+\s*<)|inlineStr["'][^<>]*>\s*<(?:\w+:)?v>)"""
)
# The stored range of a sheet, which need not be true and is not needed.
STORED_RANGE = re.compile(rb"<(\w+:)?dimension\b[^<>]*/>")
CELL_PLACE = re.compile(r"([A-Za-z]+)([0-9]+)")


class WorkbookError(Exception):
    """A workbook that is not read; the text says why, for the person who sent it."""


def checked_workbook(content: bytes) -> bytes:
    """Return what calamine may read of a file.

    Of a package that is a new one with the checked parts alone, since two programs can understand
    a crafted one in two ways: parts of one name, sizes that lie, a second index.
    """
    if content.startswith(PACKAGE_SIGNATURE):
        return package_of(checked_parts(read_parts(content)))
    if PACKAGE_INDEX_SIGNATURE in content:
        raise ValueError("a package behind another file")
    if XLS_ERROR.search(content):
        raise WorkbookError(BINARY_ERRORS)
    return content


def read_parts(content: bytes) -> dict[str, bytes]:
    """Return PARTS_READ of a package, unpacked, by name.

    Raises WorkbookError if there are more than MAX_PARTS, or MAX_UNPACKED_BYTES in all. Errors of
    zipfile and ValueError say that it is damaged or crafted.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        # Some programs write the separators of Windows.
        named = [(part.filename.replace("\\", "/"), part) for part in package.infolist()]
        refuse_foreign([name for name, _ in named])
        parts = [(name, part) for name, part in named if PARTS_READ.fullmatch(name)]
        unpacked_bytes = sum(part.file_size for _, part in parts)
        if unpacked_bytes > MAX_UNPACKED_BYTES or len(parts) > MAX_PARTS:
            raise WorkbookError(TOO_MUCH)
        # Calamine does not tell upper from lower case.
        if len({name.lower() for name, _ in parts}) < len(parts):
            raise ValueError("a part is there twice")
        if any(part.compress_type not in COMPRESSIONS for _, part in parts):
            raise ValueError("a part is compressed as in no spreadsheet")
        return {name: unpack(package, part) for name, part in parts}


def refuse_foreign(names: Sequence[str]) -> None:
    """Raise WorkbookError, saying what it is, if a package with these parts is no workbook."""
    for folder, sentence in FOREIGN_FOLDERS.items():
        if any(name.startswith(folder) for name in names):
            raise WorkbookError(sentence)
    if not any(INDEX_NAME.fullmatch(name) for name in names):
        raise WorkbookError(ARCHIVE)


def unpack(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """Return a part, of which no more is unpacked than was declared; if there is more, its
    checksum is wrong, which zipfile refuses."""
    with package.open(part) as file:
        return file.read(part.file_size)


def package_of(parts: Mapping[str, bytes]) -> bytes:
    """Return a package with these parts, not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return buffer.getvalue()


def checked_parts(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the parts, cells with an error or a formula without a result as cells of text.

    Raises WorkbookError if there is too much markup, a cell is too far out, or something cannot
    be read as a person sees it; ExpatError and ValueError say that a part is damaged or crafted.
    """
    xml_names = {name for name in parts if XML_NAME.search(name)}
    if sum(parts[name].count(b"<") for name in xml_names) > MAX_TAGS:
        raise WorkbookError(TOO_MUCH)
    if b"opendocument" in (kind := parts.get("mimetype", b"")) and b"spreadsheet" not in kind:
        raise WorkbookError(NO_SPREADSHEET)
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise WorkbookError(ENCRYPTED)
    for name in filter(BINARY_SHEET_NAME.search, parts):
        check_binary_sheet(parts[name])
    return {name: checked_xml(part) if name in xml_names else part for name, part in parts.items()}


def check_binary_sheet(part: bytes) -> None:
    """Raise WorkbookError if a sheet has something that calamine does not tell: a cell with an
    error, or cells merged over several rows."""
    for kind, data in xlsb_records(part):
        if kind in XLSB_ERRORS:
            raise WorkbookError(BINARY_ERRORS)
        if kind == XLSB_MERGED and data[:4] != data[4:]:
            raise WorkbookError(MERGED)


def checked_xml(part: bytes) -> bytes:
    """Return one part of XML in the same way."""
    # Calamine reads every part as UTF-8, expat also UTF-16, which has zeros in it.
    if b"\0" in part:
        raise ValueError("a part in another encoding")
    if MISPLACED_TEXT.search(part):
        raise ValueError("a text that is not where the cell says")
    part = STORED_RANGE.sub(b"", part)
    parser = ParserCreate("utf-8")
    scan, errors = CellScan(), ErrorCells(parser)

    def start_element(name: str, attributes: Mapping[str, str]) -> None:
        scan.start_element(name, attributes)
        errors.start_element(name, attributes)

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = start_element
    parser.Parse(part, True)
    return errors.replace_in(part)


def refuse_doctype(*_: object) -> None:
    """Raise ValueError: no spreadsheet has a document type, and entities need one."""
    raise ValueError("a document type")


class CellScan:
    """Follows the elements of one part and raises WorkbookError at a cell beyond LAST_ROW or
    LAST_COLUMN that holds something.

    An empty one may be anywhere: many programs format whole rows and columns, and LibreOffice
    ends each sheet with one row, repeated up to the last. Numbers count from 1.
    """

    def __init__(self) -> None:
        self.row = 0
        self.column = 0
        self.row_count = 0
        # By local name: prefixes differ.
        self.starts = {
            # Excel
            "row": self._start_excel_row,
            "c": self._start_excel_cell,
            "v": self._check_place,
            "f": self._check_place,
            "is": self._check_place,
            # OpenDocument
            "table": self._start_table,
            "table-row": self._start_row,
            "table-cell": self._start_cell,
            "covered-table-cell": self._start_cell,
            "p": self._check_place,
        }

    def start_element(self, name: str, attributes: Mapping[str, str]) -> None:
        """Follow the start of an element."""
        start = self.starts.get(name.rpartition(":")[2])
        if start:
            start(attributes)

    def _start_excel_row(self, attributes: Mapping[str, str]) -> None:
        self.row_count += 1
        if self.row_count > LAST_ROW:
            raise WorkbookError(TOO_FAR)
        self.row = int(attributes.get("r", self.row + 1))
        self.column = 0

    def _start_excel_cell(self, attributes: Mapping[str, str]) -> None:
        if "r" not in attributes:
            self.column += 1
            return
        place = CELL_PLACE.fullmatch(attributes["r"])
        if not place:
            raise ValueError("a cell without a place")
        self.column = 0
        for letter in place[1].upper():
            self.column = 26 * self.column + ord(letter) - ord("A") + 1
        self.row = int(place[2])

    def _start_table(self, _: Mapping[str, str]) -> None:
        self.row = 0

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        self.row += int(attributes.get("table:number-rows-repeated", 1))
        self.column = 0

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        self.column += int(attributes.get("table:number-columns-repeated", 1))
        if int(attributes.get("table:number-rows-spanned", 1)) > 1:
            raise WorkbookError(MERGED)
        if "office:value-type" in attributes or "table:formula" in attributes:
            self._check_place(attributes)

    def _check_place(self, _: Mapping[str, str]) -> None:
        if self.row > LAST_ROW or self.column > LAST_COLUMN:
            raise WorkbookError(TOO_FAR)
