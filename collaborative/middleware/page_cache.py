"""Public pages for visitors, answered before everything else: before sessions, and before the
database is asked.

Kept are the answers of the views named below, to GET requests without a cookie and without a
query string. A page holds for `settings.PAGE_CACHE_SECONDS` from when the reading of its data
began, in the memory of each process: no process shows anything older (but numbers that take long
to count, see teams/figures/public.py), and none has to be told of a change (a look-up in a shared
cache for each request would cost two thirds of the speed). Whoever has a cookie, as everybody has
who is signed in, gets a page made for them.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

# The same for everyone without a cookie: they depend on nothing of the request but its path. No
# form with a token, no header, no query string.
SAME_FOR_VISITORS = {
    "home", "team_list", "team_detail", "faq_list", "faq_detail", "organization_list",
    "privacy", "accessibility", "robots", "sitemap", "security_txt",
}  # fmt: skip
PAGES = 500  # kept in each process, 10 kB to 50 kB each; the oldest goes first
REVALIDATE = "max-age=0, must-revalidate"  # browsers keep a page too, and ask whether it holds

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Page:
    """An answer as it left the other middleware, and the time (monotonic) until which it holds."""

    content: bytes
    headers: dict[str, str]
    until: float
    route: str  # for the log, which is asked before an address is looked up

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The page, or 304 for who has it already."""
        request.route_name = self.route  # type: ignore[attr-defined]
        response = HttpResponse(self.content, headers=self.headers)
        if "HTTP_IF_NONE_MATCH" not in request.META:
            return response
        found = get_conditional_response(request, etag=self.headers["ETag"], response=response)
        return found or response


class PageCacheMiddleware:
    """Stands before every middleware that reads or writes anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.PAGE_CACHE_SECONDS:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._lock = Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "HEAD":
            return _head(self._answer(request))
        return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if meta.get("HTTP_COOKIE") or meta.get("QUERY_STRING"):
            return self.get_response(request)
        # The host as it was sent: one that is not ours is answered with 400, which is not kept.
        key = (request.scheme or "", meta.get("HTTP_HOST", ""), request.path)
        page = self._pages.get(key)
        now = time.monotonic()
        if page is not None and now < page.until and request.method in {"GET", "HEAD"}:
            return page.answer(request)
        response = self.get_response(request)
        if not _may_be_kept(request, response):
            return response
        page = _page(request, response, now + settings.PAGE_CACHE_SECONDS)
        with self._lock:
            self._pages.pop(key, None)
            self._pages[key] = page
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        return page.answer(request)


def _head(response: HttpResponse) -> HttpResponse:
    """The answer to a GET as the answer to a HEAD: its length, without its body."""
    if not response.streaming:
        length = str(len(response.content))
        response.content = b""
        response.headers["Content-Length"] = length
    return response


def _may_be_kept(request: HttpRequest, response: HttpResponse) -> bool:
    match = request.resolver_match
    return (
        request.method == "GET"
        and match is not None
        and match.url_name in SAME_FOR_VISITORS
        and not match.namespaces
        and response.status_code == 200
        and not response.streaming
        and not response.cookies
    )


def _page(request: HttpRequest, response: HttpResponse, until: float) -> Page:
    content = response.content
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**response.headers, "ETag": etag, "Cache-Control": REVALIDATE}
    route = request.resolver_match.view_name if request.resolver_match else ""
    return Page(content, headers, until, route)
