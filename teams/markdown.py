"""Facilitators' Markdown as safe HTML, and marked words in it.

Two independent nets: HTML in the text stays text (markdown-it), and of the HTML made from
Markdown only an allow-list is kept (nh3).
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import unescape

import nh3
from django.conf import settings
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from teams.stemming import comparable, matched_spans

# Most pages use h1 and h2 themselves.
TOP_HEADING, LOWEST_HEADING = 3, 6

# A path of this portal: neither //host nor /\host, which browsers read as another site's.
_OWN_PATH = re.compile(r"(?:/(?![/\\])|#)[\w\-./?=&#]*\Z", re.ASCII)
# A tag, with quoted attributes that may hold ">"; or an entity; or one character.
_TAG_OR_CHARACTER = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)|&(?:\w+|#\w+);|.""", re.DOTALL)

_CLEANER = nh3.Cleaner(
    tags={
        *("h2", "h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "br", "ul", "ol", "li"),
        *("a", "em", "strong", "s", "code", "mark"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={"a": {"href"}, "ol": {"start"}, "*": set()},
    url_schemes={"http", "https", "mailto"},
    url_relative=lambda url: url if _OWN_PATH.match(url) else None,
    link_rel="nofollow noopener noreferrer",
)
# Of emails; colors are those of templates/emails/_base.html.
_CELL = "padding: 6px 10px; border: 1px solid #4a5763; text-align: left; vertical-align: top;"
_CODE = "font-family: Consolas, 'Courier New', monospace; font-size: 15px;"
_HEADING_STYLE = "margin: 24px 0 8px; font-size: 18px; line-height: 24px;"
_EMAIL_STYLES = {
    "p": "margin: 0 0 16px;",
    **dict.fromkeys(("h2", "h3", "h4", "h5", "h6"), _HEADING_STYLE),
    **dict.fromkeys(("ul", "ol"), "margin: 0 0 16px; padding: 0 0 0 24px;"),
    "li": "margin: 0 0 6px;",
    "a": "color: #0b5563; word-break: break-word; overflow-wrap: anywhere;",
    # templates/emails/_base.html has its color in the dark.
    "blockquote": "margin: 0 0 16px; padding: 0 0 0 12px; border-left: 4px solid #9a3b1f;",
    "hr": "margin: 24px 0; border: 0; border-top: 1px solid #4a5763;",
    "pre": f"margin: 0 0 16px; white-space: pre-wrap; {_CODE}",
    "code": _CODE,
    "table": "margin: 0 0 16px; border-collapse: collapse;",
    **dict.fromkeys(("th", "td"), _CELL),
}
# Of a web page, without the punctuation after it.
_ADDRESS = re.compile(r"""(https?://[^\s<>"“”]*[^\s<>"“”.,;:!?)\]'’…])""")
_OWN_PAGE = re.compile(r"/(?![/\\])")
_OWN_HREF = re.compile(r'( href=")/')
# nh3 writes attributes in double quotation marks.
_OPENING_TAG = re.compile(r"""<(\w+)((?: [\w-]+="[^"]*")*)>""")
# With pairs of parentheses in the address, and a title that nobody sees in an email. The lengths
# bound how long a text of brackets or stars takes.
_LINK = re.compile(
    r"""(!?)\[([^\]\n]{1,500})\]\(<?((?:[^()\s<>]|\([^()\s<>]*\))+)>?(?:\s+"[^"\n]*")?\)"""
)
_HEADING = re.compile(r"^#{1,6} +", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<!\w)(\*\*|\*|__|_)(?=\S)([^\n]{1,1000}?)(?<=\S)\1(?!\w)")


def _render_image_as_text(
    renderer: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Return the alternative text of an image instead of the image."""
    return str(escape(tokens[index].content))


# Where what is read together ends, in HTML.
_PART_END = re.compile(r"</(?:p|li|h[1-6]|t[dh])>")
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_PARSER.add_render_rule("image", _render_image_as_text)


def _link_addresses(state: StateCore) -> None:
    """Make links of the addresses of web pages that stand in the text, as people paste them."""
    for block in state.tokens:
        if block.children and "://" in block.content:
            block.children = list(_with_links(block.children))


def _with_links(tokens: Iterable[Token]) -> Iterator[Token]:
    is_in_link = False
    for token in tokens:
        is_in_link = token.type == "link_open" or (is_in_link and token.type != "link_close")
        if token.type != "text" or is_in_link:
            yield token
            continue
        # The parts with an odd number are addresses.
        for number, part in enumerate(_ADDRESS.split(token.content)):
            if number % 2 and _PARSER.validateLink(part):
                yield Token("link_open", "a", 1, attrs={"href": _PARSER.normalizeLink(part)})
                yield Token("text", "", 0, content=part)
                yield Token("link_close", "a", -1)
            elif part:
                yield Token("text", "", 0, content=part)


_PARSER.core.ruler.push("link_addresses", _link_addresses)


def _clean(html: str) -> SafeString:
    """Return `html` without anything that is not on the allow-list."""
    # The one place that marks HTML as safe: nh3 has parsed it and kept only harmless tags.
    return mark_safe(_CLEANER.clean(html))  # noqa: S308


@lru_cache(maxsize=1024)
def render_markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """Return `text` as safe HTML.

    Its headings begin at h`top` and skip no level, whatever levels `text` uses, so that they fit
    below the heading that the page gives the text; those of one level stay of one level.
    """
    return _render(text, top)


def _render(text: str, top: int) -> SafeString:
    tokens = _PARSER.parse(text)
    # Of the headings that this one is below, as `text` has them.
    above: list[str] = []
    # A token that opens a heading is always followed by its text and by the one that closes it.
    for opening, closing in zip(tokens, tokens[2:], strict=False):
        if opening.type == "heading_open":
            above = [tag for tag in above if tag < opening.tag]
            level = min(top + len(above), LOWEST_HEADING)
            above.append(opening.tag)
            opening.tag = closing.tag = f"h{level}"
    return _clean(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def plain_text(text: str) -> str:
    """Return what is read of Markdown `text`: without markup and the targets of links."""
    # Not from the cache of what pages show, which the search of the site would fill with all texts.
    return unescape(strip_tags(_render(text, TOP_HEADING)))


def one_line(text: str) -> str:
    """Return what is read of Markdown `text` in one line, with a dot between items of a list and
    other parts that end without punctuation."""
    parts = _PART_END.split(_render(text, TOP_HEADING))
    lines = [line for part in parts if (line := " ".join(unescape(strip_tags(part)).split()))]
    *earlier, last = lines or [""]
    return " ".join([*(line if line[-1] in ".!?:;," else f"{line} ·" for line in earlier), last])


def email_text(text: str) -> str:
    """Return Markdown `text` for an email without HTML: lists and lines as they are, the whole
    address of a link behind its words, no stars around a word."""
    text = _LINK.sub(_write_out_link, _HEADING.sub("", text))
    return _EMPHASIS.sub(r"\2", text)


def _write_out_link(match: re.Match[str]) -> str:
    image, words, url = match.groups()
    address = f"{settings.SITE_URL}{url}" if _OWN_PAGE.match(url) else url.removeprefix("mailto:")
    return words if image or words == address else f"{words} ({address})"


def email_html(text: str, top: int = TOP_HEADING) -> SafeString:
    """Return Markdown `text` as HTML for emails: Outlook knows only styles that stand in the tags,
    and a link to a page of the portal needs its whole address."""

    def with_style(match: re.Match[str]) -> str:
        tag, attributes = match[1], _OWN_HREF.sub(rf"\1{settings.SITE_URL}/", match[2])
        if tag == "blockquote":
            attributes = ' class="quote"'
        style = _EMAIL_STYLES.get(tag)
        return f'<{tag}{attributes} style="{style}">' if style else match[0]

    # Only tags of the allow-list get a constant attribute, and the address of the portal.
    return mark_safe(_OPENING_TAG.sub(with_style, render_markdown(text, top)))  # noqa: S308


def mark_words(html: str, terms: frozenset[str]) -> SafeString:
    """Return safe `html` with the words in `<mark>` that have one of `terms` (of a search).

    Only text is searched, never tags. What is not on the allow-list of `render_markdown` is
    dropped.
    """
    if not terms:
        return _clean(html)
    marked: list[str] = []
    text: list[str] = []
    for match in _TAG_OR_CHARACTER.finditer(html):
        tag = match[1]
        if tag:
            marked += [_mark_text(text, terms), tag]
            text = []
        else:
            text.append(match[0])
    return _clean("".join([*marked, _mark_text(text, terms)]))


def _mark_text(characters: list[str], terms: frozenset[str]) -> str:
    """Return the characters and entities of a text without tags, words with `terms` marked."""
    # Folding makes one letter two ("ß") or none (an accent), so each keeps its own.
    folded = [comparable(unescape(character)) for character in characters]
    is_marked = _find_words(folded, terms)
    pieces: list[str] = []
    inside = False
    for character, letters, is_hit in zip(characters, folded, is_marked, strict=True):
        # An accent written as its own character stays with the letter before it.
        is_inside = is_hit if letters else inside
        if is_inside != inside:
            pieces.append("<mark>" if is_inside else "</mark>")
            inside = is_inside
        pieces.append(character)
    return "".join([*pieces, "</mark>" if inside else ""])


def _find_words(folded: list[str], terms: frozenset[str]) -> list[bool]:
    """Return for each folded character whether it belongs to a word that has one of `terms`."""
    origins = [index for index, letters in enumerate(folded) for _ in letters]
    is_marked = [False] * len(folded)
    for start, end in matched_spans("".join(folded), terms):
        first, last = origins[start], origins[end - 1]
        is_marked[first : last + 1] = [True] * (last + 1 - first)
    return is_marked
