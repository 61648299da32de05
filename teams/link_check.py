"""Asking a site whether a page is still there, without being sent to addresses inside a network.

People type the addresses, and sites redirect: both may name anything. So a name is looked up once,
every address that it has must be public, and the connection goes to one of those that were
checked, whatever the name means a moment later. Each redirect is checked as the first address was.
Only the beginning of an answer is read, never the page. Nothing but the address is sent: no
cookies, no name, no proxy or password of the environment.

Of Python's own `http.client`: libraries look names up themselves, after the check.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from time import monotonic
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.encoding import iri_to_uri

# For a link with all its redirects.
MAX_SECONDS = 10.0
MAX_REDIRECTS = 5
# A name may have many addresses; the others are tried if these do not answer.
MAX_ADDRESSES_TRIED = 2
PORTS = {"http": 80, "https": 443}
# Below are mail servers and the like, to which nobody links.
FIRST_UNPRIVILEGED_PORT = 1024
PERMANENT_REDIRECTS = {301, 308}
REDIRECTS = {302, 303, 307, *PERMANENT_REDIRECTS}
# The page may be there for people, or later. 451: blocked for legal reasons.
ALIVE = {401, 402, 403, 405, 406, 407, 409, 418, 423, 425, 429, 451, 999}
# The only IPv6 addresses of the public internet; those that embed one of IPv4 are outside it.
PUBLIC_IPV6 = IPv6Network("2000::/3")

# Returns the addresses of a host, as numbers. Raises OSError without any.
Resolve = Callable[[str, int], list[str]]


class Verdict(Enum):
    """What became of a try."""

    ALIVE = "alive"
    # The site says that there is no such page.
    MISSING = "missing"
    # Nothing answers there.
    UNREACHABLE = "unreachable"
    # It may not be tried.
    REFUSED = "refused"


@dataclass(frozen=True)
class LinkResult:
    """What became of a link: `problem` in words for facilitators, empty where all is well;
    `moved_to` where its page has moved for good."""

    verdict: Verdict
    problem: str = ""
    moved_to: str = ""


class RefusedAddressError(Exception):
    """An address that must not be asked; the text says why."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of `host` that the system finds, each once. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet: not private, loopback,
    link-local, shared (RFC 6598), reserved or multicast, nor one of IPv6 that leads to any other
    than itself (mapped, translated, 6to4, Teredo)."""
    # Of link-local addresses, with the name of an interface.
    number = ip_address(address.partition("%")[0])
    if isinstance(number, IPv4Address):
        return number.is_global and not number.is_multicast
    return _is_public_ipv6(number)


def _is_public_ipv6(number: IPv6Address) -> bool:
    leads_elsewhere = number.ipv4_mapped or number.sixtofour or number.teredo
    return number in PUBLIC_IPV6 and number.is_global and not leads_elsewhere


class LinkChecker:
    """Asks for pages, one after the other. `agent` is how it names itself; tests replace the
    lookup of names and what counts as public."""

    def __init__(
        self,
        agent: str,
        *,
        resolve: Resolve = resolve,
        is_public: Callable[[str], bool] = is_public,
        max_seconds: float = MAX_SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.agent = agent
        self.resolve = resolve
        self.is_public = is_public
        self.max_seconds = max_seconds
        self._context = context

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Reading the certificates of all authorities takes a while."""
        return self._context or ssl.create_default_context()

    def check(self, url: str) -> LinkResult:
        """Return what became of the page `url`, after redirects. Takes MAX_SECONDS at most, and
        the time that the system takes to look up a name."""
        deadline = monotonic() + self.max_seconds
        current, moved_to, is_permanent = url, "", True
        try:
            for _ in range(MAX_REDIRECTS + 1):
                status, location = self._ask(current, deadline)
                if status not in REDIRECTS or not location:
                    return _judge(status, moved_to)
                is_permanent = is_permanent and status in PERMANENT_REDIRECTS
                current = _follow(current, location)
                moved_to = current if is_permanent else moved_to
        except RefusedAddressError as refusal:
            return LinkResult(Verdict.REFUSED, f"Not tried: {refusal}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return LinkResult(Verdict.UNREACHABLE, _describe(error))
        # Many sites send clients without cookies in circles.
        return LinkResult(Verdict.ALIVE, "The site keeps redirecting")

    def _ask(self, url: str, deadline: float) -> tuple[int, str]:
        """Return the status of the answer and where it redirects to. Some sites answer only GET."""
        parts = urlsplit(url)
        host, port = _check_form(parts)
        addresses = self.resolve(host, port)
        if not addresses or not all(self.is_public(address) for address in addresses):
            raise RefusedAddressError("the address is not on the public internet")
        try:
            status, location = self._request("HEAD", parts, addresses, deadline)
        except (http.client.HTTPException, ConnectionError):
            status, location = 0, ""
        if status in {0, *range(400, 600)}:
            return self._request("GET", parts, addresses, deadline)
        return status, location

    def _request(
        self, method: str, parts: SplitResult, addresses: list[str], deadline: float
    ) -> tuple[int, str]:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        headers = {
            "User-Agent": self.agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        with self._connection(parts, addresses, deadline) as connection:
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", "")

    @contextmanager
    def _connection(
        self, parts: SplitResult, addresses: list[str], deadline: float
    ) -> Iterator[http.client.HTTPConnection]:
        """Yield a connection to one of `addresses`; it ends at the deadline, also while a site
        sends its answer letter by letter."""
        host, port = _check_form(parts)
        connection = http.client.HTTPConnection(host, port)
        sock = _connect(addresses, port, deadline)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, context=self.context)
            sock = self.context.wrap_socket(
                sock, server_hostname=host, do_handshake_on_connect=False
            )
        end = threading.Timer(max(deadline - monotonic(), 0), _shut, [sock])
        end.start()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection.sock = sock
            yield connection
        finally:
            end.cancel()
            sock.close()


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Return a connection to the first of `addresses` that answers. Raises the last OSError."""
    error: OSError = TimeoutError()
    for address in addresses[:MAX_ADDRESSES_TRIED]:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as failed:
            error = failed
    raise error


def _shut(sock: socket.socket) -> None:
    """End a connection that another thread reads from, which then reads its end. Not as TLS ends
    one, with a message."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _check_form(parts: SplitResult) -> tuple[str, int]:
    """Return the host and port of an address. Refuses what is not of the web, or has a name or a
    password in it."""
    if parts.scheme not in PORTS:
        raise RefusedAddressError("only web pages are tried")
    if "@" in parts.netloc or not parts.hostname:
        raise RefusedAddressError("the address has a name or a password in it, or no site")
    port = parts.port or PORTS[parts.scheme]
    if port not in PORTS.values() and port < FIRST_UNPRIVILEGED_PORT:
        raise RefusedAddressError(f"port {port} is not used for web pages")
    return parts.hostname, port


def _follow(url: str, location: str) -> str:
    """Return where a redirect leads."""
    # Some sites send letters outside ASCII as they are, which http.client reads as Latin-1.
    return iri_to_uri(urljoin(url, location.encode("latin-1").decode("utf-8", "replace")))


def _judge(status: int, moved_to: str) -> LinkResult:
    if 200 <= status < 400:
        return LinkResult(Verdict.ALIVE, moved_to=moved_to)
    if status in ALIVE:
        return LinkResult(Verdict.ALIVE, f"The site does not let us in (status {status})")
    if status >= 500:
        return LinkResult(Verdict.MISSING, f"The site has an error (status {status})")
    return LinkResult(Verdict.MISSING, f"The site has no such page (status {status})")


def _describe(error: Exception) -> str:
    """Return what went wrong, in words."""
    if isinstance(error, socket.gaierror):
        return "There is no site with this name"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate of the site is not valid"
    if isinstance(error, TimeoutError):
        return "The site does not answer"
    return "The site cannot be reached, or its answer is not a web page"
