"""What tools/bench/speed.py compares the portal with: the least that WSGI and Django can do."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

# About as long as a public page.
BODY = b"x" * 12_000


def wsgi(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    """Return a constant response, without a framework."""
    start("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(BODY)))])
    return [BODY]


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY)


if os.environ.get("BARE_DJANGO"):
    urlpatterns = [path("", constant)]
    settings.configure(
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    django.setup()
    application = get_wsgi_application()
