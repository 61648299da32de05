"""What the templates of the desk's lists need besides stock admin's tags."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

register = template.Library()


@register.filter
def labelled(cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The cells of a row, each with the name of its column as `data-label`, by which a narrow
    window shows them under each other. Admin makes whole cells; their markup is kept as it is."""
    for cell, header in zip(cells, headers, strict=False):
        if "action-checkbox" in (header["class_attrib"] or ""):
            yield cell
            continue
        tag = cell[:3]  # "<td" or "<th"
        markup = cell.replace("{", "{{").replace("}", "}}")
        yield format_html(markup.replace(tag, f'{tag} data-label="{{}}"', 1), _words(header))


def _words(header: Mapping[str, Any]) -> str:
    return str(capfirst(header["text"]) or "")
