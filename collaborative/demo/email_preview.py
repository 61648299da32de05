"""Reads the portal's emails in the browser, in development only: no mail server is needed there."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe
from post_office.models import Email

from collaborative.demo.sample_emails import samples, written

SHOWN = 100

# Emails carry their styles in the page. Nothing else is allowed there, least of all a script; only
# the pages here show one in a frame.
MAIL_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
}
WITH_MAILS = {"frame-src": ["'self'"]}


def _in_development(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The page exists while DEBUG is on and nowhere else, whoever asks."""

    @login_not_required
    @require_safe
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEBUG:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@_in_development
def email_list(request: HttpRequest) -> HttpResponse:
    """The newest emails, sent or still waiting."""
    mails = Email.objects.order_by("-pk")[:SHOWN]
    return render(request, "dev/email_list.html", {"mails": mails, "shown": SHOWN})


@_in_development
@csp_update(WITH_MAILS)  # type: ignore[arg-type]  # its types know no views with arguments
def email_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One email, as text and as HTML."""
    return render(request, "dev/email_detail.html", {"mail": get_object_or_404(Email, pk=pk)})


@_in_development
@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def email_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part of one email, as a page of its own. 404 for an email that is text only."""
    mail = get_object_or_404(Email.objects.exclude(html_message=""), pk=pk)
    return HttpResponse(mail.html_message)


@_in_development
@csp_update(WITH_MAILS)
def sample_list(request: HttpRequest) -> HttpResponse:
    """Every email that the portal can write, on one page, about people who do not exist."""
    mails = [(sample.func.__name__, written(sample)) for sample in samples()]
    return render(request, "dev/email_samples.html", {"mails": mails})


@_in_development
@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def sample_html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML part of one of them. 404 for a number that is too large."""
    if number >= len(all_samples := samples()):
        raise Http404
    return HttpResponse(written(all_samples[number]).html_message)
