"""What tells browsers to protect people, besides what Django and django-csp send already."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest, HttpResponse

# No page uses any of these; passkeys need the two that are ours alone.
CLOSED = (
    "accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "display-capture",
    "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid", "magnetometer",
    "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
OURS = ("publickey-credentials-create", "publickey-credentials-get")
PERMISSIONS = ", ".join([*(f"{name}=()" for name in CLOSED), *(f"{name}=(self)" for name in OURS)])


class HeadersMiddleware:
    """Answers, static files and errors included, are for this site's pages alone; and a page may
    use nothing of the device that it does not need. (On a file that would only add weight.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["Permissions-Policy"] = PERMISSIONS
        return response


class HostCookieStorage(CookieStorage):
    """Messages in a cookie that no other host and no subdomain can set, where there is https."""

    cookie_name = "messages" if settings.DEBUG else "__Host-messages"


class MessageStorage(FallbackStorage):
    """Short messages in a cookie, long ones in the session."""

    storage_classes = (HostCookieStorage, SessionStorage)
