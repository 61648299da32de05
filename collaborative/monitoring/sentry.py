"""Errors to Sentry, without anything about people. Loaded only where SENTRY_DSN is set.

What leaves the portal is put together anew from a list of what may (`_allowed`): the error, the
lines of code that led to it, the page's path and name, the id of the request and the member's
key. No form, cookie, header, query, local variable, command line or earlier log line does.
"""

from typing import Any

import sentry_sdk
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from collaborative.monitoring.logging import current_request, member_of, path_of, redact, route_of
from members.history.request_id import current_request_id

KEPT = ("event_id", "timestamp", "platform", "level", "logger", "sdk", "server_name", "release")
KEPT_OF_FRAME = ["filename", "module", "function", "lineno", "in_app", "context_line"]
KEPT_OF_FRAME += ["pre_context", "post_context"]


def report_to(dsn: str, release: str = "", transport: type[Transport] | None = None) -> None:
    """Send errors of this process to the Sentry project `dsn`, as those of the version `release`;
    a test gives a `transport`."""
    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        transport=transport,
        default_integrations=False,  # one of them sends the command line, with its addresses
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
        before_send=_allowed,  # type: ignore[arg-type]  # its types name more than is kept
    )


def _integrations() -> list[Integration]:
    return [
        DjangoIntegration(signals_spans=False),
        LoggingIntegration(level=None, sentry_logs_level=None),  # lines from ERROR upwards
        ExcepthookIntegration(),
        DedupeIntegration(),
        AtexitIntegration(callback=lambda pending, timeout: None),
    ]


def _allowed(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """A new event with what may leave the portal."""
    sent = {name: event[name] for name in KEPT if name in event}
    if told := event.get("logentry", {}).get("message"):
        sent["logentry"] = {"message": redact(told)}
    if raised := event.get("exception", {}).get("values"):
        sent["exception"] = {"values": [_exception(one) for one in raised]}
    tags = {"request_id": current_request_id() or None}
    if request := current_request():
        sent["request"] = {"method": request.method, "url": path_of(request)}
        sent["transaction"] = tags["route"] = route_of(request)
        if key := member_of(request):
            sent["user"] = {"id": str(key)}
    sent["tags"] = {name: value for name, value in tags.items() if value}
    return sent


def _exception(raised: dict[str, Any]) -> dict[str, Any]:
    """One exception of the chain: its kind, its text without addresses, its lines of code."""
    frames = raised.get("stacktrace", {}).get("frames", [])
    return {
        "type": raised.get("type"),
        "module": raised.get("module"),
        "value": redact(raised.get("value") or ""),
        "mechanism": {"type": "portal", "handled": False},
        "stacktrace": {
            "frames": [{name: frame.get(name) for name in KEPT_OF_FRAME} for frame in frames]
        },
    }
