"""What one cell of a file holds: its text, why it cannot be used, and what is no name."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

from django.core.exceptions import ValidationError

from desk.imports.cell_errors import ERROR_VALUE
from desk.imports.text_encoding import undo_misreading
from members.formulas import unescape_formulas
from members.normalize import clean_text

Value = str | float | bool

# What decoders write for bytes that mean nothing.
LOST_CHARACTER = "\ufffd"
# As web programs export "&" and accents.
ENTITY = re.compile(r"&(#\w+|\w+);")

TIME = r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[ap]\.?m\.?)?"
MONTH = (
    "(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|"
    r"oct(ober)?|nov(ember)?|dec(ember)?)\.?"
)
WEEKDAY = r"(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?\.?,? +"
# As people, programs and Excel's own guesses write them; without regard to case.
NO_NAMES = {
    "a date": rf"({WEEKDAY})?(\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}([T ]+{TIME})?"
    rf"|\d{{1,2}}(st|nd|rd|th)?[-/., ]*{MONTH}([-/., ]*\d{{2,4}})?"
    rf"|{MONTH}[-/., ]*\d{{1,4}}(st|nd|rd|th)?([-/., ]+\d{{2,4}})?)",
    "a time": rf"(-?\d+ days?, )?{TIME}",
    "a number": r"[-+$€£(]*[\d., ]*\d[\d., ]*(e[-+]?\d+)?[%)]*",
    "TRUE or FALSE": "true|false",
    "a placeholder": r"n ?/ ?[ak]|n[/.]?a\.|tb[ad]|to be (announced|determined|hired)|none|unknown"
    r"|un(assigned|defined)|vacant|not a(vailable|pplicable)|[(<[](blank|empty|none|null)[])>]"
    r"|(?-i:NA|NaN|nan|NULL|null)",
    "an email address": r"[^@]*[^@\s]@[^@\s]+\.\w.*",
    # Below a list, as programs that make reports write it.
    "a total": r"(grand |sub-?)?totals?"
    r"( (count|employees|members|organizations|people|records|rows))?\s*[:=]?[\s\d.,]*"
    r"|(head|record |row )?count\s*[:=]?[\s\d.,]+",
    # Below or above a list, as reports explain themselves: words with which no name begins.
    "a remark": r"\*+ .+|(notes?|sources?|remarks?|comments?|disclaimer|updated)\s*:.*"
    r"|(updated|generated|exported|printed|prepared) (on|by|at)\b.*"
    r"|(last updated|data as of|as of|end of (file|list|report))\b.*"
    r"|confidential( ?[-–:.,;(].*)?|page \d+( of \d+)?"
    r"|please (call|contact|do not|email|note|return|see|send|update)\b.*",
    # From a list of failed rows, which marks it as text: it would be stored.
    "a formula": r"=.*",
    "no letters": r"[\W\d_]*",
}
NO_NAME = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in NO_NAMES.items()}


def cell_text(value: Value) -> str:
    """Return a cell as cleaned text, without the apostrophes that our own exports set before what
    a spreadsheet would take for a formula, its letters put right. Line breaks stay: they may
    separate."""
    if isinstance(value, bool):
        return str(value).upper()
    lines = map(clean_text, unescape_formulas(put_letters_right(str(value))).splitlines())
    return "\n".join(filter(None, lines))


def put_letters_right(text: str) -> str:
    """Return `text` with the letters that it had before another program damaged them, or wrote them
    as a web page does."""
    text = undo_misreading(text)
    return ENTITY.sub(_unescape_entity, text) if "&" in text else text


def _unescape_entity(entity: re.Match[str]) -> str:
    is_known = entity[1].startswith("#") or f"{entity[1]};" in html5
    return unescape(entity[0]) if is_known else entity[0]


def cell_problem(value: Value) -> str:
    """Return why what a cell holds cannot be imported, and what to do; else an empty text."""
    text = str(value).strip()
    if ERROR_VALUE.fullmatch(text):
        return "This cell has an error. Correct its formula, or type the value."
    # Our own exports set an apostrophe before.
    if text.startswith("="):
        return (
            "This cell has a formula without its result. Open the file in Excel and save it, or "
            "type the value."
        )
    if LOST_CHARACTER in text:
        return "A character was lost when this file was saved. Type the text again."
    return ""


def name_problem(text: str) -> str:
    """Return why this is no name of a person or organization, but a date, a number or the like;
    else an empty text. A name may have digits in it."""
    for kind, pattern in NO_NAME.items():
        if pattern.fullmatch(text):
            return f"This cell has {kind} instead of a name. Enter the name."
    return ""


def is_placeholder(text: str) -> bool:
    """Return whether this is written where nothing is known: "N/A", "none", "-"."""
    return any(NO_NAME[kind].fullmatch(text) for kind in ("a placeholder", "no letters"))


def validate_name(text: str) -> None:
    """Raise ValidationError, saying why, if this is no name of a person or organization."""
    if problem := name_problem(text):
        raise ValidationError(problem)
