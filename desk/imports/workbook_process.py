"""A program that reads one workbook in a process of its own: bytes in, JSON out.

The bytes may come from anywhere, and calamine is native code: a damaged or hostile file can make
it crash, loop or ask for all the memory there is, since it lays out every cell between the first
and the last. So the portal starts this file (see `desk.imports.workbook`), the program limits
itself, checks what calamine would read before calamine reads it, and whatever happens to it
becomes one sentence. It imports nothing of the portal: it starts in about 30 ms and knows no
secret.

Usage: python -I workbook_process.py MAX_ROWS < workbook > answer.json
"""

from __future__ import annotations

import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers.expat import ParserCreate

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

# Twice what the largest sheet within LAST_ROW and LAST_COLUMN needs.
MEMORY_BYTES = 300_000_000
CPU_SECONDS = 5
# What a list may reach to, in a sheet as in CSV; calamine keeps 24 bytes for each cell up to there.
LAST_ROW = 20_000
LAST_COLUMN = 200
TOO_FAR = (
    f"The file holds something beyond row {LAST_ROW:,} or column {LAST_COLUMN}. "
    "Copy the list alone to a new file."
)
# Of all parts of a package that are read; a list of 1,000 people has less than 1 MB.
MAX_UNPACKED_BYTES = 10_000_000
# Of markup in all parts: such a list has 50,000, with 20 columns 200,000. Half a second.
MAX_TAGS = 800_000
# Each sheet is one; there are a dozen others.
MAX_PARTS = 300
TOO_MUCH = "The file holds too much. Keep one sheet with the list alone."
# Of all cells that are handed over; short strings that many cells share unpack to far more.
MAX_CHARACTERS = 1_000_000
# No program allows longer ones.
MAX_SHEET_NAME_CHARACTERS = 100

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
XML_NAME = re.compile(r"\.(xml|rels)$", re.IGNORECASE)
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
CELL_PLACE = re.compile(r"([A-Za-z]+)([0-9]+)")


class WorkbookError(Exception):
    """A workbook that is not read; the text says why, for the person who sent it."""


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


def checked_workbook(content: bytes) -> bytes:
    """Return what calamine may read of a file.

    Of a package that is a new one with the checked parts alone, since two programs can understand
    a crafted one in two ways: parts of one name, sizes that lie, a second index.
    """
    if content.startswith(PACKAGE_SIGNATURE):
        parts = read_parts(content)
        check_xml([part for name, part in parts.items() if XML_NAME.search(name)])
        return package_of(parts)
    if PACKAGE_INDEX_SIGNATURE in content:
        raise ValueError("a package behind another file")
    return content


def read_parts(content: bytes) -> dict[str, bytes]:
    """Return PARTS_READ of a package, unpacked, by name.

    Raises WorkbookError if there are more than MAX_PARTS, or MAX_UNPACKED_BYTES in all. Errors of
    zipfile and ValueError say that it is damaged or crafted.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        # Some programs write the separators of Windows.
        named = [(part.filename.replace("\\", "/"), part) for part in package.infolist()]
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


def check_xml(parts: Sequence[bytes]) -> None:
    """Raise WorkbookError if these parts have too much markup, or a cell is too far out.

    ExpatError and ValueError say that they are damaged or crafted.
    """
    if sum(part.count(b"<") for part in parts) > MAX_TAGS:
        raise WorkbookError(TOO_MUCH)
    for part in parts:
        # Calamine reads every part as UTF-8, expat also UTF-16, which has zeros in it.
        if b"\0" in part:
            raise ValueError("a part in another encoding")
        scan = CellScan()
        parser = ParserCreate("utf-8")
        parser.StartDoctypeDeclHandler = refuse_doctype
        parser.StartElementHandler = scan.start_element
        parser.Parse(part, True)


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
        if "office:value-type" in attributes or "table:formula" in attributes:
            self._check_place(attributes)

    def _check_place(self, _: Mapping[str, str]) -> None:
        if self.row > LAST_ROW or self.column > LAST_COLUMN:
            raise WorkbookError(TOO_FAR)


def read_sheet(content: bytes, max_rows: int) -> dict[str, Any]:
    """Return the first visible sheet, and the names of the sheets beside it.

    Its rows are those that hold something, at most `max_rows`, each with its number in the file.
    Hidden sheets are counted and never read.
    """
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        sheets = [
            sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet
        ]
        # Several may be one part.
        if len(sheets) > MAX_PARTS:
            raise WorkbookError(TOO_MUCH)
        visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        if not visible:
            raise WorkbookError("The file has no visible sheet. Unhide the one with the list.")
        sheet = workbook.get_sheet_by_name(visible[0])
        # Binary sheets have no XML to scan; what calamine laid out fitted into the memory.
        last_row, last_column = sheet.end or (0, 0)
        if last_row >= LAST_ROW or last_column >= LAST_COLUMN:
            raise WorkbookError(TOO_FAR)
        rows = filled_rows(sheet.iter_rows(), max_rows)
    name, *others = [name[:MAX_SHEET_NAME_CHARACTERS] for name in visible]
    return {
        "name": name,
        "other_visible": others,
        "hidden_count": len(sheets) - len(visible),
        "rows": rows,
    }


def filled_rows(rows: Iterable[list[Any]], max_rows: int) -> list[tuple[int, list[Any]]]:
    """Return the rows that hold something, at most `max_rows`, each with its number from 1."""
    filled: list[tuple[int, list[Any]]] = []
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


def main() -> None:
    """Write the sheet, or {"error": sentence}. Any other error ends the program with a traceback,
    for which the portal has a sentence of its own."""
    max_rows = int(sys.argv[1])
    limit_resources()
    content = sys.stdin.buffer.read()
    try:
        answer = read_sheet(checked_workbook(content), max_rows)
    except WorkbookError as error:
        answer = {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
