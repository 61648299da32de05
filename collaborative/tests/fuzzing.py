"""Requests of the fuzz test: every address of the portal, and its own forms with mistakes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from random import Random
from urllib.parse import parse_qsl, quote, quote_from_bytes, urlsplit

from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

Pairs = list[tuple[str, str]]

VALUES = [
    "", " ", "\0", "a\0b", "\ud800", "x\udfffy", "-1", "0", "1", "2", "3", str(2**31), str(2**63),
    str(10**30), "9" * 5000, "1e999", "NaN", "1.5", "٣", "x" * 5000, "😀", "\u202e", "\u200b", "İ",
    "ß" * 200, "\r\nX-Evil: 1", "[]", "[1]", "{}", "null", '{"id": 1}', "true", "on", "__all__",
    "' OR 1=1 --", "<script>alert(1)</script>", "%", "_", "\\", "{{ 7|add:7 }}", "../../etc/passwd",
    "//evil.example", "javascript:x", "http://[", "a@b", "a@[::1]", "é@é.example", "@", "a,b", ",",
    "nora@rush.example", "maria@rush.example", '"x,eve@evil.example,y"@rush.example',
    "Ana <ana@x.example>", "mailto:a@x.example; b@x.example", "https://www.ZÜRICH.example./x",
    "*.rush.example", "sub.rush.example", "yahoo.de", "il.us", "xn--a.example", "a.org/b.org",
    "2026-02-30", "0000-00-00", "9999-12-31", "25:61",
    "education", "archive", "closed", "active", "recognized", "csv", "xlsx", "BCDFGH",
]  # fmt: skip
# Besides those in the links of pages.
QUERY_NAMES = [
    "q", "p", "o", "e", "all", "page", "team", "next", "into", "search", "from", "without",
    "format", "mail", "entry", "joined", "ended", "answered", "waits_for", "status__exact",
    "team__id__exact", "member__password__startswith", "id__in", "_popup", "_to_field",
    "_changelist_filters", "organization__isnull", "pk__gte", "member__email__regex", "x__y",
]  # fmt: skip
PATH_PARTS = [
    "", "0", "1", "2", "7", "9" * 25, "-1", "education", "archive", "x" * 300, "%00", "%ff%fe",
    "%ED%A0%80", "_00", "1_0A", "a%2Fb", "..", "%2e%2e", "1/delete", "who-can-join",
]  # fmt: skip
# Without NUL in a header field and without lengths that are no numbers: gunicorn refuses those.
CONTENT_TYPES = [
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


def list_addresses() -> list[str]:
    """Return every address of the resolver, with its converters still in it."""

    def walk(patterns: Sequence, before: str) -> Iterator[str]:
        for pattern in patterns:
            address = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            else:
                yield "/" + re.sub(r"\^|\$|\(\?P(<\w+>)[^)]*\)", r"\1", address)

    return list(dict.fromkeys(walk(get_resolver().url_patterns, "")))


def fill_address(address: str, arguments: dict[str, list[str]]) -> list[str]:
    """Return the address with each value that its argument has in the database, if any: those of
    the last part that is a key of `arguments`, or of the first part as "/teams/", or of "slug"."""
    if "<" not in address:
        return [address]
    _, first, *_ = parts = address.split("/")
    start = f"/{first}/" if f"/{first}/" in arguments else "slug"
    model = next((part for part in reversed(parts) if part in arguments), start)
    return [re.sub(r"<[^>]+>", value, address) for value in arguments[model]]


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
        self.path = path
        self.forms: list[Form] = []
        self.query_names: set[str] = set()
        self.open: Form | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if tag == "a":
            self.query_names |= {
                name for name, _ in parse_qsl(urlsplit(attributes.get("href", "")).query)
            }
        elif tag == "form":
            action = attributes.get("action") or self.path
            self.open = Form(action, attributes.get("method", "get").upper())
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


def collect_forms(client: Client, paths: list[str]) -> tuple[list[Form], list[str]]:
    """Return every different form on these pages, and every name in the query of their links."""
    forms: dict[tuple, Form] = {}
    names: set[str] = set(QUERY_NAMES)
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and "html" in answer["Content-Type"]:
            page = Page(path)
            page.feed(answer.content.decode())
            names |= page.query_names
            for form in page.forms:
                fields = sorted({name for name, _ in form.fields})
                forms.setdefault((urlsplit(form.action).path, form.method, *fields), form)
    return list(forms.values()), sorted(names)


# Requests ----------------------------------------------------------------------------------


@dataclass
class FuzzRequest:
    """One request, down to its bytes."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = CONTENT_TYPES[0]
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, client: Client):
        return client.generic(self.method, self.path, self.body, self.content_type, **self.headers)


def urlencoded(pairs: Pairs) -> str:
    """Return the pairs as a browser sends them, except that lone surrogates are sent too."""
    encoded = [[part.encode("utf-8", "surrogatepass") for part in pair] for pair in pairs]
    return "&".join("=".join(map(quote_from_bytes, pair)) for pair in encoded)


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


def draw_value(random: Random) -> str:
    """Return one of VALUES, or up to twelve characters, half of them of ASCII."""
    if random.random() < 0.5:
        return random.choice(VALUES)
    return "".join(
        chr(random.randrange(random.choice([0x80, 0x110000]))) for _ in range(random.randrange(13))
    )


def with_mistakes(random: Random, pairs: Pairs, names: list[str]) -> Pairs:
    """Return the pairs of a form with up to three mistakes in them."""
    pairs = list(pairs)
    for _ in range(random.randrange(4)):
        value = draw_value(random)
        kind = random.choice(["replace", "replace", "replace", "drop", "repeat", "array", "add"])
        if kind == "add" or not pairs:
            pairs.append((random.choice(names), value))
            continue
        index = random.randrange(len(pairs))
        name = pairs[index][0]
        if kind == "replace":
            pairs[index] = (name, value)
        elif kind == "drop":
            del pairs[index]
        else:
            pairs.append((name if kind == "repeat" else f"{name}[]", value))
    return pairs


def draw_reading(random: Random, paths: list[str], names: list[str]) -> FuzzRequest:
    """Return a request that reads one of these paths, with a random query."""
    path = random.choice(paths)
    pairs = [(random.choice(names), draw_value(random)) for _ in range(random.randrange(4))]
    raw = random.choice(["", "", "", "&%ff=%", "&=&&;", "&q=%E0%80"])
    method = random.choice(["GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"])
    path = f"{quote(path, safe='/%?=&')}{'&' if '?' in path else '?'}{urlencoded(pairs)}{raw}"
    return FuzzRequest(method, path, headers=random.choice([{}, {}, {}, *HEADERS]))


def draw_writing(random: Random, form: Form, names: list[str]) -> FuzzRequest:
    """Return a POST of this form, mostly as it should be sent, with mistakes in it."""
    pairs = with_mistakes(random, form.fields, names)
    content_type = random.choice([CONTENT_TYPES[0]] * 12 + CONTENT_TYPES)
    body = multipart(pairs) if "multipart" in content_type else urlencoded(pairs).encode()
    headers = random.choice([{}] * 12 + HEADERS)
    return FuzzRequest("POST", quote(form.action, safe="/%?=&"), body, content_type, headers)
