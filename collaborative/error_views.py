"""The error handlers of the site: 503 while the database is down, 413 for too large a request.

While the database (or the cache) is down, every page answers 503 with Retry-After, and nothing on
that page needs a database. The handlers of ROOT_URLCONF do this, not a middleware: Django turns an
error into an answer in the very layer where it came up, so a middleware never sees an error of the
middleware around it, such as a session that cannot be read.
"""

import logging
import sys

from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.cache import add_never_cache_headers

from collaborative.middleware.access_log import route_name
from collaborative.operations.outages import is_outage
from members.site_identity import last_known_identity
from teams.site_texts import starter_frame

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10
TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
# The access line says all of it: 413, or "host_not_allowed".
LOGGED_AS_ACCESS = (*TOO_LARGE, DisallowedHost)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle 500: answer 503 if the database or the cache is down."""
    if is_outage(sys.exc_info()[1]):
        return _unavailable()
    return _page_without_database(500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 400: answer 413 for too large a request, and 503 for a session that could not be
    saved because the database is down, which Django reports as a deleted session.

    A forged request is no error of the portal: one warning says of what kind it was, without what
    was sent. Django's own line about it, an error with a traceback, is not written.
    """
    if is_outage(exception):
        return _unavailable()
    if isinstance(exception, SuspiciousOperation) and not isinstance(exception, LOGGED_AS_ACCESS):
        kind = type(exception).__name__
        logger.warning("Refused a forged request to %s: %s", route_name(request), kind)
    status = 413 if isinstance(exception, TOO_LARGE) else 400
    context = {"frame": starter_frame(), "site": last_known_identity()}
    return render(request, f"{status}.html", context, status=status)


def _unavailable() -> HttpResponse:
    response = _page_without_database(503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    add_never_cache_headers(response)
    return response


def _page_without_database(status: int) -> HttpResponse:
    page = loader.render_to_string(f"{status}.html", {"site": last_known_identity()})
    return HttpResponse(page, status=status)
