"""The id of the request that is being answered: from nginx, over the log, to the emails it queues.

Set by `collaborative.middleware.access_log`; it is here because the emails are, and `members`
imports nothing above it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request that is being answered, or empty outside of requests."""
    return _request_id.get()


@contextmanager
def bind_request_id(request_id: str) -> Iterator[None]:
    """Whatever is logged and queued inside belongs to the request with this id."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)
