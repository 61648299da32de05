"""Facilitators' Markdown can do no harm, and marking words never breaks it."""

from html import unescape
from html.parser import HTMLParser

import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString
from hypothesis import example, given, settings
from hypothesis import strategies as st

from members.normalize import fold
from teams.markdown import mark_words, render_markdown

HARMLESS = {
    *("h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "br", "ul", "ol", "li"),
    *("a", "em", "strong", "s", "code", "mark"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
HOSTILE = [
    *("<script>alert(1)</script>", "<style>*{}</style>", '<b onclick="x">', "<svg/onload=x>"),
    *("javascript:alert(1)", "JaVa\tScript:x", "vbscript:x", "data:text/html,x", "file:///x"),
    *("[x](", "](", "![i](", "//evil.example", "/\\evil.example", "&#106;avascript:", "<!--"),
    *("# ", "###### ", "> ", "- ", "1. ", "```", "`", "|a|b|\n|-|-|\n", "~~", "**", "_"),
    *("<https://a.example/?a=1&b=2>", "&amp;", "&lt;", "\n", "\n\n", " ", '"', "'", "<", ">", "&"),
    *("École", "E\u0301cole", "straße", "ecole", "İ", "ﬁne", "\0", "\r", "\ufffd", "\u0301"),
]
hostile_text = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=12).map("".join)
words = st.lists(
    st.sampled_from(["ecole", "ss", "s", "amp", "lt", "a", "e", "&", "<", "mark", "href", "p"])
    | st.text(max_size=4).map(fold),
    max_size=4,
)


class CheckingParser(HTMLParser):
    """Check nesting, tags and attributes while the text is collected."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.marked = ""

    def handle_starttag(self, tag, attrs):
        assert tag in HARMLESS
        for name, value in attrs:
            assert (tag, name) in {("a", "href"), ("a", "rel"), ("ol", "start")}
            if name == "href":
                assert value.startswith(("https://", "http://", "mailto:", "/", "#")), value
                assert not value.startswith(("//", "/\\"))
            if name == "rel":
                assert value == "nofollow noopener noreferrer"
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "mark" in self.open:
            self.marked += data

    def handle_comment(self, data):
        raise AssertionError("a comment")

    def unknown_decl(self, data):
        raise AssertionError("a declaration")


def read(html: str) -> CheckingParser:
    reader = CheckingParser()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def strip_marks(html: str) -> str:
    return html.replace("<mark>", "").replace("</mark>", "")


# No deadline: a busy machine is no failure.
@settings(deadline=None)
@given(hostile_text)
@example("[x](javascript:alert(1))")
@example("<javascript:alert(1)>")
@example("[x](java\tscript:alert(1))")
@example('[x](https://a.example "><script>")')
@example("![x](javascript:alert(1))")
@example("![<img src=x onerror=alert(1)>](x)")
def test_render_markdown_lets_nothing_harmful_through(text):
    read(render_markdown(text))


@settings(deadline=None)
@given(hostile_text, words)
@example("[amp](https://a.example/?amp=1&amp=2) & amp", ["amp", "a", "&"])
@example("`<p>` & <https://a.example/p>", ["<", "p", "mark", "href"])
def test_mark_words_breaks_no_tags_and_can_be_undone(text, words):
    html = render_markdown(text)
    marked = mark_words(html, words)
    read(marked)
    assert strip_marks(marked) == html


@settings(deadline=None)
@given(hostile_text, words)
def test_mark_words_shows_the_same_text(text, words):
    shown = read(Template("{% load content %}{{ t|mark:q }}").render(Context({"t": text, "q": ""})))
    query = " ".join(words)
    marked = Template("{% load content %}{{ t|mark:q }}").render(Context({"t": text, "q": query}))
    assert read(marked).text == shown.text
    assert shown.text == read(mark_words(SafeString(escape_text(text)), [])).text


def escape_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@settings(deadline=None)
@given(st.text(alphabet="abcdeéÉ ", max_size=20), st.text(alphabet="abcde", min_size=1, max_size=3))
def test_mark_words_marks_each_word_that_the_search_finds(text, word):
    marked = read(mark_words(SafeString(f"<p>{text}</p>"), [word])).marked
    assert (word in fold(text)) == bool(marked)
    assert set(fold(marked)) <= set(word)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
        ("3. x", '<ol start="3">\n<li>x</li>\n</ol>\n'),
        ("Tom & <b>Ann</b>", "<p>Tom &amp; &lt;b&gt;Ann&lt;/b&gt;</p>\n"),
        ("![two & one](https://a.example/i.png)", "<p>two &amp; one</p>\n"),
        ("", ""),
    ],
)
def test_render_markdown_returns_html(text, html):
    assert render_markdown(text) == html
    assert isinstance(render_markdown(text), SafeString)


def test_render_markdown_renders_tables_without_inline_styles():
    html = render_markdown("| a | b |\n|:--|--:|\n| 1 | 2 |")
    assert "<td>2</td>" in html
    assert "style" not in html


@pytest.mark.parametrize(
    "target", ["https://a.example/x", "http://a.example", "mailto:a@b.example", "/faq/x/", "#goals"]
)
def test_render_markdown_keeps_links_to_sites_email_and_own_pages(target):
    assert f'href="{target}"' in render_markdown(f"[x]({target})")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example",
        "evil.example",
        "?next=x",
        "/\t/evil.example",
    ],
)
def test_render_markdown_removes_other_targets(target):
    html = render_markdown(f"[x]({target}) [y](<{target}>)")
    assert "href" not in html


@pytest.mark.parametrize(
    ("text", "top", "levels"),
    [
        ("# a\n## b\n# c", 3, ["h3", "h4", "h3"]),
        ("###### a", 3, ["h3"]),
        ("# a\n\n#### b", 3, ["h3", "h4"]),
        ("# a\n## b\n### c\n#### d", 4, ["h4", "h5", "h6", "h6"]),
        ("a\n=\n\n> # b", 4, ["h4", "h4"]),
    ],
)
def test_render_markdown_fits_headings_below_those_of_the_page(text, top, levels):
    html = render_markdown(text, top)
    tags = [part[:2] for part in html.split("<") if part[:1] == "h" and part[:2] != "hr"]
    assert tags == levels


@pytest.mark.parametrize(
    ("html", "words", "marked"),
    [
        ("<p>École</p>", ["ecole"], "<p><mark>École</mark></p>"),
        ("<p>E\u0301cole x</p>", ["e"], "<p><mark>E\u0301</mark>col<mark>e</mark> x</p>"),
        ("<p>straße</p>", ["strass"], "<p><mark>straß</mark>e</p>"),
        ("<p>a &amp; b</p>", ["amp"], "<p>a &amp; b</p>"),
        ("<p>a &amp; b</p>", ["&"], "<p>a <mark>&amp;</mark> b</p>"),
        ("<p>banana</p>", ["ana", "nan"], "<p>b<mark>anana</mark></p>"),
        ("<p>x</p>", [""], "<p>x</p>"),
        ("<p>on<em>e</em></p>", ["one"], "<p>on<em>e</em></p>"),
    ],
)
def test_mark_words_marks_text_only(html, words, marked):
    assert mark_words(SafeString(html), words) == marked


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ plain|mark:query }}", "Is &lt;b&gt; <mark>École</mark> &amp; co?"),
        ("{{ text|markdown|mark:query }}", "<p><mark>École</mark> <em>x</em></p>\n"),
        ("{{ plain|mark:'' }}", "Is &lt;b&gt; École &amp; co?"),
        ("{{ text|markdown }}", "<p>École <em>x</em></p>\n"),
        ("{{ heading|markdown:4 }}", "<h4>a</h4>\n"),
        ("{{ script|mark:'a' }}", "&lt;script&gt;<mark>a</mark>lert(1)&lt;/script&gt;"),
    ],
)
def test_content_filters_escape_plain_text(source, shown):
    context = {
        "plain": "Is <b> École & co?",
        "text": "École *x*",
        "heading": "# a",
        "script": "<script>alert(1)</script>",
        "query": "ÉCOLE  zzz",
    }
    assert Template("{% load content %}" + source).render(Context(context)) == shown


def test_mark_words_cleans_a_trusted_string_too():
    html = mark_words(SafeString("<p onclick='x'>a<script>b</script><img src=x></p>"), ["a"])
    assert html == "<p><mark>a</mark></p>"
    assert unescape(html) == html
