"""Whole public pages for visitors, answered before sessions and before the database.

Cached are the answers of the views named below, to GET requests without a cookie and without a
query string, for `settings.PAGE_CACHE_SECONDS`, in the memory of each process. The time counts from
when the view began to read its data, so no page is older. A process needs no message about a
change, and a look-up in a shared cache for each request would cost two thirds of the speed. Anyone
with a cookie, as every signed-in member has, gets a page of their own; so does a request with a
script name, which would be in every link of the page.

Parts of pages are cached for a second more (`{% cache 1 … using="fragments" %}`) and counts for ten
(teams/statistics/public.py), also where one is made of others (members/fragments.py): visitors see
a change after two seconds, and numbers after eleven.
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
from django.utils.http import parse_http_date_safe

# The same for everyone without a cookie: they depend on nothing of the request but its path. No
# form with a token, no header, no query string, no script name.
CACHEABLE_VIEWS = {
    "home", "team_list", "team_detail", "meeting_list", "meeting_detail", "faq_list", "faq_detail",
    "resource_list", "resource_detail", "organization_list", "privacy", "accessibility", "manifest",
    "robots", "sitemap", "security_txt", "meeting_calendar", "all_meetings_calendar",
    "team_calendar", "meetings_feed", "resources_feed", "questions_feed", "goals_feed", "search",
    "team_announcements", "announcement_detail", "review_list", "review_detail", "reviews_feed",
}  # fmt: skip
# Pages of 10 to 50 kB in the memory of each process; the oldest goes first.
MAX_PAGES = 500
CONDITIONS = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}
# Browsers keep a page too, and ask each time whether it is still valid.
CACHE_CONTROL = "max-age=0, must-revalidate"

Key = tuple[str, str, str]


@dataclass(frozen=True)
class CachedPage:
    """An answer as it left the other middleware, its route for the access log, and the time
    (monotonic) until which it is valid."""

    content: bytes
    headers: dict[str, str]
    expires_at: float
    route: str

    def response(self, request: HttpRequest) -> HttpResponse:
        """Return the page, or 304 if the browser has it already."""
        request.route_name = self.route  # type: ignore[attr-defined]
        response = HttpResponse(self.content, headers=self.headers)
        if request.META.keys().isdisjoint(CONDITIONS):
            return response
        # Only feeds have a time.
        modified_at = parse_http_date_safe(self.headers.get("Last-Modified", ""))
        etag = self.headers["ETag"]
        return get_conditional_response(request, etag, modified_at, response) or response


class PageCacheMiddleware:
    """Answer visitors from memory; placed before every middleware that reads or writes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.PAGE_CACHE_SECONDS:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._pages: OrderedDict[Key, CachedPage] = OrderedDict()
        self._lock = Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "HEAD":
            return _without_body(self._cached_response(request))
        return self._cached_response(request)

    def _cached_response(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if meta.get("HTTP_COOKIE") or meta.get("QUERY_STRING") or meta.get("SCRIPT_NAME"):
            return self.get_response(request)
        # The host as it was sent: one that is not ours gets 400, which is not cached. The path as
        # it is routed.
        key = (request.scheme or "", meta.get("HTTP_HOST", ""), request.path_info)
        page = self._pages.get(key)
        now = time.monotonic()
        if page is not None and now < page.expires_at and request.method in {"GET", "HEAD"}:
            return page.response(request)
        response = self.get_response(request)
        if not _is_cacheable(request, response):
            return response
        page = _cached_page(request, response, now + settings.PAGE_CACHE_SECONDS)
        with self._lock:
            self._pages.pop(key, None)
            self._pages[key] = page
            if len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        return page.response(request)


def _without_body(response: HttpResponse) -> HttpResponse:
    """Return the answer to GET as that to HEAD: with its length, without its body."""
    if not response.streaming:
        length = str(len(response.content))
        response.content = b""
        response.headers["Content-Length"] = length
    return response


def _is_cacheable(request: HttpRequest, response: HttpResponse) -> bool:
    match = request.resolver_match
    return (
        request.method == "GET"
        and match is not None
        and match.url_name in CACHEABLE_VIEWS
        and not match.namespaces
        and response.status_code == 200
        and not response.streaming
        and not response.cookies
    )


def _cached_page(request: HttpRequest, response: HttpResponse, expires_at: float) -> CachedPage:
    content = response.content
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**response.headers, "ETag": etag, "Cache-Control": CACHE_CONTROL}
    route = request.resolver_match.view_name if request.resolver_match else ""
    return CachedPage(content, headers, expires_at, route)
