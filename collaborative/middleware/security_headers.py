"""Headers that protect people, besides what Django and django-csp send already."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest, HttpResponse

# No page uses any of these.
DENIED_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture",
    "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid", "magnetometer",
    "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
# Passkeys need these, on our own pages only.
OWN_FEATURES = ("publickey-credentials-create", "publickey-credentials-get")
PERMISSIONS_POLICY = ", ".join(
    [f"{name}=()" for name in DENIED_FEATURES] + [f"{name}=(self)" for name in OWN_FEATURES]
)


class SecurityHeadersMiddleware:
    """Keep answers, static files and errors included, to this site's own pages; and deny pages the
    features of the device that they do not need. (On a file that would only add weight.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        return response


class HostCookieStorage(CookieStorage):
    """Messages in a cookie that no other host and no subdomain can set, where there is https."""

    @property
    def cookie_name(self) -> str:  # type: ignore[override]  # a class attribute in Django
        return "__Host-messages" if settings.SESSION_COOKIE_SECURE else "messages"


class MessageStorage(FallbackStorage):
    """Short messages in a cookie, long ones in the session."""

    storage_classes = (HostCookieStorage, SessionStorage)

    def _store(
        self, messages: list[Message], response: HttpResponse, *args: Any, **kwargs: Any
    ) -> Any:
        """Store `messages`, and return those for which there was no room.

        Those of a visitor take no session, which anybody could make by the thousand: where the
        cookie is full, the oldest are dropped.
        """
        if SESSION_KEY in self.request.session:
            # The stubs leave out what every storage of Django has.
            return super()._store(messages, response, *args, **kwargs)  # type: ignore[misc]
        cookie: Any = self.storages[0]
        return cookie._store(messages, response, remove_oldest=True)
