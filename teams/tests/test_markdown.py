"""Facilitators' Markdown can do no harm, and marking words never breaks it."""

import re
import time
from html import unescape
from html.parser import HTMLParser

import pytest
from django.conf import settings as portal
from django.template import Context, Template
from django.utils.safestring import SafeString
from hypothesis import example, given, settings
from hypothesis import strategies as st

from members.normalize import fold
from teams.markdown import email_html, email_text, mark_words, one_line, plain_text, render_markdown
from teams.search import Document, search

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
terms = st.frozensets(
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
@given(hostile_text, terms)
@example("[amp](https://a.example/?amp=1&amp=2) & amp", frozenset(["amp", "a", "&"]))
@example("`<p>` & <https://a.example/p>", frozenset(["<", "p", "mark", "href"]))
def test_mark_words_breaks_no_tags_and_can_be_undone(text, terms):
    html = render_markdown(text)
    marked = mark_words(html, terms)
    read(marked)
    assert strip_marks(marked) == html


@settings(deadline=None)
@given(hostile_text, terms)
def test_mark_words_shows_the_same_text(text, terms):
    template = Template("{% load content %}{{ t|mark:terms }}")
    shown = read(template.render(Context({"t": text, "terms": frozenset()})))
    marked = template.render(Context({"t": text, "terms": terms}))
    assert read(marked).text == shown.text
    assert shown.text == read(mark_words(SafeString(escape_text(text)), frozenset())).text


def escape_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@settings(deadline=None)
@given(st.text(alphabet="abcdeéÉ ", max_size=20), st.text(alphabet="abcde", min_size=1, max_size=3))
def test_mark_words_marks_each_word_that_the_search_finds(text, word):
    results = search([Document("faq", 1, text)], word)
    marked = read(mark_words(SafeString(f"<p>{text}</p>"), results.terms)).marked
    assert bool(results.matches + results.nearest) == bool(marked)


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
        ("## a\n## b\n### c\n## d", 3, ["h3", "h3", "h4", "h3"]),
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
    ("html", "word", "marked"),
    [
        ("<p>École</p>", "école", "<p><mark>École</mark></p>"),
        ("<p>E\u0301cole x</p>", "ecole", "<p><mark>E\u0301cole</mark> x</p>"),
        ("<p>Straße</p>", "strasse", "<p><mark>Straße</mark></p>"),
        ("<p>a &amp; b</p>", "amp", "<p>a &amp; b</p>"),
        (
            "<p>an e-mail, emails</p>",
            "e-mail",
            "<p>an <mark>e-mail</mark>, <mark>emails</mark></p>",
        ),
        ("<p>the team’s teams</p>", "team", "<p>the <mark>team’s</mark> <mark>teams</mark></p>"),
        ("<p>teammate</p>", "team", "<p>teammate</p>"),
        ("<p>x</p>", "", "<p>x</p>"),
        ("<p>on<em>e</em></p>", "one", "<p>on<em>e</em></p>"),
    ],
)
def test_mark_words_marks_text_only(html, word, marked):
    terms = search([Document("faq", 1, word)], word).terms
    assert mark_words(SafeString(html), terms) == marked


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ plain|mark:terms }}", "Is &lt;b&gt; <mark>École</mark> &amp; co?"),
        ("{{ text|markdown|mark:terms }}", "<p><mark>École</mark> <em>x</em></p>\n"),
        ("{{ plain|mark:'' }}", "Is &lt;b&gt; École &amp; co?"),
        ("{{ text|markdown }}", "<p>École <em>x</em></p>\n"),
        ("{{ heading|markdown:4 }}", "<h4>a</h4>\n"),
        ("{{ script|mark:terms }}", "&lt;script&gt;<mark>alert</mark>(1)&lt;/script&gt;"),
    ],
)
def test_content_filters_escape_plain_text(source, shown):
    context = {
        "plain": "Is <b> École & co?",
        "text": "École *x*",
        "heading": "# a",
        "script": "<script>alert(1)</script>",
        "terms": frozenset(["ecol", "alert"]),
    }
    assert Template("{% load content %}" + source).render(Context(context)) == shown


def test_mark_words_cleans_a_trusted_string_too():
    html = mark_words(
        SafeString("<p onclick='x'>a<script>b</script><img src=x></p>"), frozenset(["a"])
    )
    assert html == "<p><mark>a</mark></p>"
    assert unescape(html) == html


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Open** [My teams](/my/?x=1).", "Open My teams."),
        ("- a\n- b & `<c>`", "a\nb & <c>"),
        ("# One\n\n| a | b |\n|-|-|\n| 1 | 2 |", "One a b 1 2"),
    ],
)
def test_plain_text_is_what_is_read(text, plain):
    assert plain_text(text).split() == plain.split()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("Soft\nbreak of **one** part.", "Soft break of one part."),
        (
            "Bring:\n\n- a job\n- [its form](/x/) & `<c>`\n\nThanks",
            "Bring: a job · its form & <c> · Thanks",
        ),
        ("# One\n\n1. a?\n\n   b\n2. c", "One · a? b · c"),
        ("| a | b |\n|-|-|\n| 1 | 2 |", "a · b · 1 · 2"),
    ],
)
def test_one_line_keeps_the_parts_of_a_text_apart(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "See [who can join](https://portal.example.org/faq/).",
            "See who can join (https://portal.example.org/faq/).",
        ),
        (
            "# Welcome\n\n* **9:00** Coffee\n* _10:00_ *Goals*",
            "Welcome\n\n* 9:00 Coffee\n* 10:00 Goals",
        ),
        ("1. Bring form_a_2026 and 2 * 3 * 4", "1. Bring form_a_2026 and 2 * 3 * 4"),
        (
            "[A (b)](https://a.example/x_(y)) [T](/faq/?q=a 'b') [Own](/faq/ \"Title\")",
            "A (b) (https://a.example/x_(y)) [T](/faq/?q=a 'b') Own (http://127.0.0.1:8000/faq/)",
        ),
        (
            "![A plan](/plan.png) [https://a.example](https://a.example) "
            "[a@b.example](mailto:a@b.example) [No](//evil.example)",
            "A plan https://a.example a@b.example No (//evil.example)",
        ),
        ("Not [a link] (here), #1 **open", "Not [a link] (here), #1 **open"),
    ],
)
def test_email_text_reads_without_markup(text, read):
    assert email_text(text) == read


@pytest.mark.parametrize("text", ["[", "[a](", "*a", " *a", " _", "**a", "a*", "(", "![", "# "])
def test_email_text_of_any_text_takes_little_time(text):
    started = time.process_time()
    email_text(text * (10_000 // len(text)))
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://a.example/b_c_d?x=1&y=2.", ["https://a.example/b_c_d?x=1&amp;y=2"]),
        ("(https://a.example/x), “http://b.example”!", ["https://a.example/x", "http://b.example"]),
        ("*https://a.example* and <https://b.example>", ["https://a.example", "https://b.example"]),
        ("[https://a.example/x](https://b.example)", ["https://b.example"]),
        ("`https://a.example` ![https://a.example](x)", []),
        ("javascript://a.example http:// ftp://a.example", []),
    ],
)
def test_pasted_addresses_are_links(text, links):
    assert re.findall(r'href="([^"]*)"', render_markdown(text)) == links


def test_email_html_has_its_styles_in_the_tags_and_whole_addresses():
    html = email_html("# A\n\n> [b](/faq/)\n\n- c\n\n|d|e|\n|-|-|\n|f|g|\n\n`<p>`", top=2)
    tags = re.findall(r"<([a-z0-9]+)([^>]*)>", html)
    plain = {tag for tag, attributes in tags if "style=" not in attributes}
    assert plain == {"thead", "tbody", "tr"}
    assert '<h2 style="' in html
    assert f'href="{portal.SITE_URL}/faq/"' in html
    assert "&lt;p&gt;" in html


def test_email_html_adds_nothing_to_hostile_text():
    text = "".join(HOSTILE)
    assert re.sub(r' (style|class)="[^"]*"', "", email_html(text)) == render_markdown(text)
