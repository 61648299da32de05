"""What the templates of the desk's lists need besides stock admin's tags."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

register = template.Library()
# What a cell that admin has rendered begins with: "<td" or "<th".
TAG_LENGTH = 3


@register.filter
def labeled(cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the cells of a row, each with the name of its column as `data-label`: a narrow window
    shows them one below the other. Admin renders whole cells, so the attribute is inserted."""
    for cell, header in zip(cells, headers, strict=False):
        if "action-checkbox" in (header["class_attrib"] or ""):
            yield cell
        else:
            label = format_html(' data-label="{}"', capfirst(header["text"]) or "")
            yield SafeString(cell[:TAG_LENGTH]) + label + SafeString(cell[TAG_LENGTH:])
