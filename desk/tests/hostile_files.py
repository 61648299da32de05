"""Files that nobody means well with, each made in a few lines, for tests and for `make attack`.

`HOSTILE_FILES` by name: what has to be refused within a second, without the web server's memory
growing. `FOREIGN_FILES` by name of the file: what is no list at all, whatever it is called. All
are at most 2 MB, since larger uploads are refused unread. Nothing here needs the portal or Django.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from desk.tests.workbooks import ODS_CELL, ODS_CONTENT, ODS_MANIFEST, ODS_TYPE, package_of

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
WORKBOOK = "xl/workbook.xml"
SHEET = "xl/worksheets/sheet1.xml"
STYLES = "xl/styles.xml"
STRINGS = "xl/sharedStrings.xml"
TAB = "&#9;"
HEADINGS = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>Domains</t></is></c></row>'
    '<row r="2"><c r="A2"><v>1</v></c></row>'
)
ENTITIES = '<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghij")
)

ODS_HEADINGS = "".join(
    f"<table:table-row>{ODS_CELL.format(first)}{ODS_CELL.format(second)}</table:table-row>"
    for first, second in [("Name", "Domains"), ("North", "n.example")]
)


# Excel: packages of XML -------------------------------------------------------------


def xlsx_parts(sheet: str = HEADINGS, sheet_count: int = 1) -> dict[str, str | bytes]:
    """Return the parts of an Excel file whose sheets have these rows, in XML."""
    numbers = range(1, sheet_count + 1)
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE_RELATIONS}"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/officeDocument" Target="{WORKBOOK}"/></Relationships>',
        WORKBOOK: f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONS}">'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE_RELATIONS}">{relations}'
        "</Relationships>",
        **{f"xl/worksheets/sheet{n}.xml": sheet_xml(sheet) for n in numbers},
    }


def sheet_xml(rows: str) -> str:
    """Return the XML of a sheet with these rows."""
    return f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}</sheetData></worksheet>'


def xlsx_of(rows: str = HEADINGS, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """Return an Excel file with these rows, in XML, and parts added or replaced."""
    return package_of({**xlsx_parts(rows), **(parts or {})})


def far_cell(place: str) -> bytes:
    """Return an Excel file with headings and one cell at `place`."""
    return xlsx_of(f'{HEADINGS}<row><c r="{place}"><v>1</v></c></row>')


def huge_styles(count: int) -> bytes:
    """Return an Excel file with so many cell styles."""
    styles = f'<styleSheet xmlns="{SPREADSHEET}"><cellXfs>{"<xf/>" * count}</cellXfs></styleSheet>'
    return xlsx_of(parts={STYLES: styles})


def shared_strings(strings: str, rows: str = HEADINGS) -> bytes:
    """Return an Excel file with these shared strings, in XML."""
    return xlsx_of(rows, {STRINGS: f'<sst xmlns="{SPREADSHEET}">{strings}</sst>'})


def string_in_many_cells() -> bytes:
    """Return an Excel file of which each cell has the same long text, stored once."""
    cells = '<c t="s"><v>0</v></c>' * 100
    row = f"<row>{cells}</row>"
    return shared_strings(f"<si><t>{'x' * 32_767}</t></si>", row * 300)


def with_doctype(declarations: str, text: str = "") -> bytes:
    """Return an Excel file whose sheet has a document type with these declarations."""
    row = f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>'
    doctype = f"<!DOCTYPE worksheet [{declarations}]>"
    return xlsx_of(parts={SHEET: f"{doctype}{sheet_xml(HEADINGS + row)}"})


# Packages that lie -------------------------------------------------------------------


def with_declared_size(content: bytes, part: str, size: int) -> bytes:
    """Return a package that declares another size of one part than it unpacks to."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        actual = package.getinfo(part).file_size
    return content.replace(struct.pack("<L", actual), struct.pack("<L", size))


def duplicate_parts() -> bytes:
    """Return a package with two sheets of one name, of which programs read the one or other."""
    buffer = io.BytesIO(xlsx_of())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as package:
        # As zipfile warns of a name that is there twice: first another of the same length.
        package.writestr("xl/worksheets/sheet9.xml", sheet_xml('<row r="1048576"/>'))
    return buffer.getvalue().replace(b"sheet9.xml", b"sheet1.xml")


def packed_by(method: int) -> bytes:
    """Return an Excel file with one part compressed in a way that Excel does not use."""
    buffer = io.BytesIO(xlsx_of())
    with zipfile.ZipFile(buffer, "a", method) as package:
        package.writestr(STYLES, b" " * 1_000_000)
    return buffer.getvalue()


def in_another_package(content: bytes) -> bytes:
    """Return a package within a package."""
    return package_of({"list.xlsx": content})


# OpenDocument ------------------------------------------------------------------------


def ods_of_xml(rows: str) -> bytes:
    """Return an OpenDocument file with these rows, in XML."""
    return package_of(
        {
            "mimetype": ODS_TYPE,
            "META-INF/manifest.xml": ODS_MANIFEST,
            "content.xml": ODS_CONTENT.format(rows=rows),
        }
    )


def ods_row(text: str = "", rows: int = 1, columns: int = 1) -> str:
    """Return a row of one cell, in XML, both repeated; without text the cell is empty."""
    repeated = f'table:number-columns-repeated="{columns}"'
    cell = f"<table:table-cell {repeated}/>"
    if text:
        cell = (
            f'<table:table-cell office:value-type="string" {repeated}><text:p>{text}</text:p>'
            "</table:table-cell>"
        )
    return f'<table:table-row table:number-rows-repeated="{rows}">{cell}</table:table-row>'


# Excel: binary ------------------------------------------------------------------------

SECTOR_BYTES = 512
FREE, END_OF_CHAIN, FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def xls_of(cells: Iterable[tuple[int, int]], *records: tuple[int, bytes]) -> bytes:
    """Return an Excel 97 file with a number at each of these rows and columns, from 0, and more
    records, each with its kind."""
    sheet = _xls_records(
        (0x809, struct.pack("<HHHHLL", 0x600, 0x10, 0, 0, 0, 0)),
        *((0x203, struct.pack("<HHHd", row, column, 0, 1.0)) for row, column in cells),
        *records,
        (0x0A, b""),
    )

    def index(offset: int) -> bytes:
        return _xls_records(
            (0x809, struct.pack("<HHHHLL", 0x600, 0x05, 0, 0, 0, 0)),
            (0x85, struct.pack("<LHBB", offset, 0, 2, 0) + b"S1"),
            (0x0A, b""),
        )

    return ole_of(index(len(index(0))) + sheet)


def ole_of(stream: bytes) -> bytes:
    """Return a compound file with one stream, the workbook's."""
    # Shorter streams are stored in another way.
    stream = stream.ljust(max(4096, -(-len(stream) // SECTOR_BYTES) * SECTOR_BYTES), b"\0")
    count = len(stream) // SECTOR_BYTES
    fat_count = -(-(count + 2) // 127)
    chain = [*range(1, count), END_OF_CHAIN, END_OF_CHAIN, *[FAT_SECTOR] * fat_count]
    fat = b"".join(struct.pack("<L", sector) for sector in chain)
    fat = fat.ljust(fat_count * SECTOR_BYTES, b"\xff")
    directory = _ole_entry("Root Entry", 5, END_OF_CHAIN, 0, child=1)
    directory += _ole_entry("Workbook", 2, 0, len(stream))
    fat_sectors = [count + 1 + number for number in range(fat_count)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack(
        "<LLLLLLLLL", 0, fat_count, count, 0, 4096, END_OF_CHAIN, 0, END_OF_CHAIN, 0
    )
    header += b"".join(struct.pack("<L", sector) for sector in fat_sectors)
    return header.ljust(SECTOR_BYTES, b"\xff") + stream + directory.ljust(SECTOR_BYTES, b"\0") + fat


def looping_ole() -> bytes:
    """Return a compound file whose stream follows itself without end."""
    content = xls_of([(0, 0)])
    return content.replace(struct.pack("<LLL", 1, 2, 3), struct.pack("<LLL", 1, 0, 3))


def looping_ole_index() -> bytes:
    """Return a compound file whose list of sectors is continued in a sector that continues it."""
    content = bytearray(xls_of([(0, 0)]))
    struct.pack_into("<LL", content, 68, 0, 1)
    first = SECTOR_BYTES
    content[first : first + SECTOR_BYTES] = struct.pack("<L", FREE) * 127 + struct.pack("<L", 0)
    return bytes(content)


def xlsb_of(cells: Iterable[tuple[int, int]], *records: tuple[int, bytes]) -> bytes:
    """Return a binary Excel file with a number at each of these rows and columns, from 0, and more
    records in the last row, each with its kind."""
    sheet = [_xlsb_record(129), _xlsb_record(148, bytes(16)), _xlsb_record(145)]
    for row, column in cells:
        sheet.append(_xlsb_record(0, struct.pack("<LLHBBBL", row, 0, 300, 0, 0, 0, 0)))
        sheet.append(_xlsb_record(5, struct.pack("<LLd", column, 0, 1.0)))
    sheet += [_xlsb_record(kind, data) for kind, data in records]
    sheet += [_xlsb_record(146), _xlsb_record(130)]
    bundle = struct.pack("<LL", 0, 1)
    for text in ("rId1", "S1"):
        bundle += struct.pack("<L", len(text)) + text.encode("utf-16-le")
    workbook = [_xlsb_record(131), _xlsb_record(143), _xlsb_record(156, bundle)]
    workbook += [_xlsb_record(144), _xlsb_record(132)]
    return package_of(
        {
            "xl/workbook.bin": b"".join(workbook),
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{PACKAGE_RELATIONS}">'
            f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" '
            'Target="worksheets/sheet1.bin"/></Relationships>',
            "xl/worksheets/sheet1.bin": b"".join(sheet),
        }
    )


def _xls_records(*records: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)


def _xlsb_record(kind: int, data: bytes = b"") -> bytes:
    start = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return start + bytes([len(data)]) + data


def _ole_entry(name: str, kind: int, start: int, size: int, child: int = FREE) -> bytes:
    text = f"{name}\0".encode("utf-16-le")
    entry = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    return entry + struct.pack("<LLL36xLQ", FREE, FREE, child, start, size)


HOSTILE_FILES: Mapping[str, Callable[[], bytes]] = {
    # Much of a kind.
    "two million styles": lambda: huge_styles(2_000_000),
    "styles up to the limit": lambda: huge_styles(1_900_000),
    "styles beyond the limit": lambda: huge_styles(4_000_000),
    "thousands of sheets": lambda: package_of(xlsx_parts(sheet_count=3_000)),
    "millions of empty rows": lambda: xlsx_of(HEADINGS + "<row/>" * 1_600_000),
    "millions of empty cells": lambda: xlsx_of(f"{HEADINGS}<row>{'<c/>' * 2_400_000}</row>"),
    "millions of elements elsewhere": lambda: xlsx_of(
        parts={WORKBOOK: f"<x>{'<x/>' * 2_400_000}</x>"}
    ),
    "millions of shared strings": lambda: shared_strings("<si/>" * 1_900_000),
    "a huge shared string": lambda: shared_strings(
        f"<si><t>{'x' * 9_000_000}</t></si>", f'{HEADINGS}<row><c t="s"><v>0</v></c></row>'
    ),
    "a long text in every cell": string_in_many_cells,
    "elements in elements": lambda: xlsx_of("<row>" * 800_000 + "</row>" * 800_000),
    "elements that never end": lambda: xlsx_of("<row>" * 1_900_000),
    "one element of megabytes": lambda: xlsx_of(f'<row r="{"1" * 3_000_000}"/>'),
    "thousands of attributes": lambda: xlsx_of(
        "<row " + " ".join(f"a{number}=''" for number in range(100_000)) + "/>"
    ),
    "a comment of megabytes": lambda: xlsx_of(f"<!--{' ' * 9_000_000}-->"),
    # Far away.
    "a cell in the last row and column": lambda: far_cell("XFD1048576"),
    "a cell in the last row": lambda: far_cell("A1048576"),
    "a cell in the last column": lambda: far_cell("XFD2"),
    "a cell just outside": lambda: far_cell("A20001"),
    "a cell beyond every sheet": lambda: far_cell("ZZZZZZ99999999999999999999"),
    "a cell in a row far away": lambda: xlsx_of(
        f'{HEADINGS}<row r="1048576"><c t="inlineStr"><is><t>x</t></is></c></row>'
    ),
    "a cell far away under another prefix": lambda: xlsx_of(
        parts={
            SHEET: f'<s:worksheet xmlns:s="{SPREADSHEET}"><s:sheetData><s:row><s:c r="A1"><s:v>1'
            '</s:v></s:c><s:c r="XFD1048576"><s:v>1</s:v></s:c></s:row></s:sheetData></s:worksheet>'
        }
    ),
    "cells in four corners of a binary workbook": lambda: xlsb_of([(0, 0), (1_048_575, 16_383)]),
    "cells in all rows of a binary workbook": lambda: xlsb_of([(0, 0), (600_000, 10)]),
    "cells in four corners of an old workbook": lambda: xls_of([(0, 0), (65_535, 255)]),
    "cells in all columns of an old workbook": lambda: xls_of([(0, 0), (100, 65_535)]),
    "cells in all rows of an old workbook": lambda: xls_of([(0, 0), (65_535, 100)]),
    # Repeated.
    "rows repeated": lambda: ods_of_xml(ODS_HEADINGS + ods_row("x", rows=1_048_575)),
    "columns repeated": lambda: ods_of_xml(ODS_HEADINGS + ods_row("x", columns=16_384)),
    "rows and columns repeated": lambda: ods_of_xml(ods_row("x", 1_048_576, 16_384)),
    "rows repeated a little at a time": lambda: ods_of_xml(ods_row("x", rows=100) * 10_000),
    "rows repeated without end": lambda: ods_of_xml(ods_row("x", rows=10**19)),
    "empty rows repeated between others": lambda: ods_of_xml(
        ODS_HEADINGS + ods_row(rows=1_000_000) + ods_row("x")
    ),
    "empty columns repeated between others": lambda: ods_of_xml(
        ODS_HEADINGS
        + ods_row(columns=1_000_000_000).replace("</table:table-row>", "")
        + ods_row("x").partition(">")[2]
    ),
    "spaces repeated": lambda: ods_of_xml(ods_row('<text:s text:c="4000000000"/>')),
    "spaces repeated in many cells": lambda: ods_of_xml(
        ods_row('<text:s text:c="100000"/>') * 4_000
    ),
    # Packages that lie or burst.
    "a bomb": lambda: xlsx_of(parts={STYLES: bytes(20_000_000)}),
    "a bomb in the sheet": lambda: xlsx_of(" " * 20_000_000),
    "a package in a package": lambda: in_another_package(xlsx_of()),
    "two parts of one name": duplicate_parts,
    "a part declared too small": lambda: with_declared_size(
        xlsx_of(" " * 12_000_000), SHEET, 1_000
    ),
    "a part declared too large": lambda: with_declared_size(xlsx_of(), SHEET, 4_000_000_000),
    "another compression": lambda: packed_by(zipfile.ZIP_LZMA),
    "an old workbook that follows itself": looping_ole,
    "an old workbook whose index follows itself": looping_ole_index,
    "an old workbook before a package": lambda: xls_of([(0, 0)])[:600] + far_cell("XFD1048576"),
    # XML that says more than it shows.
    "a document type": lambda: with_doctype(""),
    "entities in entities": lambda: with_doctype(ENTITIES, "&j;"),
    "an entity from a file": lambda: with_doctype('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
    "a document type from elsewhere": lambda: xlsx_of(
        parts={SHEET: f'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">{sheet_xml(HEADINGS)}'}
    ),
    "an entity that nobody declared": lambda: xlsx_of(f"{HEADINGS}<row><c>&a;</c></row>"),
    "entities in OpenDocument": lambda: package_of(
        {
            "mimetype": ODS_TYPE,
            "META-INF/manifest.xml": ODS_MANIFEST,
            "content.xml": ODS_CONTENT.format(rows=ods_row("&j;")).replace(
                "?>", f"?><!DOCTYPE office:document-content [{ENTITIES}]>", 1
            ),
        }
    ),
    "another encoding": lambda: xlsx_of(
        parts={
            SHEET: f'<?xml version="1.0" encoding="UTF-16"?>{sheet_xml(HEADINGS)}'.encode("utf-16")
        }
    ),
    "broken XML": lambda: xlsx_of("<row><c></row>"),
    "no XML": lambda: xlsx_of(parts={SHEET: b"\0" * 1_000}),
    "a million tabs in a cell": lambda: shared_strings(
        f"<si><t>x{TAB * 999_000}x</t></si>", HEADINGS + '<row><c t="s"><v>0</v></c></row>' * 3
    ),
    # CSV.
    "cells of tabs": lambda: b"x" + b'\n"' + b'","'.join([b"\t" * 130_000] * 7) + b'"',
    "a megabyte of commas": lambda: b"Name,Domains\n" + b"," * 900_000,
    "a megabyte of empty lines": lambda: b"\n" * 900_000,
    "a megabyte of quotes": lambda: b'Name,Domains\n"' + b'"' * 900_000,
    "a megabyte of headings": lambda: b"Name," * 180_000,
    "a megabyte in one heading": lambda: b"x" * 900_000,
    "a megabyte of broken characters": lambda: b"Name,Domains\n" + b"\xc3\x28\xff\xa0" * 220_000,
}

# What has another ending than it should, or is no list of any program.
FOREIGN_FILES: Mapping[str, bytes] = {
    "page.xls": b"<html><body><table><tr><td>Name</td></tr></table></body></html>",
    "page-utf16.xls": "\ufeff<html><table><tr><td>Name</td></tr></table>".encode("utf-16-le"),
    "page.html": b"\xef\xbb\xbf \r\n<!-- report -->\n<STYLE></STYLE><TABLE><TR><TD>Name",
    "spreadsheet.xls": b'<?xml version="1.0"?>\n<Workbook xmlns="urn:x"><Worksheet><Table/>'
    b"</Worksheet></Workbook>",
    "list.xml": b"<people><person><name>North</name></person></people>",
    "archive.mht": b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<html>",
    "letter.xlsx": package_of({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}),
    "letter.ods": package_of(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<x/>"}
    ),
    "password.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    + bytes(1_000)
    + "EncryptedPackage".encode("utf-16-le")
    + bytes(3_000),
    "password.ods": package_of(
        {
            "mimetype": ODS_TYPE,
            "META-INF/manifest.xml": ODS_MANIFEST.replace(
                "/>", "><manifest:encryption-data/></manifest:file-entry>"
            ),
            "content.xml": bytes(range(256)),
        }
    ),
    "password-2024.ods": package_of(
        {"mimetype": ODS_TYPE, "META-INF/manifest.xml": "<x/>", "encrypted-package": bytes(99)}
    ),
    "no-sheets.xlsx": xlsx_of(parts={WORKBOOK: f'<workbook xmlns="{SPREADSHEET}"/>'}),
    "text-without-number.xlsx": shared_strings(
        "<si><t>Name</t></si>", f'{HEADINGS}<row><c r="A3" t="s"><v>-1</v></c></row>'
    ),
    "text-elsewhere.xlsx": xlsx_of(f'{HEADINGS}<row><c r="A3" t="inlineStr"><v>Oak</v></c></row>'),
    "numbers.xlsx": package_of({"Index/Document.iwa": bytes(99), "preview.jpg": b"\xff\xd8"}),
    "list.zip": package_of({"list.csv": "Name,Domains\nNorth,\n"}),
    "empty.zip": b"PK\x05\x06" + bytes(18),
    "scan.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n" * 20,
    "excel4.xls": b"\x09\x04\x06\x00\x00\x00\x10\x00" + bytes(99),
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
    "photo.xlsx": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 9,
    "list.csv.gz": b"\x1f\x8b\x08\x00" + bytes(range(256)) * 9,
    "letter.rtf": b"{\\rtf1\\ansi{\\fonttbl\\f0 Arial;}\\f0 Name}",
    "list.json": b'[{"Name": "North", "Domains": ""}]',
    "program.csv": b"MZ\x90\x00" + bytes(999),
    "zeros.xlsx": bytes(5_000),
    "signature.xlsx": b"PK\x03\x04",
    "signature.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "nothing.csv": b"\xef\xbb\xbf",
}
