"""Cells with an error (#REF!), and formulas whose result was never stored.

Calamine, which reads workbooks, makes both empty cells, and of OpenDocument those without a type.
In XML (Excel, OpenDocument) they are replaced by cells of text, with the error or the formula; in
binary workbooks errors are only found. Used by the program that reads workbooks, without Django.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyexpat import XMLParserType

# As spreadsheets in any language show them; number signs alone are a column that was too narrow.
ERROR_VALUE = re.compile(
    r"#[¡¿]?(?:(?![a-z])[\w/])+[!?]|#N/[ABDV]|#I/T|#NV|#GETTING_DATA|#{3,}|Err:\d{3}"
)
UNKNOWN_ERROR = "#ERROR!"
MAX_FORMULA_CHARACTERS = 100
# A start tag, whose values may hold any sign but their own quotes, or an end tag.
TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
# Records of binary Excel: cells with an error, typed or of a formula; merged cells, of which the
# first and the last row come first.
XLSB_ERRORS = {3, 11, 14}
XLSB_MERGED = 176
# Records of Excel 97 with an error, at any place: BOOLERR, and FORMULA with its result; and FORMULA
# without one, which some programs write as if it were an empty text.
XLS_ERROR = re.compile(
    rb"\x05\x02\x08\x00.{6}[\x00\x07\x0f\x17\x1d\x24\x2a]\x01"
    rb"|\x06\x00.{8}\x02.[\x00\x07\x0f\x17\x1d\x24\x2a].{3}\xff\xff"
    rb"|\x06\x00.{5}\x00.{2}\x03\x00{5}\xff\xff",
    re.DOTALL,
)


class ErrorCells:
    """Follows the elements of one part of a package, and notes what has to be replaced in it.

    Most cells cost nothing: their ends and texts are asked for only after a sign of an error or a
    formula.
    """

    def __init__(self, parser: XMLParserType) -> None:
        self.parser = parser
        # The places of a cell's tags, and what is to stand there instead.
        self.replacements: list[tuple[int, int, bytes]] = []
        self._start = 0
        self._cell = ""
        self._attributes: Mapping[str, str] = {}
        self._element = ""
        self._texts: dict[str, str] = {}

    def start_element(self, name: str, attributes: Mapping[str, str]) -> None:
        """Follow the start of an element."""
        self._element = name.rpartition(":")[2]
        if self._element in {"c", "table-cell"}:
            self._start = self.parser.CurrentByteIndex
            self._cell, self._attributes, self._texts = name, attributes, defaultdict(str)
            is_opendocument = self._element == "table-cell"
            is_typed = "office:value-type" in attributes and "table:formula" not in attributes
            if attributes.get("t") == "e" or is_opendocument and not is_typed:
                self._follow()
        elif self._element == "f" and self._cell:
            self._follow()

    def replace_in(self, part: bytes) -> bytes:
        """Return the part with the cells replaced."""
        pieces, end = [], 0
        for start, end_tag, cell in self.replacements:
            pieces += [part[end:start], cell]
            tag = TAG.match(part, start)
            if tag and not tag[0].endswith(b"/>"):
                tag = TAG.match(part, end_tag)
            if not tag:
                raise ValueError("a tag that does not end")
            end = tag.end()
        return b"".join([*pieces, part[end:]])

    def _follow(self) -> None:
        self.parser.EndElementHandler = self._end_element
        self.parser.CharacterDataHandler = self._add_text

    def _add_text(self, text: str) -> None:
        self._texts[self._element] += text

    def _end_element(self, name: str) -> None:
        self._element = ""
        if name != self._cell:
            return
        self.parser.EndElementHandler = self.parser.CharacterDataHandler = None
        text = self._opendocument_text() if name.endswith("table-cell") else self._excel_text()
        if text:
            cell = self._cell_of_text(text)
            self.replacements.append((self._start, self.parser.CurrentByteIndex, cell.encode()))
        self._cell = ""

    def _excel_text(self) -> str:
        """Return the error, or the formula without a result, in the cell that ends here."""
        kind, value = self._attributes.get("t"), self._texts["v"].strip()
        if kind == "e":
            return value or UNKNOWN_ERROR
        # Only a text can be an empty result.
        is_result = value or kind in {"str", "inlineStr"}
        return "" if is_result else f"={self._texts['f'][:MAX_FORMULA_CHARACTERS]}"

    def _opendocument_text(self) -> str:
        """Return the same of OpenDocument, where programs store an error as an empty text or 0,
        and show it."""
        shown = ERROR_VALUE.search(self._texts["p"])
        if self._attributes.get("calcext:value-type") == "error":
            return shown[0] if shown else UNKNOWN_ERROR
        if shown and shown[0] == self._texts["p"].strip():
            return shown[0]
        if "office:value-type" in self._attributes:
            return ""
        formula = self._attributes.get("table:formula", "").partition("=")[2]
        return f"={formula[:MAX_FORMULA_CHARACTERS]}" if formula else self._texts["p"]

    def _cell_of_text(self, text: str) -> str:
        if self._cell.endswith("table-cell"):
            repeated = self._attributes.get("table:number-columns-repeated", "1")
            return (
                f'<{self._cell} office:value-type="string" table:number-columns-repeated='
                f'"{escape(repeated)}"><text:p>{escape(text)}</text:p></{self._cell}>'
            )
        prefix = self._cell.removesuffix("c")
        place = f' r="{escape(self._attributes["r"])}"' if "r" in self._attributes else ""
        return f'<{self._cell}{place} t="str"><{prefix}v>{escape(text)}</{prefix}v></{self._cell}>'


def xlsb_records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the beginning of each record of binary Excel.

    The kind has one or two bytes. Of the size that follows each byte holds seven bits and says in
    its eighth whether there is another. Source: MS-XLSB, 2.1.4.
    """
    place = 0
    while place + 1 < len(part):
        kind, place = part[place], place + 1
        if kind & 0x80:
            kind, place = kind & 0x7F | part[place] << 7, place + 1
        size = shift = 0
        while place < len(part):
            byte, place = part[place], place + 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, part[place : place + 8]
        place += size
