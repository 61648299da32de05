"""Errors to Sentry, without anything about people. Loaded only where SENTRY_DSN is set.

What leaves the portal is built from a list of what may (`_build_event`): the error, the lines of
code that led to it, the page's path and name, the id of the request and the member's key. No form,
cookie, header, query, local variable, command line or earlier log line does.
"""

from collections.abc import Callable
from typing import Any

import sentry_sdk
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from collaborative.middleware.access_log import loggable_path, route_name, signed_in_member_id
from collaborative.monitoring.logging import redact
from members.history.request_id import current_request_id

Event = dict[str, Any]
EVENT_FIELDS = [
    "event_id", "timestamp", "platform", "level", "logger", "sdk", "server_name", "release",
]  # fmt: skip
FRAME_FIELDS = [
    "filename", "module", "function", "lineno", "in_app", "context_line", "pre_context",
    "post_context",
]  # fmt: skip


def start_reporting(dsn: str, release: str = "", transport: type[Transport] | None = None) -> None:
    """Send errors of this process to the Sentry project `dsn`, as those of the version `release`;
    a test gives its own `transport`."""
    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        transport=transport,
        # One of them sends the command line, with its addresses.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=_integrations(),
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        auto_session_tracking=False,
        send_client_reports=False,
        enable_metrics=False,
        trace_propagation_targets=[],
        before_send=_build_event,  # type: ignore[arg-type]  # its types name more fields than ours
    )


def _integrations() -> list[Integration]:
    return [
        DjangoIntegration(signals_spans=False),
        # Log lines from ERROR on.
        LoggingIntegration(level=None, sentry_logs_level=None),
        ExcepthookIntegration(),
        DedupeIntegration(),
        AtexitIntegration(callback=lambda pending, timeout: None),
    ]


class SentryRequestMiddleware:
    """Lets an error name the request that it belongs to. Stands right behind the access log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        def add_request(event: Any, hint: dict[str, Any]) -> Any:
            hint["portal_request"] = request
            return event

        with sentry_sdk.isolation_scope() as scope:
            scope.add_event_processor(add_request)
            return self.get_response(request)


def _build_event(event: Event, hint: dict[str, Any]) -> Event:
    """Return a new event with what may leave the portal."""
    allowed = {name: event[name] for name in EVENT_FIELDS if name in event}
    if message := event.get("logentry", {}).get("message"):
        allowed["logentry"] = {"message": redact(message)}
    if exceptions := event.get("exception", {}).get("values"):
        allowed["exception"] = {"values": [_build_exception(each) for each in exceptions]}
    tags = {"request_id": current_request_id()}
    if request := hint.get("portal_request"):
        allowed["request"] = {"method": request.method, "url": loggable_path(request)}
        allowed["transaction"] = tags["route"] = route_name(request)
        if member_id := signed_in_member_id(request):
            allowed["user"] = {"id": str(member_id)}
    allowed["tags"] = {name: value for name, value in tags.items() if value}
    return allowed


def _build_exception(exception: Event) -> Event:
    """Return one exception of the chain: its type, its redacted text, its lines of code."""
    frames = exception.get("stacktrace", {}).get("frames", [])
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "value": redact(exception.get("value") or ""),
        "mechanism": {"type": "portal", "handled": False},
        "stacktrace": {
            "frames": [{name: frame.get(name) for name in FRAME_FIELDS} for frame in frames]
        },
    }
