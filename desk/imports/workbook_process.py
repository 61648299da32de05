"""A program that reads one workbook in a process of its own: bytes in, JSON out.

The bytes may come from anywhere, and calamine is native code: a damaged or hostile file can make
it crash, loop or ask for all the memory there is. So the portal starts this file (see
`desk.imports.workbook`), the program limits itself, and whatever happens to it becomes one
sentence. It imports nothing of the portal: it starts in about 30 ms and knows no secret.

Usage: python -I workbook_process.py MAX_ROWS < workbook > answer.json
"""

from __future__ import annotations

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

# Three times what a workbook of MAX_UNPACKED_BYTES needs.
MEMORY_BYTES = 200_000_000
CPU_SECONDS = 10
MAX_UNPACKED_BYTES = 20_000_000
# Of all cells that are handed over; short strings that many cells share unpack to far more.
MAX_CHARACTERS = 5_000_000
CHUNK_BYTES = 65_536


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


def check_unpacked_size(content: bytes) -> None:
    """Raise WorkbookError if the parts of a packed workbook are larger than MAX_UNPACKED_BYTES.

    Both as declared and as unpacked: a declared size may be a lie.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        declared_size = sum(part.file_size for part in package.infolist())
        sizes = chain([declared_size], unpacked_size(package))
        if any(size > MAX_UNPACKED_BYTES for size in sizes):
            raise WorkbookError(
                "The Excel file holds too much. Keep one sheet with the list alone."
            )


def unpacked_size(package: zipfile.ZipFile) -> Iterator[int]:
    """Unpack all parts and yield, chunk by chunk, how many bytes that makes so far."""
    size = 0
    for part in package.infolist():
        # zipfile would stop at the declared size; other programs do not.
        part.file_size = MAX_UNPACKED_BYTES + 1
        with package.open(part) as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                size += len(chunk)
                yield size


def read_sheet(content: bytes, max_rows: int) -> dict[str, Any]:
    """Return the first visible sheet, and the names of the sheets beside it.

    Its rows are those that hold something, at most `max_rows`, each with its number in the file.
    Hidden sheets are counted and never read.
    """
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        sheets = [
            sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet
        ]
        visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        if not visible:
            raise WorkbookError("The file has no visible sheet. Unhide the one with the list.")
        rows = filled_rows(workbook.get_sheet_by_name(visible[0]).iter_rows(), max_rows)
    return {
        "name": visible[0],
        "other_visible": visible[1:],
        "hidden_count": len(sheets) - len(visible),
        "rows": rows,
    }


def filled_rows(rows: Iterable[list[Any]], max_rows: int) -> list[tuple[int, list[Any]]]:
    """Return the rows that hold something, at most `max_rows`, each with its number from 1."""
    filled: list[tuple[int, list[Any]]] = []
    characters = 0
    for number, row in enumerate(rows, 1):
        cells = [json_value(cell) for cell in row]
        while cells and cells[-1] == "":
            cells.pop()
        if not cells:
            continue
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
        if zipfile.is_zipfile(io.BytesIO(content)):
            check_unpacked_size(content)
        answer = read_sheet(content, max_rows)
    except WorkbookError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
