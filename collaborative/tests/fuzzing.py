"""What the fuzz test sends: every address of the portal, with its own forms gone wrong."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, quote_from_bytes, urlsplit

from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLResolver
from hypothesis import strategies as st

Pairs = list[tuple[str, str]]

NASTY = [
    "", " ", "\0", "a\0b", "\ud800", "x\udfffy", "-1", "0", "1", "2", "3", str(2**31), str(2**63),
    str(10**30), "9" * 5000, "1e999", "NaN", "1.5", "٣", "x" * 5000, "😀", "\u202e", "\u200b", "İ",
    "ß" * 200, "\r\nX-Evil: 1", "[]", "[1]", "{}", "null", '{"id": 1}', "true", "on", "__all__",
    "' OR 1=1 --", "<script>alert(1)</script>", "%", "_", "\\", "{{ 7|add:7 }}", "../../etc/passwd",
    "//evil.example", "javascript:x", "http://[", "a@b", "a@[::1]", "é@é.example", "@", "a,b", ",",
    "nora@rush.example", "maria@rush.example", '"x,eve@evil.example,y"@rush.example',
    "2026-02-30", "0000-00-00", "9999-12-31", "25:61",
    "education", "archive", "closed", "active", "recognized", "csv", "xlsx", "BCDFGH",
]  # fmt: skip
# Beside those that are found in links.
QUERY = [
    "q", "p", "o", "e", "all", "page", "team", "next", "into", "search", "from", "without",
    "format", "mail", "entry", "joined", "ended", "answered", "waits_for", "status__exact",
    "team__id__exact", "member__password__startswith", "id__in", "_popup", "_to_field",
    "_changelist_filters", "organization__isnull", "pk__gte", "member__email__regex", "x__y",
]  # fmt: skip
PARTS = [
    "", "0", "1", "2", "7", "9" * 25, "-1", "education", "archive", "x" * 300, "%00", "%ff%fe",
    "%ED%A0%80", "_00", "1_0A", "a%2Fb", "..", "%2e%2e", "1/delete", "who-can-join",
]  # fmt: skip
# Without NUL in a header field and without lengths that are no numbers: gunicorn refuses those.
TYPES = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-7",
    "application/x-www-form-urlencoded; charset=nothing",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=\xff",
    "application/json",
    "text/plain; charset=\xe9",
    "/",
    "",
]
HEADERS = [
    {"HTTP_COOKIE": "sessionid=\x01; csrftoken=x; messages=[[1"},
    {"HTTP_COOKIE": "messages=W1tdXQ:1x:y; sessionid=" + "a" * 5000},
    {"HTTP_COOKIE": "\xff\xfe=;;=;a"},
    {"HTTP_X_FORWARDED_FOR": "nobody, , ::1%eth0"},
    {"HTTP_IF_MODIFIED_SINCE": "yesterday", "HTTP_IF_NONE_MATCH": 'W/"'},
    {"HTTP_ACCEPT_LANGUAGE": "x" * 1000, "HTTP_ACCEPT": ",;q="},
    {"HTTP_ACCEPT_ENCODING": "gzip;q=x", "HTTP_RANGE": "bytes=9-1"},
    {"HTTP_REFERER": "http://[", "HTTP_ORIGIN": "null"},
    {"HTTP_HOST": "localhost:99999999"},
    {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest", "HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
    {"CONTENT_LENGTH": "99999999999"},
]


# Addresses and forms -----------------------------------------------------------------------


def addresses() -> list[str]:
    """Every address that the resolver knows, with its converters still in it."""

    def walk(patterns: Sequence, before: str) -> Iterator[str]:
        for found in patterns:
            address = before + str(found.pattern)
            if isinstance(found, URLResolver):
                yield from walk(found.url_patterns, address)
            else:
                yield "/" + re.sub(r"\^|\$|\(\?P(<\w+>)[^)]*\)", r"\1", address)

    return list(dict.fromkeys(walk(get_resolver().url_patterns, "")))


def filled(address: str, known: dict[str, list[str]]) -> list[str]:
    """The address with each of the values that its arguments may have in the database."""
    model = next((part for part in reversed(address.split("/")) if part in known), "slug")
    if "<" not in address:
        return [address]
    return [re.sub(r"<[^>]+>", value, address) for value in known[model]]


@dataclass
class Form:
    """A form on a page: where it is sent, and what it sends untouched."""

    action: str
    method: str
    fields: Pairs = field(default_factory=list)


class Page(HTMLParser):
    """The forms of a page, and the names in the queries of its links."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.forms, self.names = path, [], set()
        self.open: Form | None = None
        self.select = self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        said = {name: value or "" for name, value in attrs}
        name, value = said.get("name", ""), said.get("value", "")
        if tag == "a":
            self.names |= {name for name, _ in parse_qsl(urlsplit(said.get("href", "")).query)}
        elif tag == "form":
            action = said.get("action") or self.path
            self.open = Form(action, said.get("method", "get").upper())
            self.forms.append(self.open)
        elif self.open is None:
            return
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and value:
            self.open.fields.append((self.select, value))
        elif name and tag in {"input", "textarea", "button"}:
            self.open.fields.append((name, value))

    def handle_endtag(self, tag: str) -> None:
        self.open = None if tag == "form" else self.open
        self.select = "" if tag == "select" else self.select


def forms_of(client: Client, paths: list[str]) -> tuple[list[Form], list[str]]:
    """Every different form on these pages, and every name in the query of a link on them."""
    found: dict[tuple, Form] = {}
    names: set[str] = set(QUERY)
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and "html" in answer["Content-Type"]:
            page = Page(path)
            page.feed(answer.content.decode())
            names |= page.names
            for form in page.forms:
                where = urlsplit(form.action).path
                found.setdefault((where, form.method, *sorted({n for n, _ in form.fields})), form)
    return list(found.values()), sorted(names)


# Requests ----------------------------------------------------------------------------------


@dataclass
class Shot:
    """One request, down to its bytes."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = TYPES[0]
    headers: dict[str, str] = field(default_factory=dict)

    def fire(self, client: Client):
        return client.generic(self.method, self.path, self.body, self.content_type, **self.headers)


def encoded(pairs: Pairs) -> str:
    """The pairs as a browser sends them, except that lone surrogates are sent too."""
    both = [[part.encode("utf-8", "surrogatepass") for part in pair] for pair in pairs]
    return "&".join("=".join(map(quote_from_bytes, pair)) for pair in both)


def multipart(pairs: Pairs) -> bytes:
    parts = []
    for name, value in pairs:
        name, value = (text.encode("utf-8", "surrogatepass") for text in (name, value))
        parts.append(b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s' % (name, value))
        parts.append(
            b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a.csv"\r\n\r\n%s'
            % (name, value)
        )
    return b"\r\n".join([*parts, b"--x--\r\n"])


values = st.sampled_from(NASTY) | st.text(max_size=12)
changes = st.lists(
    st.tuples(
        st.sampled_from(["replace", "replace", "replace", "drop", "repeat", "array", "add"]),
        st.integers(0, 40),
        values,
    ),
    max_size=3,
)


def changed(pairs: Pairs, steps: list[tuple[str, int, str]], names: list[str]) -> Pairs:
    """The pairs of a form after some of them went wrong."""
    pairs = list(pairs)
    for kind, number, value in steps:
        if kind == "add" or not pairs:
            pairs.append((names[number % len(names)], value))
            continue
        at = number % len(pairs)
        name = pairs[at][0]
        if kind == "replace":
            pairs[at] = (name, value)
        elif kind == "drop":
            del pairs[at]
        else:
            pairs.append((name if kind == "repeat" else f"{name}[]", value))
    return pairs


@st.composite
def reads(draw, paths: list[str], names: list[str]) -> Shot:
    """A GET or HEAD of one of these paths, its query made up."""
    path = draw(st.sampled_from(paths))
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), values), max_size=3))
    raw = draw(st.sampled_from(["", "", "", "&%ff=%", "&=&&;", "&q=%E0%80"]))
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"]))
    path = f"{quote(path, safe='/%?=&')}{'&' if '?' in path else '?'}{encoded(pairs)}{raw}"
    return Shot(method, path, headers=draw(st.sampled_from([{}, {}, {}, *HEADERS])))


@st.composite
def writes(draw, form: Form, names: list[str]) -> Shot:
    """A POST of this form, mostly as it should be sent, with something wrong in it."""
    pairs = changed(form.fields, draw(changes), names)
    content_type = draw(st.sampled_from([TYPES[0]] * 12 + TYPES))
    body = multipart(pairs) if "multipart" in content_type else encoded(pairs).encode()
    headers = draw(st.sampled_from([{}] * 12 + HEADERS))
    return Shot("POST", quote(form.action, safe="/%?=&"), body, content_type, headers)
