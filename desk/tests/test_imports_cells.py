"""What single cells hold: errors, formulas without a result, merged ones, and what is no name."""

import struct

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from desk.imports.cells import cell_problem, cell_text, validate_name
from desk.imports.reader import Table, read_table
from desk.tests.hostile_files import (
    ODS_HEADINGS,
    SHEET,
    SPREADSHEET,
    ods_of_xml,
    xls_of,
    xlsb_of,
    xlsx_of,
)
from desk.tests.workbooks import ods_of, workbook_of
from members.services import Refused

pytestmark = pytest.mark.usefixtures("workbooks_here")

ERROR = "This cell has an error. Correct its formula, or type the value."
FORMULA = "This cell has a formula without its result."
HEADINGS = (
    '<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>Domains</v></c></row>'
    '<row r="2"><c r="A2" t="str"><v>Elm</v></c></row>'
)


def read(content: bytes) -> Table:
    return read_table(SimpleUploadedFile("list", content), ("Name", "Domains"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  two \r\n\n lines\0 ", "two\nlines"),
        ("'=1+1", "=1+1"),
        ("North;\n'＝1+1", "North;\n＝1+1"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        (12345, "12345"),
        (1.5, "1.5"),
        (True, "TRUE"),
        ("O&#39;Brien &amp; Jos&eacute;&nbsp;", "O'Brien & José"),
        ("R&D; AT&T;", "R&D; AT&T;"),
        ("CAFÉ’S", "CAFÉ’S"),
        ("JOÃO", "JOÃO"),
        ("JosÃ© GarcÃ\xada", "José García"),
        ("Ã\x81ngel Oâ€™Brien", "Ángel O’Brien"),
        ("Jos√© O‚ÄôBrien", "José O’Brien"),
        ("JosÃƒÂ©", "José"),
        ("ï»¿Name", "Name"),
    ],
)
def test_cell_text_is_cleaned_and_keeps_lines(value, text):
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("#REF!", ERROR),
        (" #DIV/0! ", ERROR),
        ("#N/A", ERROR),
        ("#BEZUG!", ERROR),
        ("#¡VALOR!", ERROR),
        ("#¿NOMBRE?", ERROR),
        ("#I/T", ERROR),
        ("#ДЕЛ/0!", ERROR),
        ("Err:502", ERROR),
        ("########", ERROR),
        ("=A2&B2", FORMULA),
        ("Jos\ufffd", "A character was lost when this file was saved."),
        ("'=A2&B2", ""),
        ("#1 Clinic", ""),
        ("Team #HR!", ""),
        (True, ""),
        (5, ""),
    ],
)
def test_cell_problem_says_why_a_cell_cannot_be_used(value, problem):
    assert cell_problem(value).startswith(problem)
    assert bool(cell_problem(value)) == bool(problem)


# Excel: an error; a formula without a result in three ways; results that are there, one empty.
@pytest.mark.parametrize(
    ("cell", "text", "problem"),
    [
        ('<c r="B3" s="2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!", ERROR),
        ("<c r='B3' t='e'><v>#REF!</v></c>", "#REF!", ERROR),
        ('<c r="B3"><f>A1&amp;"&gt;"</f></c>', '=A1&">"', FORMULA),
        ('<c r="B3"><f>A1</f><v/></c>', "=A1", FORMULA),
        ('<c r="B3"><f t="shared" si="0"/>\n<v></v></c>', "=", FORMULA),
        ('<c r="B3" t="n"><f>A1</f><v> </v></c>', "=A1", FORMULA),
        ('<c r="B3" t="str"><f>A1</f><v>oak.example</v></c>', "oak.example", ""),
        ('<c r="B3"><f>A1</f><v>7</v></c>', "7", ""),
        ('<c r="B3" t="str"><f>A1</f><v></v></c>', "", ""),
    ],
)
def test_read_table_names_errors_and_formulas_without_a_result(cell, text, problem):
    row = f'<row r="3"><c r="A3" t="str"><v>Oak</v></c>{cell}</row>'
    rows = read(xlsx_of(HEADINGS + row)).rows
    assert [(each.number, each.cells["Name"]) for each in rows] == [(2, "Elm"), (3, "Oak")]
    assert rows[1].cells["Domains"] == text
    assert rows[1].problems.get("Domains", "").startswith(problem)
    assert bool(rows[1].problems) == bool(problem)


def test_read_table_does_not_lose_a_row_of_errors():
    rows = "".join(f'<row r="{n}"><c r="B{n}" t="e"><v>#REF!</v></c></row>' for n in (3, 9))
    assert [row.number for row in read(xlsx_of(HEADINGS + rows)).rows] == [2, 3, 9]


def test_read_table_names_errors_under_another_prefix():
    rows = (
        '<s:row><s:c t="str"><s:v>Name</s:v></s:c><s:c t="str"><s:v>Domains</s:v></s:c></s:row>'
        '<s:row><s:c t="e"><s:v>#NAME?</s:v></s:c><s:c><s:f>A1</s:f></s:c></s:row>'
    )
    sheet = (
        f'\ufeff<s:worksheet xmlns:s="{SPREADSHEET}"><s:sheetData>{rows}</s:sheetData>'
        "</s:worksheet>"
    )
    (row,) = read(xlsx_of(parts={SHEET: sheet})).rows
    assert row.cells == {"Name": "#NAME?", "Domains": "=A1"}
    assert row.problems.keys() == {"Name", "Domains"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (
            'table:formula="of:=1/0" office:value-type="string" office:string-value="" '
            'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>',
            "#DIV/0!",
        ),
        (
            'table:formula="of:=1/0" office:value-type="float" office:value="0"><text:p>Err:502'
            "</text:p></table:table-cell>",
            "Err:502",
        ),
        ('table:formula="of:=IF([.A1]>2;1)"/>', "=IF([.A1]>2;1)"),
        (
            'table:formula="of:=[.A1]" office:value-type="string" office:string-value="x">'
            "<text:p>x</text:p></table:table-cell>",
            "x",
        ),
        ("><text:p>x</text:p></table:table-cell>", "x"),
    ],
    ids=["LibreOffice", "shown", "no result", "result", "no type"],
)
def test_read_table_names_errors_of_opendocument(cell, text):
    row = f"<table:table-row><table:table-cell/><table:table-cell {cell}</table:table-row>"
    content = ods_of_xml(ODS_HEADINGS + row).replace(b"xmlns:table", b"xmlns:table")
    table = read(content)
    assert table.rows[-1].cells == {"Name": "", "Domains": text}
    assert bool(table.rows[-1].problems) == (text != "x")


@pytest.mark.parametrize(
    "content",
    [
        xls_of([(0, 0)], (0x205, struct.pack("<HHHBB", 1, 1, 0, 0x17, 1))),
        xls_of(
            [(0, 0)],
            (0x06, struct.pack("<HHHBBBBBBHHLH", 1, 1, 0, 2, 0, 0x2A, 0, 0, 0, 0xFFFF, 0, 0, 0)),
        ),
        xls_of(
            [(0, 0)],
            (0x06, struct.pack("<HHHBBBBBBHHLH", 1, 1, 0, 3, 0, 0, 0, 0, 0, 0xFFFF, 0, 0, 0)),
        ),
        xlsb_of([(0, 0)], (3, struct.pack("<LLB", 1, 0, 0x17))),
        xlsb_of([(0, 0)], (11, struct.pack("<LLBHL", 1, 0, 0x2A, 0, 0) + bytes(4))),
    ],
    ids=["xls", "xls formula", "xls formula without a result", "xlsb", "xlsb formula"],
)
def test_read_table_refuses_binary_workbooks_with_errors(content):
    with pytest.raises(Refused, match="like #REF!, or formulas without a result. Save it as"):
        read(content)


def test_read_table_reads_booleans_of_an_old_workbook():
    """They are stored as errors are."""
    content = xls_of([(0, 0)], (0x205, struct.pack("<HHHBB", 1, 1, 0, 1, 0)))
    with pytest.raises(Refused, match="The column “Name” is missing"):
        read(content)


def test_read_table_repeats_what_cells_merged_over_rows_show():
    """As Excel writes it: only the first of them holds it."""
    rows = '<row><c t="str"><v>Oak</v></c><c t="str"><v>a.example</v></c></row>' + "".join(
        f'<row><c/><c t="str"><v>{name}</v></c></row>' for name in ("b.example", "", "c.example")
    )
    sheet = (
        f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{HEADINGS}{rows}</sheetData>'
        '<mergeCells><mergeCell ref="A3:A5"/></mergeCells></worksheet>'
    )
    names = {row.number: row.cells["Name"] for row in read(xlsx_of(parts={SHEET: sheet})).rows}
    assert names == {2: "Elm", 3: "Oak", 4: "Oak", 6: ""}


def test_read_table_counts_rows_and_columns_from_the_corner_of_the_sheet():
    """Calamine leaves empty columns out."""
    rows = "".join(
        f'<row r="{number}"><c r="B{number}" t="str"><v>{mark}</v></c><c r="D{number}" t="str">'
        f'<v>{name}</v></c><c r="E{number}" t="str"><v>{domain}</v></c></row>'
        for number, mark, name, domain in [
            (5, "", "Name", "Domains"), (6, "1", "Oak", "a.example"), (7, "2", "", "b.example")
        ]
    )  # fmt: skip
    sheet = (
        f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}</sheetData>'
        '<mergeCells><mergeCell ref="D6:D7"/></mergeCells></worksheet>'
    )
    table = read(xlsx_of(parts={SHEET: sheet}))
    assert [(row.number, row.cells["Name"]) for row in table.rows] == [(6, "Oak"), (7, "Oak")]
    assert table.notes()[-1] == "Not read: column B, which has no heading, in rows 6, 7."


def test_read_table_refuses_merged_rows_of_binary_excel():
    merged = [(176, struct.pack("<LLLL", first, last, 0, 1)) for first, last in [(3, 3), (3, 4)]]
    with pytest.raises(Refused, match="The column “Name” is missing"):
        read(xlsb_of([(0, 0)], merged[0]))
    with pytest.raises(Refused, match="merged over several rows. Unmerge them"):
        read(xlsb_of([(0, 0)], *merged))


def test_read_table_refuses_merged_rows_of_opendocument():
    cell = '<table:table-cell table:number-rows-spanned="{}" office:value-type="string"/>'
    with pytest.raises(Refused, match="merged over several rows. Unmerge them"):
        read(ods_of_xml(f"{ODS_HEADINGS}<table:table-row>{cell.format(2)}</table:table-row>"))
    assert read(ods_of_xml(f"{ODS_HEADINGS}<table:table-row>{cell.format(1)}</table:table-row>"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("12345", "a number"),
        ("-3.5", "a number"),
        ("$1,200.00", "a number"),
        ("1.2E+10", "a number"),
        ("2026-12-31", "a date"),
        ("2026-12-31 08:30:00", "a date"),
        ("12/31/26", "a date"),
        ("31.12.2026", "a date"),
        ("5-Jan", "a date"),
        ("Jan-26", "a date"),
        ("January 5, 2026", "a date"),
        ("5th Sept 2026", "a date"),
        ("Thursday, December 31, 2026", "a date"),
        ("Thu 12/31/26", "a date"),
        ("08:30", "a time"),
        ("8:30 PM", "a time"),
        ("1 day, 2:00:00", "a time"),
        ("TRUE", "TRUE or FALSE"),
        ("false", "TRUE or FALSE"),
        ("N/A", "a placeholder"),
        ("n.a.", "a placeholder"),
        ("N / A", "a placeholder"),
        ("To be determined", "a placeholder"),
        ("<blank>", "a placeholder"),
        ("NA", "a placeholder"),
        ("NaN", "a placeholder"),
        ("TBD", "a placeholder"),
        ("Vacant", "a placeholder"),
        ("(blank)", "a placeholder"),
        ("Total: 2", "a total"),
        ("Grand total 1,200", "a total"),
        ("Total employees", "a total"),
        ("Count = 12", "a total"),
        ("Source: HR, updated March 3", "a remark"),
        ("* Founding member", "a remark"),
        ("Please send corrections to HR.", "a remark"),
        ("Data as of 3/1/2026", "a remark"),
        ("Page 1 of 2", "a remark"),
        ("ana@rush.example", "an email address"),
        ("Ana Example <ana@rush.example>", "an email address"),
        ("=SUM(A1:A2)", "a formula"),
        ("--", "no letters"),
        ("?", "no letters"),
    ],
)
def test_validate_name_says_what_is_there_instead(text, kind):
    with pytest.raises(ValidationError) as error:
        validate_name(text)
    assert error.value.messages == [f"This cell has {kind} instead of a name. Enter the name."]


@pytest.mark.parametrize(
    "name",
    [
        *("Nan", "Na Li", "Null Example", "April May", "Jan Kowalski", "Jan", "May", "Dee Cember"),
        *("3M Example", "Ward 12", "7-Eleven", "St. Anne’s 2", "X Æ A-12", "O", "李娜", "ليلى حسن"),
        *("Augusta 5th Street Clinic", "True North Health", "1st Care"),
        *("Sunday Example", "Thu Nguyen", "Friday May", "Tobe Example"),
        *("Booking.example", "Ana @ Rush", "@home Care"),
        *("Please Touch Museum", "Source Medical", "Confidential Care", "Note Health"),
        *("Total Health Care", "Count Basie", "Total Example Clinic 2"),
    ],
)
def test_validate_name_accepts_names(name):
    validate_name(name)


@pytest.mark.parametrize("make", [ods_of, lambda rows: workbook_of({"Staff": rows})])
def test_read_table_names_what_stands_in_a_column_without_a_heading(make):
    rows = [["", "Name", "Domains"], ["1", "Oak", "oak.example"], ["", "Elm", ""], ["3", "Fir", ""]]
    table = read(make(rows))
    assert not any(row.problems for row in table.rows)
    assert table.notes()[-1] == "Not read: column A, which has no heading, in rows 2, 4."
