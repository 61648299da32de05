"""What a member takes along: one ZIP with everything as data (JSON) and as a page (HTML)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.contrib.staticfiles import finders
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe

NAME = "my-data"
# The page brings its own style: it is read without the portal.
SHEETS = ("tokens", "base", "frame", "lists", "print")
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
# Where the words of a key are not clear without its place.
LABELS = {"at": "When", "what": "What happened", "history": "How your details changed"}
NOTHING = "none"


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class Section:
    """A part of the page: the records of one kind, each with its facts."""

    heading: str
    records: list[list[Fact]]


def data_archive(request: HttpRequest, data: dict[str, Any]) -> bytes:
    """Return `data`, as `personal_data` returns it, as a ZIP file."""
    page = render_to_string(
        "teams/my_data_file.html",
        {
            "facts": [_fact(key, value) for key, value in data.items() if not _is_section(value)],
            "sections": [
                Section(_label(key), [_facts(record) for record in value])
                for key, value in data.items()
                if _is_section(value)
            ],
            "written_at": timezone.now(),
            "style": _style(),
        },
        request,
    )
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as files:
        files.writestr(f"{NAME}.html", page)
        files.writestr(f"{NAME}.json", json.dumps(data, indent=2, ensure_ascii=False))
    return archive.getvalue()


def _is_section(value: Any) -> bool:
    return isinstance(value, list)


def _facts(record: Any) -> list[Fact]:
    """Return the facts of one record of a list; what is not given is left out."""
    if not isinstance(record, dict):
        return [Fact("", str(record))]
    return [_fact(key, value) for key, value in record.items() if value not in {None, ""}]


def _fact(key: str, value: Any) -> Fact:
    return Fact(_label(key), _in_words(key, value))


def _label(key: str) -> str:
    return LABELS.get(key) or key.replace("_", " ").capitalize()


def _in_words(key: str, value: Any) -> str:
    """Return a value as people write it: yes and no, dates and times of Chicago."""
    if value in {None, ""}:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A text that a person wrote is shown as it is, even if it looks like a time.
    is_time = key == "at" or key.endswith(("_at", "_since", "_sign_in"))
    moment = parse_datetime(str(value)) if is_time else None
    return date_format(timezone.localtime(moment), "F j, Y, P") if moment else str(value)


@cache
def _style() -> SafeString:
    """Return the sheets of the page in one, without the fonts, which are other files."""
    sheets = {name: _sheet(name) for name in (*SHEETS, "dark")}
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{sheets.pop('dark')}}}\n"
    # Our own files, in which nothing is from people.
    return mark_safe(_FONTS.sub("", sheets.pop("tokens")) + dark + "".join(sheets.values()))  # noqa: S308


def _sheet(name: str) -> str:
    return Path(str(finders.find(f"portal/{name}.css"))).read_text(encoding="utf-8")
