"""What the templates of the desk need besides stock admin's tags."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import template
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.views.main import ChangeList
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst

register = template.Library()
# What a cell that admin has rendered begins with: "<td" or "<th".
TAG_LENGTH = 3
# An address of an email or of a page, in the text of HTML, not in an attribute. Each word is looked
# at once, from its beginning: visitors send long ones.
ADDRESS = re.compile(r"(?:https?://[^\s<]++|(?<![^\s<>@])[^\s<>@]++@[^\s<>@]++)(?![^<>]*>)")
# In characters: what does not fit into the column of a value on a phone.
LONG_ADDRESS = 18
# The filters whose choices are tabs: where a record stands.
TAB_FILTERS = {"status", "state", "affiliation"}


@register.filter
def labeled(cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the cells of a row, each with the name of its column as `data-label`: a narrow window
    shows them one below the other. Admin renders whole cells, so the attribute is inserted."""
    for cell, header in zip(cells, headers, strict=False):
        if _is_checkbox(header):
            yield cell
        else:
            label = format_html(' data-label="{}"', capfirst(header["text"]) or "")
            scope = SafeString(' scope="row"' if cell.startswith("<th") else "")
            rest = breakable(SafeString(cell[TAG_LENGTH:]))
            yield SafeString(cell[:TAG_LENGTH]) + scope + label + rest


@register.filter
def breakable(text: str) -> SafeString:
    """Return `text` with the places where a long address may go on in the next line: after the @,
    before a slash and, in a long part, before a dot. Browsers would break it inside a word."""

    def with_breaks(address: re.Match[str]) -> str:
        if len(address[0]) <= LONG_ADDRESS:
            return address[0]
        parts = re.split(r"(?<=@)|(?<=[^/:])(?=/)", address[0])
        return "<wbr>".join(
            part.replace(".", "<wbr>.") if len(part) > LONG_ADDRESS else part for part in parts
        )

    # What is escaped stays escaped: only <wbr> is added.
    return SafeString(ADDRESS.sub(with_breaks, conditional_escape(text)))


@register.filter
def filled(
    results: Sequence[Sequence[SafeString]], headers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the `headers` and `rows` of a list without the columns that are empty in each row."""
    kept = [
        number
        for number, header in enumerate(headers)
        if _is_checkbox(header) or any(strip_tags(row[number]).strip() for row in results)
    ]
    return {
        "headers": [headers[number] for number in kept],
        "rows": [[row[number] for number in kept] for row in results],
    }


def _is_checkbox(header: Mapping[str, Any]) -> bool:
    return "action-checkbox" in (header["class_attrib"] or "")


@register.filter
def zipped(columns: Iterable[str], cells: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each cell of a row with the heading of its column."""
    return zip(columns, cells, strict=True)


@register.filter
def tabs(changelist: ChangeList) -> list[Mapping[str, Any]]:
    """Return the choices of the filter by state; empty for a list without one."""
    for spec in changelist.filter_specs:
        if spec.title in TAB_FILTERS:
            return list(spec.choices(changelist))
    return []


@register.filter
def menus(changelist: ChangeList) -> list[dict[str, Any]]:
    """Return the other filters: the title, the choices, and the display of the selected one."""
    return [
        _menu(str(spec.title), list(spec.choices(changelist)))
        for spec in changelist.filter_specs
        if spec.title not in TAB_FILTERS
    ]


def _menu(title: str, choices: list[Mapping[str, Any]]) -> dict[str, Any]:
    selected = [choice for choice in choices if choice["selected"]] or choices[:1]
    return {
        "title": capfirst(title),
        "choices": choices,
        "selected": selected[0]["display"],
        "is_on": selected[0] is not choices[0],
    }


@register.filter
def facts(fieldset: Fieldset) -> list[Any]:
    """Return the fields of a record that are there to read."""
    return [field for line in fieldset for field in line if field.is_readonly]


@register.filter
def entries(fieldset: Fieldset) -> list[Any]:
    """Return the fields of a record that can be changed."""
    return [field for line in fieldset for field in line if not field.is_readonly]
