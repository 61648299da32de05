"""Icons, drawings and badges in templates: the same on every page, so each process renders them
once. `TEMPLATES` names this module: no template loads it."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=200)
def drawing(name: str) -> SafeString:
    """Return an SVG of the templates: `{% drawing "icons/clock.svg" %}`."""
    return render_to_string(name)


@register.simple_tag
@lru_cache(maxsize=200)
def badge(kind: str, word: str) -> SafeString:
    """Return a status with its glyph and word: `{% badge "waiting" "Late" %}`; `kind` as in
    _badge.html."""
    return render_to_string("_badge.html", {"kind": kind, "word": word})
