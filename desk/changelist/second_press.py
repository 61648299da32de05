"""A form that arrives twice because its button was pressed twice; desk.js prevents that, but forms
work without JavaScript."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

# A request takes less; of one that was killed nothing is known after that.
FIRST_PRESS_SECONDS = 60
SECOND_PRESS_SECONDS = 10 * 60


def respond_once(
    request: HttpRequest, respond: Callable[[], HttpResponse], meanwhile: str
) -> HttpResponse:
    """Return the response of `respond` to a form. A second press of its button, which sends the
    same once more, leads to where the first one led, or to `meanwhile` as long as that works.

    The token against forged requests is different each time a form is shown: the same token with
    the same input is the same form.
    """
    if "csrfmiddlewaretoken" not in request.POST:
        return respond()
    sent = f"{request.user.pk} {request.get_full_path()} {request.POST.urlencode()}"
    key = f"second-press:{hashlib.sha256(sent.encode()).hexdigest()}"
    if not cache.add(key, meanwhile, FIRST_PRESS_SECONDS):
        return HttpResponseRedirect(cache.get(key, meanwhile))
    landing = ""
    try:
        response = respond()
        landing = response.headers.get("Location", "")
    finally:
        # What was refused leads back to the form, and can be sent again.
        is_saved = landing != request.get_full_path() or "_addanother" in request.POST
        if landing and is_saved:
            cache.set(key, landing, SECOND_PRESS_SECONDS)
        else:
            cache.delete(key)
    return response
