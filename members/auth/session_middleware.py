"""Django's sessions, with what the portal needs besides."""

import re
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.cache import cache, caches
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from members.services.sessions import LAST_USE_INTERVAL, note_last_use

SESSION_KEY_FORMAT = re.compile(r"[a-z0-9]{32}")
# What a visitor entered, and whose address was never verified, is forgotten after a day.
VISITOR_SESSION_SECONDS = 24 * 60 * 60
# How long a second press of the button that signed someone in is recognized by its old session.
SECOND_PRESS_SECONDS = 10 * 60
LANDING_SESSION_KEY = "signed_in_by"


class SessionMiddleware(DjangoSessionMiddleware):
    """Keeps the session of a visitor for a day, and never deletes a cookie whose session was not
    found.

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
        if session.modified and not session.is_empty() and SESSION_KEY not in session:
            session.set_expiry(VISITOR_SESSION_SECONDS)
        return super().process_response(request, response)


class SecondPressMiddleware:
    """Leads a second press of the button that signed in to where the first one led.

    It comes with the cookie of the session that the first press has replaced, or already with the
    new one; either way its form has nothing left to do. `remember_landing` notes where it led.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and (landing := _landing_of_first_press(request)):
            return HttpResponseRedirect(landing)
        return self.get_response(request)


def remember_landing(request: HttpRequest, url: str) -> None:
    """Let a second press of the button that signed in by `request` lead to `url` as well: with the
    new session, where it is noted, or with the replaced one, by the cache."""
    landing = {"path": request.path, "url": url}
    request.session[LANDING_SESSION_KEY] = landing
    if replaced_key := request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        cache.set(_landing_cache_key(replaced_key), landing, SECOND_PRESS_SECONDS)


def _landing_of_first_press(request: HttpRequest) -> str | None:
    """Return where an earlier POST to the same address led that signed this browser in, or None."""
    key = request.session.session_key
    if key is None:
        return None
    landing = request.session.get(LANDING_SESSION_KEY)
    # Loading a session that is not there has taken its key.
    if request.session.session_key is None:
        landing = cache.get(_landing_cache_key(key))
    return landing["url"] if landing and landing["path"] == request.path else None


def _landing_cache_key(session_key: str) -> str:
    return f"landing-of-session:{session_key}"


class PrivatePagesMiddleware:
    """Lets nobody keep a page that was made for one person: no browser, no proxy.

    These are the pages of who is signed in, of which every one shows a name or what they may do,
    and those that read what a visitor has entered, from the session. Public pages for visitors
    without a session are not touched.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.session.accessed and not request.session.is_empty():
            add_never_cache_headers(response)
        return response


class LastUseMiddleware:
    """Notes when a member's session was last used.

    At most once in LAST_USE_INTERVAL, without a query on the requests between: each process
    remembers for that long which sessions it has noted.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # A redirect, as after joining, leads to a page that notes it without a second write to disk
        # for the form. After an error of the database, asking it once more would only take longer.
        if response.status_code // 100 not in {3, 5}:
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
