"""What the portal writes into its log: one line per request, one per step, nothing about people.

Lines name people and rows by their keys. Whatever a library or an exception brings along passes
`redact`, the last thing before the output, which blots out email addresses and what PostgreSQL
tells of the rows of a failed statement. Needs no settings, so that gunicorn's own log can be set
up in the same way (`deploy/gunicorn.conf.py`).
"""

import json
import logging
import os
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from members.history.request_id import HEADER, bind_request_id, current_request_id

LEVELS: dict[str, str] = {name.lower(): name for name in ("DEBUG", "INFO", "WARNING", "ERROR")}
FORMATS: dict[str, str] = {name: name for name in ("text", "json")}
PROBES = {"healthz", "readyz", "metrics"}  # asked every few seconds, day and night
REFUSED = ("DisallowedHost", "RequestDataTooBig", "TooManyFieldsSent", "csrf")
LONGEST_PATH = 200

_SANE = re.compile(r"[A-Za-z0-9_-]{8,64}").fullmatch
# It begins where no character before could begin it: else a long word takes the square of its time.
_ADDRESS = re.compile(
    r"(?<![^\s@<>()\[\]{}\"'=:,;/])[^\s@<>()\[\]{}\"'=:,;/]+(?:@|%40)[^\s@<>()\[\]{}\"',;/]+",
    re.IGNORECASE,
)
# Of a failed statement PostgreSQL tells the values: `DETAIL:  Failing row contains (…)`.
_VALUES = re.compile(
    r"(DETAIL|CONTEXT|HINT): .*?(?=\n\n(?:The above|During handling)|\nTraceback|\Z)", re.DOTALL
)

requests = logging.getLogger("portal.requests")
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def current_request() -> HttpRequest | None:
    """The request that is being answered, if any: for what reports errors."""
    return _request.get()


def redact(text: str) -> str:
    """`text` without email addresses and without the values of a failed statement."""
    if "@" in text or "%40" in text:
        text = _ADDRESS.sub("(address)", text)
    return _VALUES.sub(r"\1: (left out)", text) if ": " in text else text


class TextFormatter(logging.Formatter):
    """A line that people read, without what names a person."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} [{request_id}] {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's own name
        """In UTC with its offset, as in JSON."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RequestId(logging.Filter):
    """Gives each record the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True


def json_formatter() -> logging.Formatter:
    """One JSON object per line; what a line tells in numbers and names has keys of its own."""
    from pythonjsonlogger.core import RESERVED_ATTRS  # noqa: PLC0415  # LOG_FORMAT=json alone
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  # loads it

    formatter: logging.Formatter = JsonFormatter(
        ["levelname", "name", "request_id", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        # django.request adds the whole request to its records.
        reserved_attrs=[*RESERVED_ATTRS, "request", "server_time", "status_code"],
        timestamp="time",
        json_serializer=_dump,
    )
    return formatter


def _dump(line: dict[str, Any], **options: Any) -> str:
    clean = {key: redact(value) if isinstance(value, str) else value for key, value in line.items()}
    return json.dumps(clean, ensure_ascii=False, default=str)


def configuration(form: str, level: str) -> dict[str, Any]:
    """The dictionary for `logging.config.dictConfig`: all lines to the standard error."""
    formatter = json_formatter if form == "json" else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestId}},
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["request_id"],
            },
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": max_level(level, "INFO")},
        "loggers": {
            **{name: {"level": level} for name in ("portal", "collaborative", "members", "teams")},
            # Django's own handlers give way to the one above.
            "django": {"handlers": [], "level": max_level(level, "INFO"), "propagate": True},
            # Each request has its line: of a page that was not found a second one tells no more.
            "django.request": {"level": "ERROR"},
            # What a stranger sends is no error of the portal: the line tells 400 or 413.
            **{f"django.security.{name}": {"level": "CRITICAL"} for name in REFUSED},
            # Names addresses when an email fails; the sender logs each email by its key instead.
            "post_office": {"handlers": ["nowhere"], "level": "CRITICAL", "propagate": False},
        },
    }


def max_level(level: str, least: str) -> str:
    """`level`, or `least` where that says less: libraries' DEBUG lines are never written."""
    return max(level, least, key=logging.getLevelNamesMapping().__getitem__)


class AccessLogMiddleware:
    """Gives each request its id and its line. Stands first, so that pages from a cache have both.

    The line is INFO; the answers of a healthy `/healthz` and the like are DEBUG. The member's
    key is told only where the page has asked who it is: no query is made for the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        request_id = id_of(request)
        token = _request.set(request)
        with bind_request_id(request_id):
            response = self.get_response(request)
            response.headers[HEADER] = request_id
            if requests.isEnabledFor(logging.INFO):
                _tell(request, response, began)
        _request.reset(token)
        return response


def id_of(request: HttpRequest) -> str:
    """The id that the portal's own proxy gave the request, where there is one; else a new one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXY_COUNT else ""
    return given if given and _SANE(given) else os.urandom(16).hex()


def route_of(request: HttpRequest) -> str:
    """The name of the page's address, as in `urls.py`; "-" where the request reached none.

    A middleware that answers before an address is looked up may leave the name as
    `request.route_name`.
    """
    match = request.resolver_match
    return (match.view_name if match else getattr(request, "route_name", "")) or "-"


def member_of(request: HttpRequest) -> int | None:
    """The key of who is signed in, if the page has looked; None otherwise."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):  # nobody has signed in or out by this request
        user = getattr(request, "_cached_user", None)
    key: int | None = getattr(user, "pk", None)
    return key


def path_of(request: HttpRequest) -> str:
    """The path, on one line, not too long and without the address that somebody put there."""
    path = request.path
    if not (path.isascii() and path.isprintable()):
        path = quote(path, safe="/")
    return redact(path[:LONGEST_PATH])


def _is_for_us(request: HttpRequest) -> bool:
    """Whether ALLOWED_HOSTS names the host that was asked for, which the log does not repeat."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _tell(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    """Write the line of one request."""
    route, member = route_of(request), member_of(request)
    if response.status_code == 400 and route == "-" and not _is_for_us(request):
        route = "host_not_allowed"
    quiet = route in PROBES and response.status_code < 400
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    path, method = path_of(request), str(request.method)[:10]
    requests.log(
        logging.DEBUG if quiet else logging.INFO,
        "%s %s %s %s %s ms%s",
        method,
        path,
        route,
        response.status_code,
        milliseconds,
        f" member {member}" if member else "",
        extra={
            "method": method,
            "path": path,
            "route": route,
            "status": response.status_code,
            "milliseconds": milliseconds,
            "member": member,
        },
    )
