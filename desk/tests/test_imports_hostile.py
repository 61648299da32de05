"""Uploads that nobody means well with, and others that are no lists: each is refused in one
sentence, soon, and without the memory of the web server."""

import io
import os
import random
import resource
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from desk.imports.reader import MAX_BYTES, READ_ROWS, Table, read_table
from desk.imports.workbook_package import TOO_FAR, WorkbookError, checked_workbook
from desk.imports.workbook_process import CPU_SECONDS, read_sheet
from desk.tests.hostile_files import (
    FOREIGN_FILES,
    HEADINGS,
    HOSTILE_FILES,
    ODS_HEADINGS,
    SHEET,
    SPREADSHEET,
    STYLES,
    ods_of_xml,
    ods_row,
    sheet_xml,
    xls_of,
    xlsb_of,
    xlsx_of,
    xlsx_parts,
)
from desk.tests.workbooks import ods_of, package_of, workbook_of
from members.services import Refused

COLUMNS = ("Name", "Domains")
# Less than the program that reads may take at most, with room for a slow machine.
MAX_SECONDS = CPU_SECONDS - 2
MAX_GROWTH_BYTES = 50_000_000
# As for the fuzz tests: more, and other ones, by hand.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
ROWS = [["Name", "Domains"], ["Évry & Co", "evry.example"], ["North", "n.example"]]
WORKBOOKS: dict[str, Callable[[], bytes]] = {
    "xlsx": lambda: workbook_of({"Staff": ROWS, "Hidden": ROWS, "West": ROWS}, hidden=["Hidden"]),
    "ods": lambda: ods_of(ROWS),
    "xls": lambda: xls_of([(0, 0), (9, 9)]),
    "xlsb": lambda: xlsb_of([(0, 0), (9, 9)]),
}


def read(content: bytes) -> Table:
    return read_table(SimpleUploadedFile("list", content), COLUMNS)


def read_here(content: bytes) -> list[tuple[int, list]]:
    """Return the rows of a workbook that is meant well, read as its program does, without its
    start and limits."""
    return read_sheet(checked_workbook(content), READ_ROWS, COLUMNS)["rows"]


def processor_seconds() -> float:
    """Return the time of the processor, here and in processes that have ended: it says the same on
    a busy machine."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def most_memory() -> int:
    """Return the most bytes that this process has had so far."""
    # In bytes on macOS, in KiB elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# What is said of some of them.
SENTENCES = {
    "a cell in the last row and column": "beyond row 20,000 or column 200",
    "a cell just outside": "beyond row 20,000 or column 200",
    "cells in all rows of a binary workbook": "beyond row 20,000 or column 200",
    "rows repeated": "beyond row 20,000 or column 200",
    "two million styles": "too much in this file. Keep one sheet with only the list.",
    "thousands of sheets": "too much in this file. Keep one sheet with only the list.",
    "a bomb": "too much in this file. Keep one sheet with only the list.",
    "a million tabs in a cell": "holds too much text. Split it.",
    "two parts of one name": "This Excel file cannot be read.",
    "a document type": "This Excel file cannot be read.",
    "an old workbook whose index follows itself": "older Excel file that cannot be read",
}


# What only calamine refuses, or its program by its limits. The check that comes first sees no harm
# in them, or finds no package that it could check.
BEYOND_THE_CHECK = [
    "a huge shared string",
    "a long text in every cell",
    "thousands of attributes",
    "a comment of megabytes",
    "cells in four corners of a binary workbook",
    "cells in all rows of a binary workbook",
    "cells in four corners of an old workbook",
    "cells in all columns of an old workbook",
    "cells in all rows of an old workbook",
    "spaces repeated",
    "spaces repeated in many cells",
    "an old workbook that follows itself",
    "an old workbook whose index follows itself",
    "a million tabs in a cell",
    *(name for name in HOSTILE_FILES if name.startswith(("a megabyte", "cells of tabs"))),
]
# Of what the check refuses, one of each sentence is enough to see that it arrives.
READ_WHOLE = [*BEYOND_THE_CHECK, "a cell just outside", "a document type"]


@contextmanager
def soon_and_in_little_memory() -> Iterator[None]:
    seconds, memory = processor_seconds(), most_memory()
    yield
    assert processor_seconds() - seconds < MAX_SECONDS
    assert most_memory() - memory < MAX_GROWTH_BYTES


@pytest.mark.parametrize("name", [name for name in HOSTILE_FILES if name not in BEYOND_THE_CHECK])
def test_checked_workbook_refuses_a_hostile_file_soon_in_little_memory(name):
    """Before anything else reads it. An error that is not for people gets the portal's sentence."""
    content = HOSTILE_FILES[name]()
    assert len(content) <= MAX_BYTES
    with (
        soon_and_in_little_memory(),
        pytest.raises((WorkbookError, ValueError, BadZipFile, ExpatError)) as refused,
    ):
        checked_workbook(content)
    is_sentence = isinstance(refused.value, WorkbookError)
    sentence = str(refused.value) if is_sentence else "This Excel file cannot be read."
    assert SENTENCES.get(name, "") in sentence


@pytest.mark.parametrize("name", READ_WHOLE)
def test_read_table_refuses_a_hostile_file_soon_in_little_memory_and_says_why(name):
    content = HOSTILE_FILES[name]()
    assert len(content) <= MAX_BYTES
    with (
        soon_and_in_little_memory(),
        pytest.raises(Refused, match=SENTENCES.get(name)) as refused,
    ):
        read(content)
    assert len(str(refused.value)) < 200


def test_sentences_are_about_hostile_files():
    assert SENTENCES.keys() <= HOSTILE_FILES.keys()


@pytest.mark.parametrize(
    "content",
    [
        # Rows and columns that are formatted to their end.
        xlsx_of(f'{HEADINGS}<row><c r="XFD3" s="1"/></row><row r="1048576" hidden="1"/>'),
        # As LibreOffice ends every sheet.
        ods_of_xml(ODS_HEADINGS + ods_row(rows=1_048_574, columns=16_384)),
        package_of({name.replace("/", "\\"): part for name, part in xlsx_parts().items()}),
        package_of(
            {
                name.replace("xl/", "any/"): str(part).replace("xl/", "any/")
                for name, part in xlsx_parts().items()
            }
        ),
        *(
            xlsx_of(
                parts={SHEET: sheet_xml(HEADINGS).replace("<sheetData>", f"{range_}<sheetData>")}
            )
            for range_ in (
                '<dimension ref="A1"/>',
                '<dimension ref="A1:XFD1048576"/>',
                "<dimension/>",
            )
        ),
        *(
            xlsx_of(parts={STYLES: f'<styleSheet xmlns="{SPREADSHEET}">{styles}</styleSheet>'})
            for styles in ('<fills count="1"><fill/></fills>', "<numFmts><numFmt/></numFmts>")
        ),
        xlsx_of(parts={"xl/charts/chart1.xml": "<c:chart>", "xl/theme/theme1.xml": "no theme"}),
        package_of({**xlsx_parts(), "xl/media/image1.png": bytes(30_000_000)}),
        package_of({**xlsx_parts(), "customXml/item1.xml": "<!DOCTYPE a><a/>"}),
        package_of({**xlsx_parts(), "xl/pivotCache/1.xml": f"<a>{'<r/>' * 900_000}</a>"}),
    ],
    ids=[
        "formats",
        "LibreOffice",
        "Windows names",
        "other names",
        "stored range too small",
        "stored range too large",
        "no stored range",
        "empty fill",
        "number format of nothing",
        "broken chart",
        "picture",
        "custom",
        "pivot table",
    ],
)
def test_read_sheet_reads_odd_workbooks(content):
    assert read_here(content)[1][0] == 2


def test_read_table_reads_the_largest_workbooks():
    """Within the limits of the program."""
    last_cell = f'{HEADINGS}<row r="20000"><c r="GR20000"><v>1</v></c></row>'
    assert read(xlsx_of(last_cell)).rows[0].number == 2
    long_sheet = [[number, "Chicago", "IL"] for number in range(6_000)]
    assert read(workbook_of({"Staff": ROWS, "ZIP": long_sheet})).rows[0].number == 2


@pytest.mark.parametrize("make", [xls_of, xlsb_of])
def test_read_sheet_reads_binary_workbooks_up_to_the_limits(make):
    assert [number for number, _ in read_here(make([(0, 0), (19_999, 9)]))] == [1, 20_000]
    for beyond in [(20_000, 9), (9, 200)]:
        with pytest.raises(WorkbookError, match=TOO_FAR):
            read_here(make([(0, 0), beyond]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("page.xls", "This is a web page. Open it in Excel and save it as .xlsx."),
        ("page-utf16.xls", "This is a web page. Open it in Excel and save it as .xlsx."),
        ("page.html", "This is a web page. Open it in Excel and save it as .xlsx."),
        ("spreadsheet.xls", "This is an XML file. Open it in Excel and save it as .xlsx."),
        ("list.xml", "This is an XML file. Open it in Excel and save it as .xlsx."),
        ("excel4.xls", "This is an older Excel file. Open it in Excel and save it as .xlsx."),
        ("archive.mht", "This is a web page. Open it"),
        ("scan.pdf", "This is a PDF. Save"),
        ("letter.rtf", "This is a text document. Copy its table to Excel"),
        ("list.csv.gz", "This is an archive. Open it and choose the list inside it."),
        ("letter.xlsx", "This is a Word document. Copy its table to Excel"),
        ("letter.ods", "This is not a spreadsheet. Copy its table to one"),
        ("numbers.xlsx", "This is a Numbers or Pages file. Export it as Excel or CSV."),
        ("list.zip", "This is an archive (ZIP). Open it and choose the list inside it."),
        ("password.xlsx", "This file has a password. Save it without one, as .xlsx or CSV."),
        ("password.ods", "This file has a password. Save it without one, as .xlsx or CSV."),
        ("password-2024.ods", "This file has a password. Save it without one, as .xlsx or CSV."),
        ("no-sheets.xlsx", "This Excel file cannot be read. Save it again as .xlsx or CSV."),
        ("text-without-number.xlsx", "This Excel file cannot be read. Save it again"),
        ("text-elsewhere.xlsx", "This Excel file cannot be read. Save it again as .xlsx or CSV."),
        ("signature.xlsx", "This Excel file cannot be read. Save it again as .xlsx or CSV."),
        (
            "signature.xls",
            "This is an older Excel file that cannot be read, or one with a password",
        ),
        ("photo.xlsx", "This is a picture. Save the list from Excel, as .xlsx or CSV."),
        ("program.csv", "This is not readable text. Save the list as CSV (UTF-8) or Excel."),
    ],
)
def test_read_table_says_what_a_foreign_file_is(name, sentence, request):
    if name.startswith(("letter", "list", "numbers", "password-")):
        # The check knows what these packages are, and calamine never sees them.
        request.getfixturevalue("workbooks_here")
    with pytest.raises(Refused) as refused:
        read(FOREIGN_FILES[name])
    assert str(refused.value).startswith(sentence)


# One of each reader; with `make fuzz` all of them.
@pytest.mark.parametrize(
    "name", FOREIGN_FILES if EXAMPLES > 1 else ["password.xlsx", "program.csv"]
)
def test_import_page_refuses_a_foreign_file_in_a_sentence(client_for, facilitator, name):
    response = client_for(facilitator).post(
        "/admin/members/organization/import/",
        {"file": SimpleUploadedFile(name, FOREIGN_FILES[name])},
    )
    assert response.status_code == 200
    (sentence,) = response.context["form"].errors["file"]
    assert sentence.endswith(".")


def broken(content: bytes, chance: random.Random) -> bytes:
    """Return bytes of which some were changed, removed, repeated or replaced."""
    start, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    inserted = chance.choice([b"", b"<", b"&a;", b"\xff\0", b"9" * 30, content[start:end] * 2])
    return content[:start] + inserted + content[chance.choice([start, end]) :]


def broken_in_a_part(content: bytes, chance: random.Random) -> bytes:
    """Return a package with one part broken and everything around it in order."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    name = chance.choice(list(parts))
    return package_of({**parts, name: broken(parts[name], chance)})


@pytest.mark.parametrize(
    ("kind", "breaks"),
    [(kind, broken) for kind in WORKBOOKS]
    # That of old Excel is no package of parts.
    + [(kind, broken_in_a_part) for kind in WORKBOOKS if kind != "xls"],
)
def test_read_table_reads_or_refuses_a_broken_workbook(kind, breaks):
    chance = random.Random(zlib.crc32(f"{kind} {breaks.__name__}".encode()) + SEED)  # noqa: S311
    content = WORKBOOKS[kind]()
    for _ in range(EXAMPLES):
        # Any other error would be a page that says "Something went wrong".
        with suppress(Refused):
            read(breaks(content, chance))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "cp1252", "mac_roman"]
)
def test_read_table_reads_or_refuses_broken_text(encoding):
    chance = random.Random(zlib.crc32(encoding.encode()) + SEED)  # noqa: S311
    content = '"sep=;"\r\nName;Domains;Note\r\nÉvry & Co;"evry.example";"é; ""x"""\r\n'
    for _ in range(20 * EXAMPLES):
        with suppress(Refused):
            read(broken(content.encode(encoding), chance))


def broken_csv(rows: list[list[str]], chance: random.Random) -> bytes:
    """Return CSV that is broken below its headings, or hardly any would get to the import."""
    headings, *lines = [",".join(row).encode() + b"\n" for row in rows]
    return headings + broken(b"".join(lines), chance)


def broken_xlsx(rows: list[list[str]], chance: random.Random) -> bytes:
    """Return an Excel file with a broken part."""
    return broken_in_a_part(workbook_of({"Staff": rows}), chance)


@pytest.mark.parametrize("make", [broken_csv, broken_xlsx])
def test_import_page_answers_a_broken_file(client_for, administrator, organization, team, make):
    """With the check or with a sentence: never with an error page."""
    client = client_for(administrator)
    chance = random.Random(zlib.crc32(make.__name__.encode()) + SEED)  # noqa: S311
    rows = [
        ["Email", "Full name", "Job title", "Organization", "Teams"],
        ["eva@rush.example", "Éva Ñ", "HR", str(organization), str(team)],
    ]
    for _ in range(EXAMPLES):
        file = SimpleUploadedFile("list", make(rows, chance))
        response = client.post("/admin/members/member/import/", {"file": file}, follow=True)
        assert response.status_code == 200


def test_hostile_files_replace_the_sheet_that_is_read():
    """Or they would be refused for another reason than the one they are there for."""
    assert SHEET in xlsx_parts()
    assert read_here(xlsx_of()) == [(1, list(COLUMNS)), (2, [1])]
    assert read_here(ods_of_xml(ODS_HEADINGS)) == [(1, list(COLUMNS)), (2, ["North", "n.example"])]
