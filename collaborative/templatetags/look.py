"""What templates ask about the look."""

from collections.abc import Sequence

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage

from collaborative.static_files import SHEETS

register = template.Library()


@register.simple_tag
def portal_sheets() -> Sequence[str]:
    """Return the sheets that a page of the portal loads: one where static files were collected,
    and its parts in development."""
    sheets: Sequence[str] = getattr(staticfiles_storage, "sheets", SHEETS)
    return sheets
