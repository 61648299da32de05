"""Browsers that have signed in before, so that strangers cannot use up what they may ask for.

A signed cookie says with which addresses the browser has signed in; members/auth/code_limits.py
counts its codes for these on their own. That is all it is good for: it signs nobody in, and one who
has stolen it can send the owner of the address five codes in a quarter of an hour. It names no
address: only the portal can tell whether one is meant. Browsers send it to the pages of signing in
alone, so that all other pages come from the cache as before.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac

COOKIE_SECONDS = 180 * 24 * 60 * 60
# Of people who share a browser; who signed in last comes first.
MAX_ADDRESSES = 5
SALT = "members.auth.known_browsers"


def remember_browser(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Let `response` tell the browser that `email` has signed in with it.

    A cookie that is there already is kept and extended. After joining and after a second step,
    whose pages it is not sent to, it begins again.
    """
    browser = _read(request) or {"id": secrets.token_urlsafe(16), "addresses": []}
    address = _digest(browser["id"], email)
    others = [each for each in browser["addresses"] if each != address]
    addresses = [address, *others][:MAX_ADDRESSES]
    response.set_cookie(
        _cookie_name(),
        signing.dumps({"id": browser["id"], "addresses": addresses}, salt=SALT),
        max_age=COOKIE_SECONDS,
        path=reverse("account_login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known_browser_id(request: HttpRequest, email: str) -> str:
    """Return the id of the browser if `email` has signed in with it before, otherwise ""."""
    browser = _read(request)
    is_known = browser and _digest(browser["id"], email) in browser["addresses"]
    return str(browser["id"]) if browser and is_known else ""


def _read(request: HttpRequest) -> dict[str, Any] | None:
    """Return what the cookie says; None without one that the portal has signed lately enough."""
    try:
        browser: dict[str, Any] = signing.loads(
            request.COOKIES.get(_cookie_name(), ""), salt=SALT, max_age=COOKIE_SECONDS
        )
    except signing.BadSignature:
        return None
    return browser


def _digest(browser_id: str, email: str) -> str:
    text = f"{browser_id} {email.lower()}"
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()[:32]


def _cookie_name() -> str:
    """Return a name that only a page over https can set, where there is https; "__Host-" would need
    the cookie to be sent everywhere."""
    return "__Secure-known-browser" if settings.SESSION_COOKIE_SECURE else "known-browser"
