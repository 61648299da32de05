"""Text in exported files that no spreadsheet runs, and that the import reads back as it was."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from members.csv_files import stream_csv
from members.formulas import escape_formulas, unescape_formulas

SIGNS = "=+-@＝＋－＠"
# What a spreadsheet takes away before it looks for a sign.
SKIPPED = ' "\t\r\n\0\u3000'
TEXTS = st.text(alphabet=f"{SIGNS}{SKIPPED}';,ax", max_size=9)


def cells_of(content: bytes, delimiter: str) -> list[str]:
    """Return all cells of a CSV file as a spreadsheet that expects this delimiter sees them."""
    text = content.decode("utf-8-sig")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [cell for line in lines for cell in line]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=1+1", "'=1+1"),
        ("-1", "'-1"),
        ("＝1+1", "'＝1+1"),
        ("﹢1", "'﹢1"),
        ("−1", "'−1"),
        ("  =1+1", "  '=1+1"),
        ('"=1+1"', '"\'=1+1"'),
        ("\t=1+1", "'\t'=1+1"),
        ("\tNorth", "'\tNorth"),
        ("North;=1+1", "North;'=1+1"),
        ("North;;\t @x", "North;;\t '@x"),
        ("North\t＋1", "North\t'＋1"),
        ("North\n-1", "North\n'-1"),
        ("'=1+1", "''=1+1"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("North, -1", "North, -1"),
        ("North; South", "North; South"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_escape_formulas_sets_an_apostrophe_where_a_cell_may_begin(text, escaped):
    assert escape_formulas(text) == escaped
    assert unescape_formulas(escaped) == text


@example("''\t'=")
@given(TEXTS)
def test_unescape_formulas_gives_every_text_back(text):
    assert unescape_formulas(escape_formulas(text)) == text


@example([["x", '";=1+1'], ["-", "p;\"=1+1\n'@"]])
@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=3))
def test_stream_csv_has_no_formula_under_any_delimiter(rows):
    content = b"".join(stream_csv(["a", "b;=1", "c"], iter(rows)))
    for delimiter in ",;\t":
        for cell in cells_of(content, delimiter):
            assert not cell.startswith(tuple(SIGNS))
            assert not cell.strip(SKIPPED).startswith(tuple(SIGNS))


def test_unescape_formulas_reads_a_long_run_once():
    """Read again from each of its places it would take minutes."""
    text = "\t; '" * 25_000
    assert escape_formulas(text) == f"'{text}"
    assert unescape_formulas(text) == text
