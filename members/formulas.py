"""Text that no spreadsheet takes for a formula, in every file that the portal writes, and back.

A spreadsheet runs what begins with a sign of a formula, and a facilitator's spreadsheet would run
what a stranger typed as their name. An apostrophe before the sign says "text". A cell may begin
in the middle of a text, too: where a spreadsheet expects semicolons or tabs between cells, as in
much of Europe, `North;=1+1` is two cells, in quotes or not, and so are two lines.

What is escaped here, the import unescapes: the text comes back as it was, also if it had
apostrophes before. Excel files have the same apostrophes, so that one rule reads both.
Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import re

# What may begin a cell, with spaces and quotes, which spreadsheets take away; then apostrophes; and
# the sign, if there is one. Wide and small signs come from Chinese and Japanese keyboards, the
# longer minus from word processors. Every run is read once, and never again from its middle:
# a file of a million tabs takes as long as any other.
CELL_START = re.compile(r"""((?:^|[;\t\r\n])[;\s"\0]*+)('*+)([=+\-@＝＋－＠﹦﹢﹣﹫−]?)""")
# A tab or line break at the start of a text is a sign itself.
TEXT_START = re.compile(r"^()('*+)([\t\r\n])")


def escape_formulas(text: str) -> str:
    """Return text of which no cell begins with the sign of a formula, read with commas, semicolons
    or tabs: an apostrophe stands before it."""
    return TEXT_START.sub(_add_apostrophe, CELL_START.sub(_add_apostrophe, text))


def unescape_formulas(text: str) -> str:
    """Return the text that `escape_formulas` was given."""
    return CELL_START.sub(_remove_apostrophe, TEXT_START.sub(_remove_apostrophe, text))


def _add_apostrophe(match: re.Match[str]) -> str:
    before, apostrophes, sign = match.groups()
    return f"{before}'{apostrophes}{sign}" if sign else match[0]


def _remove_apostrophe(match: re.Match[str]) -> str:
    before, apostrophes, sign = match.groups()
    return f"{before}{apostrophes[1:]}{sign}" if sign else match[0]
