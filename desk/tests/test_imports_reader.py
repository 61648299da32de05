"""Reading uploaded files: CSV of any program, workbooks of any kind, and what breaks either."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from desk.imports import workbook
from desk.imports.reader import MAX_ROWS, Table, read_table
from desk.tests.workbooks import ods_of, package_of, workbook_of
from members.services import Refused

COLUMNS = ("Name", "Domains")
SHEET = "xl/worksheets/sheet1.xml"


def read(content: bytes, columns=COLUMNS) -> Table:
    return read_table(SimpleUploadedFile("list", content), columns)


def cells_of(table: Table) -> list[tuple[int, str, str]]:
    return [(row.number, *row.cells.values()) for row in table.rows]


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def with_part(content: bytes, name: str, part: str) -> bytes:
    """Return a packed workbook with one part added or replaced."""
    return package_of({**parts_of(content), name: part})


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_read_table_reads_csv_in_every_usual_dialect(encoding, delimiter, line_end):
    lines = [["NAME", " do_mains"], ["Évry Clinic", "evry.example"]]
    text = line_end.join(delimiter.join(line) for line in lines)
    table = read(text.encode(encoding))
    assert cells_of(table) == [(2, "Évry Clinic", "evry.example")]
    assert table.source.encoding == encoding.removesuffix("-sig")
    assert table.source.delimiter == delimiter


@pytest.mark.parametrize(
    "name",
    [
        *("José García", "Renée Müller", "Zoë", "ÁNGEL MUÑOZ", "Éric Côté", "Iñaki", "Søren Kjær"),
        *("St. Anne’s Clinic", "Aoife O’Brien", "Siobhán", "Jürgen Groß", "JOSÉ PEÑA", "Úrsula"),
        *("GARCÍA", "JOSÉ RODRÍGUEZ", "D’Angelo", "Nina O’Neill", "Ana—Maria", "Núñez"),
        *("“Kate” D’Angelo", "João Ávila", "Nicolás", "Noël", "Çelik", "Anne–Marie"),
    ],
)
@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("cp1252", "Read as Windows text. If names look wrong, save the list as CSV (UTF-8)."),
        ("mac_roman", "Read as Macintosh text. If names look wrong, save the list as CSV (UTF-8)."),
    ],
)
def test_read_table_tells_macintosh_text_from_windows_text(name, encoding, note):
    """By one name among many without accents, which charset-normalizer alone guesses wrong."""
    rows = "".join(f"Clinic {number},c{number}.example\n" for number in range(20))
    table = read(f"Name,Domains\n{rows}{name},\n".encode(encoding))
    assert table.rows[-1].cells["Name"] == name
    assert table.notes() == [note]


@pytest.mark.parametrize(("encoding", "line_end"), [("cp1252", "\r\n"), ("mac_roman", "\r")])
@pytest.mark.parametrize("name", ["Ana Solís", "St. Anne’s", "Care™ Partners", "Ôkubo"])
def test_read_table_tells_encodings_by_the_ends_of_lines_where_letters_do_not(
    name, encoding, line_end
):
    content = f"Name,Domains{line_end}{name},{line_end}".encode(encoding)
    assert read(content).rows[0].cells["Name"] == name


def test_read_table_finds_the_headings_behind_a_mark_of_utf_8_that_is_not_true():
    assert cells_of(read(b"\xef\xbb\xbfName,Domains\nCaf\xe9 Clinic,\n"))[0][1] == "Café Clinic"


def test_read_table_names_utf_16():
    table = read("Name,Domains\r\nKővári Klinik,\r\n".encode("utf-16-be"))
    assert cells_of(table) == [(2, "Kővári Klinik", "")]
    assert table.notes() == ["Read as Unicode text (UTF-16)."]


def test_read_table_reads_utf_32():
    """Its mark begins with the one of UTF-16, and every sign has three zeros."""
    table = read("Name,Domains\r\nÉvry,\r\n".encode("utf-32"))
    assert cells_of(table) == [(2, "Évry", "")]
    assert table.notes() == ["Read as Unicode text (UTF-32)."]


def test_read_table_names_the_rows_in_which_it_put_letters_right():
    table = read("Name,Domains\nElm,\nÃ‰vry,\nOak,\nJosÃ© Clinic,\nAda &amp; Co,\n".encode())
    names = [row.cells["Name"] for row in table.rows]
    assert names == ["Elm", "Évry", "Oak", "José Clinic", "Ada & Co"]
    assert table.notes() == [
        "Letters that another program had damaged are put right: rows 3, 5, 6."
    ]


def test_read_table_says_that_a_row_repeats_the_headings():
    """Of lists that were copied one below the other."""
    rows = read(b"Name,Domains,Note\nOak,,\nNAME,Domains,\nName,elm.example,\n").rows
    assert [row.problems for row in rows] == [
        {}, {"": "This row repeats the headings. Remove it."}, {}
    ]  # fmt: skip


def test_read_table_reads_quotation_marks_behind_a_space():
    table = read(b'Name, "Domains", "Note"\n"Oak", "oak.example, elm.example", "x"\n')
    assert cells_of(table) == [(2, "Oak", "oak.example, elm.example")]


@pytest.mark.parametrize(
    ("first_line", "delimiter", "note"),
    [
        ("sep=;", ";", "Read with semicolons between the columns."),
        ('"sep=;"', ";", "Read with semicolons between the columns."),
        ("SEP=|,,,", "|", "Read with vertical bars between the columns."),
        ("sep=^", "^", "Read with the character ^ between the columns."),
        ("sep=\t", "\t", "Read with tabs between the columns."),
        ("\ufeffsep=,", ",", ""),
        # Not true.
        ("sep=,", ";", "Read with semicolons between the columns."),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_read_table_skips_a_first_line_that_names_the_delimiter(
    first_line, delimiter, note, encoding
):
    lines = [first_line, delimiter.join(["Name", "Domains"]), delimiter.join(["Oak", "o.example"])]
    table = read("\r\n".join(lines).encode(encoding))
    assert cells_of(table) == [(3, "Oak", "o.example")]
    assert [each for each in table.notes() if "UTF-16" not in each] == ([note] if note else [])


def test_read_table_does_not_lose_rows_in_a_quotation_mark_that_is_never_closed():
    content = b'Name,Domains,Note\nOak,oak.example,"called\nElm,,\nFir,,\n'
    with pytest.raises(Refused, match="A quotation mark in row 2 is never closed"):
        read(content)
    assert len(read(content.replace(b"called", b'called"')).rows) == 3


@pytest.mark.parametrize(
    ("row", "is_shifted"),
    [
        (b"oak.example,Oak, Chicago,", True),
        (b"oak.example,Oak Chicago,,", False),
        (b"oak.example, Oak, Chicago,", False),
        (b"oak.example, Oak,", False),
    ],
)
def test_read_table_finds_a_shifted_row_by_the_space_after_a_comma(row, is_shifted):
    """Though the last cell is empty: it was never stored as half a name."""
    (table_row,) = read(b"Domains,Name,Note\n" + row + b"\n").rows
    assert bool(table_row.problems) == is_shifted


def test_read_table_notes_nothing_about_what_the_portal_writes_itself():
    assert read("\ufeffName,Domains\r\nÉvry Clinic,\r\n".encode()).notes() == []


def test_read_table_takes_the_delimiter_that_gives_the_headings():
    content = b'Name;"Phone, fax, pager, other";Domains\nNorth;"1, 2, 3";n.example\n'
    table = read(content)
    assert cells_of(table) == [(2, "North", "n.example")]
    assert table.notes() == [
        "Read with semicolons between the columns.",
        "Not read: the column Phone, fax, pager, other.",
    ]


def test_read_table_finds_the_headings_below_a_title_and_keeps_row_numbers():
    table = read(b"sep=;\n\nOur organizations\nName;Domains\n\nNorth;n.example\n")
    assert cells_of(table) == [(6, "North", "n.example")]
    assert "Not read: row 3, above the headings." in table.notes()


@pytest.mark.usefixtures("workbooks_here")
@pytest.mark.parametrize(
    ("content", "extra"),
    [
        (b"Domains,Name\noak.example,Oak Clinic, Chicago\n", "“Chicago” is beyond the last one."),
        (b"Name;Domains\nOak;oak.example;oakmed.example;oakcare.example\n", "“oakcare.example”"),
        (b"Name\tDomains\t\t\nOak\toak.example\t\tx\n", "“x” is"),
        (b"Name,Domains\n,,x\n", "“x” is"),
        (workbook_of({"S": [["Name", "Domains"], ["Oak", "", "", "call them"]]}), "“call them” is"),
    ],
    ids=["comma in a name", "a domain in each cell", "empty headings", "nothing else", "Excel"],
)
def test_read_table_names_cells_beyond_the_headings_as_a_problem_of_their_row(content, extra):
    (row,) = read(content).rows
    assert row.problems.keys() == {""}
    assert extra in row.problems[""]


def test_read_table_says_how_to_fix_a_row_with_more_cells_than_headings():
    (row,) = read(b"Domains;Name\noak.example;Oak; Chicago\n").rows
    assert row.problems[""] == (
        "This row has more cells than there are headings: “Chicago” is beyond the last one. If a "
        "semicolon is part of a text, put that text in quotation marks."
    )


def test_read_table_ignores_empty_cells_beyond_the_headings():
    assert not read(b"Name,Domains,,\nOak,oak.example,,,, ,\nElm,\n").rows[0].problems


def test_read_table_does_not_count_empty_rows():
    content = b"Name,Domains\n" + b" ,\n" * 2 * MAX_ROWS + b"North,\n" * MAX_ROWS
    content += b",\n" * 4 * MAX_ROWS
    assert len(read(content).rows) == MAX_ROWS


@pytest.mark.usefixtures("workbooks_here")
@pytest.mark.parametrize("filled", ["North,,", ",,x"], ids=["read", "not read"])
@pytest.mark.parametrize("make", ["csv", "xlsx"])
def test_read_table_refuses_too_many_rows(filled, make):
    lines = ["Name,Domains,Note", *[filled] * (MAX_ROWS + 500), "Last,,"]
    content = "\n".join(lines).encode()
    if make == "xlsx":
        content = workbook_of({"Sheet": [line.split(",") for line in lines]})
    with pytest.raises(Refused, match="The file has more than 5,000 rows. Split it."):
        read(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\n", "The column “Name” is missing.* it has nothing."),
        (b"Name,Town\na,b", "The column “Domains” is missing.* it has “Name”, “Town”."),
        (b"Name,name,Domains\na", "The column “Name” appears twice."),
        (b"Name,Domains\n,\n", "There are no rows below the headings."),
        (b",".join([b"x" * 999] * 50), f"it has (“{'x' * 99}…”, ){{9}}“{'x' * 99}…” and 40 more."),
        (b"Name,Domains\na\n" + b"\n" * 20_000 + b"b", "beyond row 20,000 or column 200."),
        (b"Name,Domains\na" + b"," * 200 + b"x", "beyond row 20,000 or column 200."),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "This is a picture."),
        (bytes(range(256)) * 9, "This is not readable text."),
        (b"\xff\xfeN\x00a", "This is not readable text."),
        (b'Name,Domains\n"' + b"x" * 200_000, "The file is incomplete or damaged."),
        (b'Name,Domains\n"x', "A quotation mark in row 2 is never closed"),
    ],
    ids=[
        "empty",
        "missing",
        "twice",
        "no rows",
        "long headings",
        "many rows",
        "many columns",
        "image",
        "bytes",
        "half a character",
        "huge cell",
        "open cell",
    ],
)
def test_read_table_refuses_a_csv_in_words(content, message):
    with pytest.raises(Refused, match=message):
        read(content)


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_reads_the_first_visible_sheet_of_excel():
    lookups = [["Name", "Domains"], ["Old Clinic", "old.example"]]
    rows = [["Name", "Domains"], [], ["North", None], [7, "n.example"]]
    sheets = {"Lookups": lookups, "Staff": rows, "West": rows, "East": rows}
    table = read(workbook_of(sheets, hidden={"Lookups"}))
    assert cells_of(table) == [(3, "North", ""), (4, "7", "n.example")]
    assert table.notes() == [
        "Read: the sheet “Staff”.",
        "Not read: the sheets “West”, “East”.",
        "Not read: 1 hidden sheet.",
    ]


@pytest.mark.usefixtures("workbooks_here")
@pytest.mark.parametrize(
    ("sheets", "read_sheet"),
    [
        ({"How to": [["Fill in the next sheet"]], "List": [["Name", "Domains"], ["Elm"]]}, "List"),
        ({"A": [["Name", "Domains"], ["Elm"]], "B": [["Name", "Domains"], ["Oak"]]}, "A"),
        ({"Cover": [], "A": [["Name"]], "B": [["Our list"], ["Name", "Domains"], ["Elm"]]}, "B"),
    ],
    ids=["instructions", "two lists", "cover"],
)
def test_read_table_reads_the_first_sheet_that_has_the_headings(sheets, read_sheet):
    table = read(workbook_of(sheets))
    assert table.rows[0].cells["Name"] == "Elm"
    assert table.notes()[0] == f"Read: the sheet “{read_sheet}”."
    not_read = " ".join(table.notes()[1:])
    assert all(f"“{name}”" in not_read for name in sheets if name != read_sheet)


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_prefers_no_sheet_for_an_optional_heading():
    new, exported = [["Name", "Domains"], ["Elm"]], [["Name", "Domains", "Status"], ["Oak"]]
    upload = SimpleUploadedFile("list", workbook_of({"New": new, "Exported": exported}))
    table = read_table(upload, [*COLUMNS, "Status"], ["Status"])
    assert cells_of(table) == [(2, "Elm", "", "")]


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_says_in_which_sheet_it_looked_for_headings():
    with pytest.raises(Refused, match="“Domains” is missing.*; the sheet “A” has “Name”, “Town”."):
        read(workbook_of({"Cover": [["x"]], "A": [["Name", "Town"]], "B": [["Name"]]}))


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_refuses_excel_without_a_visible_sheet():
    content = workbook_of({"Staff": [["Name", "Domains"], ["North", ""]]})
    index = parts_of(content)["xl/workbook.xml"].decode()
    content = with_part(
        content, "xl/workbook.xml", index.replace("<sheet ", '<sheet state="hidden" ')
    )
    with pytest.raises(Refused, match="The file has no visible sheet."):
        read(content)


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_reads_opendocument():
    table = read(ods_of([["Name", "Domains"], ["Évry & Co", "evry.example"]]))
    assert cells_of(table) == [(2, "Évry & Co", "evry.example")]


@pytest.mark.parametrize("length", [4, 500, -1])
def test_read_table_refuses_a_workbook_that_breaks_off(length):
    content = workbook_of({"Staff": [["Name", "Domains"], ["North", ""]]})
    with pytest.raises(Refused, match="This Excel file cannot be read."):
        read(content[:length])


def test_read_table_refuses_an_old_workbook_or_one_with_a_password():
    with pytest.raises(Refused, match="an older Excel file .*, or one with a password"):
        read(workbook.OLE_SIGNATURE + b"\xa1\xb1\x1a\xe1" + bytes(5_000))


@pytest.mark.usefixtures("workbooks_here")
def test_read_table_refuses_a_workbook_whose_cells_share_a_huge_text():
    rows = [["Name", "Domains"], *[["x" * 30_000, "y" * 30_000]] * 200]
    with pytest.raises(Refused, match="The file holds too much text. Split it."):
        read(workbook_of({"Staff": rows}))


def test_read_table_refuses_a_workbook_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(workbook, "TIMEOUT_SECONDS", 0.001)
    with pytest.raises(Refused, match="This Excel file cannot be read."):
        read(workbook_of({"Staff": [["Name", "Domains"], ["North", ""]]}))


def test_read_workbook_keeps_secrets_from_the_program(monkeypatch):
    program = "import json, os; print(json.dumps({'error': ' '.join(os.environ)}))"
    monkeypatch.setattr(workbook, "PROGRAM", program)
    monkeypatch.setenv("SECRET_KEY", "x")
    with pytest.raises(Refused) as refused:
        read(workbook_of({"Staff": [["Name"]]}))
    assert "SECRET_KEY" not in str(refused.value)
