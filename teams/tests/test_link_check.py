"""Asking sites for pages: a server on this machine answers, and no other address is asked."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from teams.link_check import LinkChecker, Verdict, is_public, resolve

AGENT = "LinkCheck/1.0 (+https://portal.example.org)"
LOOPBACK = "127.0.0.1"


class Site(ThreadingHTTPServer):
    """A site whose pages answer with a status and, for redirects, an address."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self.pages: dict[str, tuple[int, str]] = {"/": (200, "")}
        self.only_get: set[str] = set()
        self.slow: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []

    def url(self, path: str = "/", host: str = "library.example.org") -> str:
        return f"http://{host}:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self) -> None:
        site = self.server
        site.asked.append((self.command, self.path))
        site.headers.append({name.lower(): value for name, value in self.headers.items()})
        status, location = site.pages.get(self.path, (404, ""))
        if self.path in site.only_get and self.command == "HEAD":
            status = 501
        if self.path in site.slow:
            self._answer_letter_by_letter()
            return
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Set-Cookie", "seen=1")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815  # as http.server names it

    def _answer_letter_by_letter(self) -> None:
        for letter in b"HTTP/1.1 200 OK and more and more and more":
            try:
                self.wfile.write(bytes([letter]))
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.02)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def running_site() -> Iterator[Site]:
    site = Site()
    threading.Thread(target=site.serve_forever, args=[0.02], daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.pages = {"/": (200, "")}
    running_site.only_get, running_site.slow = set(), set()
    running_site.asked, running_site.headers = [], []
    return running_site


def checker(**options) -> LinkChecker:
    """Return a checker for which every name leads to this machine, as if that were public."""
    values = {
        "resolve": lambda host, port: [LOOPBACK],
        "is_public": lambda address: address == LOOPBACK,
        "max_seconds": 2.0,
        **options,
    }
    return LinkChecker(AGENT, **values)


def test_page_that_is_there_is_asked_for_once_and_not_read(site):
    result = checker().check(site.url("/"))
    assert (result.verdict, result.problem, result.moved_to) == (Verdict.ALIVE, "", "")
    assert site.asked == [("HEAD", "/")]
    (headers,) = site.headers
    assert headers["user-agent"] == AGENT
    assert headers["host"] == f"library.example.org:{site.server_port}"
    assert not {"cookie", "authorization", "referer"} & headers.keys()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.ALIVE) for status in (200, 204, 304, 401, 403, 405, 429, 999)),
        *((status, Verdict.MISSING) for status in (400, 404, 410, 500, 503)),
    ],
)
def test_status_says_whether_the_page_is_there(site, status, verdict):
    site.pages["/page"] = (status, "")
    assert checker().check(site.url("/page")).verdict == verdict


def test_site_that_answers_only_get_is_asked_again(site):
    site.pages["/page?a=1"] = (200, "")
    site.only_get = {"/page?a=1"}
    assert checker().check(site.url("/page?a=1#part")).verdict == Verdict.ALIVE
    assert site.asked == [("HEAD", "/page?a=1"), ("GET", "/page?a=1")]


@pytest.mark.parametrize(
    ("first", "second", "moved_to"),
    [(301, 301, "/c"), (308, 302, "/b"), (302, 301, ""), (307, 303, "")],
)
def test_only_permanent_redirects_move_a_page(site, first, second, moved_to):
    site.pages |= {"/a": (first, "/b"), "/b": (second, site.url("/c")), "/c": (200, "")}
    result = checker().check(site.url("/a"))
    assert result.verdict == Verdict.ALIVE
    assert result.moved_to == (site.url(moved_to) if moved_to else "")


def test_redirect_with_letters_outside_ascii_is_followed(site):
    site.pages |= {"/a": (301, "/caf\u00c3\u00a9"), "/caf%C3%A9": (200, "")}
    assert checker().check(site.url("/a")).moved_to == site.url("/caf%C3%A9")


def test_redirects_end_after_five(site):
    site.pages |= {f"/{number}": (302, f"/{number + 1}") for number in range(9)}
    site.pages["/5"] = (200, "")
    assert checker().check(site.url("/0")).problem == ""
    site.asked.clear()
    site.pages["/5"] = (302, "/6")
    result = checker().check(site.url("/0"))
    assert (result.verdict, result.problem) == (
        Verdict.ALIVE,
        "The site keeps redirecting",
    )
    assert len(site.asked) == 6


def test_no_cookie_is_sent_back(site):
    site.pages |= {"/a": (302, "/b"), "/b": (200, "")}
    checker().check(site.url("/a"))
    assert [headers.get("cookie") for headers in site.headers] == [None, None]


def test_proxies_of_the_environment_are_not_used(site, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:1")
    assert checker().check(site.url("/")).verdict == Verdict.ALIVE


def test_answer_letter_by_letter_ends_at_the_deadline(site):
    site.slow = {"/slow"}
    begin = time.monotonic()
    result = checker(max_seconds=0.2).check(site.url("/slow"))
    assert (result.verdict, result.problem) == (Verdict.UNREACHABLE, "The site does not answer")
    assert time.monotonic() - begin < 0.7


def test_nothing_answers_there():
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        port = sock.getsockname()[1]
    result = checker().check(f"http://library.example.org:{port}/")
    assert result.verdict == Verdict.UNREACHABLE


def test_what_is_no_web_server_is_no_page(site):
    result = checker().check(site.url("/").replace("http:", "https:"))
    assert result.verdict == Verdict.UNREACHABLE


def test_name_that_does_not_exist_is_said_in_words():
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    result = checker(resolve=unknown).check("https://library.example.org/")
    assert (result.verdict, result.problem) == (
        Verdict.UNREACHABLE,
        "There is no site with this name",
    )


# Where it must not be sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  # bound to nothing
        "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1",
        "100::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:a00:1::",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_inside_a_network_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://library.example.org/",
        "file:///etc/passwd",
        "gopher://library.example.org/",
        "javascript:alert(1)",
        "//library.example.org/",
        "library.example.org",
        "http://user:secret@library.example.org/",
        "http://library.example.org@evil.example/",
        "http://library.example.org:25/",
        "http://library.example.org:6/",
        "http:///page",
    ],
)
def test_what_is_no_plain_web_address_is_not_tried(site, url):
    asked: list[str] = []
    result = checker(resolve=lambda host, port: asked.append(host) or [LOOPBACK]).check(url)
    assert result.verdict == Verdict.REFUSED
    assert (asked, site.asked) == ([], [])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "017700000001", "0x7f000001", "127.1", "[::1]", "localhost",
     "0", "[::ffff:127.0.0.1]", "[fe80::1]", "169.254.169.254", "2852039166"],
)  # fmt: skip
def test_numbers_in_any_form_are_looked_up_by_the_system_and_refused(site, host):
    result = LinkChecker(AGENT, resolve=resolve).check(site.url("/", host=host))
    assert result.verdict in {Verdict.REFUSED, Verdict.UNREACHABLE}
    assert result.verdict == Verdict.REFUSED or host not in {"127.0.0.1", "2130706433", "localhost"}
    assert site.asked == []


@pytest.mark.parametrize("others", [["10.0.0.1"], ["::1"], ["169.254.169.254", "8.8.8.8"]])
def test_one_address_inside_is_enough_to_refuse_a_name(site, others):
    result = checker(resolve=lambda host, port: [LOOPBACK, *others]).check(site.url("/"))
    assert result.verdict == Verdict.REFUSED
    assert site.asked == []


def test_redirect_into_a_network_is_refused(site):
    site.pages["/out"] = (301, f"http://intranet.example.org:{site.server_port}/secret")
    addresses = {"library.example.org": [LOOPBACK], "intranet.example.org": ["10.0.0.7"]}
    result = checker(resolve=lambda host, port: addresses[host]).check(site.url("/out"))
    assert result.verdict == Verdict.REFUSED
    assert result.moved_to == ""
    assert site.asked == [("HEAD", "/out")]


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://x.example/", "http://a:b@x.example/", "//@x.example"]
)
def test_redirect_to_another_scheme_or_with_a_password_is_refused(site, location):
    site.pages["/out"] = (302, location)
    assert checker().check(site.url("/out")).verdict == Verdict.REFUSED
    assert len(site.asked) == 1


def test_name_that_changes_its_address_is_not_looked_up_between_check_and_connection(site):
    answers = iter([[LOOPBACK], ["10.0.0.7"]])
    assert checker(resolve=lambda host, port: next(answers)).check(site.url("/")).verdict == (
        Verdict.ALIVE
    )
    # It was asked for once, and the connection went to that answer.
    assert next(answers) == ["10.0.0.7"]


def test_tls_asks_for_the_certificate_of_the_name(site, monkeypatch):
    names: list[str] = []

    class Context:
        def wrap_socket(self, sock, server_hostname, do_handshake_on_connect):
            names.append(server_hostname)
            return sock

    monkeypatch.setattr("http.client.HTTPSConnection", _plain)
    result = checker(context=Context()).check(site.url("/").replace("http:", "https:"))
    assert (result.verdict, names) == (Verdict.ALIVE, ["library.example.org"])


def _plain(host: str, port: int, context: object):
    import http.client  # noqa: PLC0415

    return http.client.HTTPConnection(host, port)
