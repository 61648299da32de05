"""Django's sessions, with the two things that the portal needs besides."""

import re
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.cache import caches
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from members.services.sessions import LAST_USE_INTERVAL, note_last_use

SESSION_KEY_FORMAT = re.compile(r"[a-z0-9]{32}")


class SessionMiddleware(DjangoSessionMiddleware):
    """Never deletes a cookie whose session was not found.

    Signing in replaces the session. A second request that the same browser sent meanwhile (a
    double press of the button) still names the old one: deleting the cookie in its response
    would delete the new cookie, and sign the person out again.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Ignore a cookie that cannot be a session key: PostgreSQL refuses some in a query."""
        super().process_request(request)
        key = request.session.session_key
        if key and not SESSION_KEY_FORMAT.fullmatch(key):
            request.session = self.SessionStore()

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Leave the cookie alone where the session is empty and nobody has ended it."""
        session = request.session
        if session.is_empty() and not session.modified:
            if session.accessed:
                patch_vary_headers(response, ("Cookie",))
            return response
        return super().process_response(request, response)


class LastUseMiddleware:
    """Notes when a member's session was last used.

    At most once in LAST_USE_INTERVAL, without a query on the requests between: each process
    remembers for that long which sessions it has noted.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # After an error of the database, asking it once more would only take longer.
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._note(request.session)
        return response

    def _note(self, session: SessionBase) -> None:
        if not (session.accessed and SESSION_KEY in session and session.session_key):
            return
        seconds = LAST_USE_INTERVAL.total_seconds()
        if caches["last_use"].add(session.session_key, True, seconds):
            # The page is shown also where the database cannot be written.
            with suppress(DatabaseError), transaction.atomic():
                note_last_use(session.session_key)
