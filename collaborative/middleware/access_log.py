"""The access log: one line per request, about what was requested and nothing about people."""

import logging
import os
import re
import time
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from collaborative.monitoring.logging import redact
from members.history.request_id import HEADER, bind_request_id

# Machines request these every few seconds, day and night.
PROBE_ROUTES = {"healthz", "readyz", "metrics"}
MAX_PATH_LENGTH = 200
MAX_METHOD_LENGTH = 10

# The arguments of addresses that open something without signing in. deploy/nginx.conf leaves them
# out as well.
SECRET_ARGUMENTS = ("token", "secret")

_is_valid_id = re.compile(r"[A-Za-z0-9_-]{8,64}").fullmatch

access_logger = logging.getLogger("portal.requests")


class AccessLogMiddleware:
    """Gives each request its id and its line. Stands first, so that cached pages have both.

    The line is INFO; successful probes are DEBUG. The member's key is in it only where the page has
    looked up who is signed in: no query is made for the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = _request_id(request)
        with bind_request_id(request_id):
            response = self.get_response(request)
            response.headers[HEADER] = request_id
            if access_logger.isEnabledFor(logging.INFO):
                _log_request(request, response, (time.perf_counter() - started) * 1000)
        return response


def _request_id(request: HttpRequest) -> str:
    """Return the id that the portal's own proxy gave the request, or else a new one."""
    sent = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXY_COUNT else ""
    return sent if _is_valid_id(sent) else os.urandom(16).hex()


def route_name(request: HttpRequest) -> str:
    """Return the name of the requested page, as in `urls.py`; "-" where there is none.

    A middleware that answers before the URL is resolved may set `request.route_name`.
    """
    match = request.resolver_match
    return (match.view_name if match else getattr(request, "route_name", "")) or "-"


def signed_in_member_id(request: HttpRequest) -> int | None:
    """Return the key of the signed-in member if the page has looked it up, otherwise None."""
    user = getattr(request, "user", None)
    # Still lazy unless someone has signed in or out by this request.
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    member_id: int | None = getattr(user, "pk", None)
    return member_id


def loggable_path(request: HttpRequest) -> str:
    """Return the path on one line, shortened, and without an email address in it, or what the link
    of an email proves."""
    path = request.path
    match = request.resolver_match
    for name, value in match.kwargs.items() if match else ():
        if name in SECRET_ARGUMENTS:
            path = path.replace(str(value), "[token]")
    if not (path.isascii() and path.isprintable()):
        path = quote(path, safe="/")
    return redact(path[:MAX_PATH_LENGTH])


def _has_allowed_host(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _log_request(request: HttpRequest, response: HttpResponseBase, milliseconds: float) -> None:
    route, status = route_name(request), response.status_code
    # The log does not repeat the host, which is a stranger's text.
    if status == 400 and route == "-" and not _has_allowed_host(request):
        route = "host_not_allowed"
    fields = {
        "method": str(request.method)[:MAX_METHOD_LENGTH],
        "path": loggable_path(request),
        "route": route,
        "status": status,
        "milliseconds": round(milliseconds, 1),
        "member": signed_in_member_id(request),
    }
    message = "%(method)s %(path)s %(route)s %(status)s %(milliseconds)s ms"
    if fields["member"]:
        message += " member %(member)s"
    is_healthy_probe = route in PROBE_ROUTES and status < 400
    level = logging.DEBUG if is_healthy_probe else logging.INFO
    access_logger.log(level, message, fields, extra=fields)
