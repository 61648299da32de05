"""Facilitators' Markdown as HTML that is safe to show, and marked words in it.

Two independent nets: HTML in the text stays text (markdown-it), and of the HTML made from
Markdown only an allow-list is kept (nh3).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from html import unescape

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from members.normalize import fold

TOP_HEADING = 3  # pages use h1 and h2 themselves
LOWEST_HEADING = 6

# A path of this portal: neither //host nor /\host, which browsers read as another site's.
_OWN_PATH = re.compile(r"(?:/(?![/\\])|#)[\w\-./?=&#]*\Z", re.ASCII)
# A tag, with quoted attributes that may hold ">"; or an entity; or one character.
_UNITS = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)|&(?:\w+|#\w+);|.""", re.DOTALL)

_CLEANER = nh3.Cleaner(
    tags={
        *("h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "br", "ul", "ol", "li"),
        *("a", "em", "strong", "s", "code", "mark"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={"a": {"href"}, "ol": {"start"}, "*": set()},
    url_schemes={"http", "https", "mailto"},
    url_relative=lambda url: url if _OWN_PATH.match(url) else None,
    link_rel="nofollow noopener noreferrer",
)


def _image_as_text(
    renderer: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """No images: what an image says to those who cannot see it is shown instead."""
    return str(escape(tokens[index].content))


_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_PARSER.add_render_rule("image", _image_as_text)


def _clean(html: str) -> SafeString:
    """`html` without anything that is not on the allow-list."""
    # The one place that vouches for HTML: nh3 has parsed it and kept only harmless tags.
    return mark_safe(_CLEANER.clean(html))  # noqa: S308


@lru_cache(maxsize=1024)
def render_markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """`text` as safe HTML. Its headings start at h`top` and skip no level, whatever was typed,
    so they fit below the heading that the page gives the text."""
    tokens = _PARSER.parse(text)
    previous = top - 1
    for opening, closing in zip(tokens, tokens[2:], strict=False):
        if opening.type == "heading_open":  # always followed by its text and its end
            wanted = int(opening.tag[1]) + top - 1
            previous = min(wanted, previous + 1, LOWEST_HEADING)
            opening.tag = closing.tag = f"h{previous}"
    return _clean(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def mark_words(html: str, words: Iterable[str]) -> SafeString:
    """Safe `html` with each of `words`, which are folded already, in `<mark>`.

    Looks at text only, never into tags; case and accents do not count. What is not on the
    allow-list of `render_markdown` is dropped.
    """
    wanted = [word for word in words if word]
    if not wanted:
        return _clean(html)
    marked: list[str] = []
    text: list[str] = []
    for unit in _UNITS.finditer(html):
        if unit[1]:  # a tag: the text before it is complete
            marked += [_mark_text(text, wanted), unit[1]]
            text = []
        else:
            text.append(unit[0])
    return _clean("".join([*marked, _mark_text(text, wanted)]))


def _mark_text(units: list[str], words: list[str]) -> str:
    """The characters and entities of one text, those that belong to one of `words` marked."""
    folded = [fold(unescape(unit)) for unit in units]
    owner = [i for i, letters in enumerate(folded) for _ in letters]
    haystack = "".join(folded)
    hit = [False] * len(units)
    for word in words:
        start = haystack.find(word)
        while start >= 0:
            first, last = owner[start], owner[start + len(word) - 1]
            hit[first : last + 1] = [True] * (last + 1 - first)
            start = haystack.find(word, start + 1)
    pieces: list[str] = []
    inside = False
    for unit, letters, is_hit in zip(units, folded, hit, strict=True):
        # An accent written as its own character stays with the letter before it.
        wanted = is_hit if letters else inside
        if wanted != inside:
            pieces.append("<mark>" if wanted else "</mark>")
            inside = wanted
        pieces.append(unit)
    return "".join([*pieces, "</mark>" if inside else ""])
