"""Pages that show the portal's emails, in development only: no mail server is needed there."""

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

from collaborative.demo.sample_emails import render_sample, samples
from desk.email_policy import EMAIL_POLICY, FRAME_POLICY

MAX_EMAILS_SHOWN = 100


def development_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return the view with a 404 outside DEBUG, for administrators, too."""

    @login_not_required
    @require_safe
    @never_cache
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEBUG:
            raise Http404
        return view(request, *args, **kwargs)

    return wrapper


@development_only
def email_list(request: HttpRequest) -> HttpResponse:
    """Show the newest emails, sent or still waiting."""
    emails = Email.objects.order_by("-pk")[:MAX_EMAILS_SHOWN]
    context = {"emails": emails, "max_emails": MAX_EMAILS_SHOWN}
    return render(request, "dev/email_list.html", context)


@development_only
@csp_update(FRAME_POLICY)  # type: ignore[arg-type]  # its types know no views with arguments
def email_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one email, as text and as HTML."""
    return render(request, "dev/email_detail.html", {"email": get_object_or_404(Email, pk=pk)})


@development_only
@xframe_options_sameorigin
@csp_replace(EMAIL_POLICY)  # type: ignore[arg-type]  # as above
def email_html(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the HTML part of one email as a page; 404 for an email that is text only."""
    email = get_object_or_404(Email.objects.exclude(html_message=""), pk=pk)
    return HttpResponse(email.html_message)


@development_only
@csp_update(FRAME_POLICY)
def sample_list(request: HttpRequest) -> HttpResponse:
    """Show every email that the portal can write on one page, about people who do not exist."""
    emails = [(sample.func.__name__, render_sample(sample)) for sample in samples()]
    return render(request, "dev/email_samples.html", {"emails": emails})


@development_only
@xframe_options_sameorigin
@csp_replace(EMAIL_POLICY)  # type: ignore[arg-type]  # as above
def sample_html(request: HttpRequest, number: int) -> HttpResponse:
    """Show the HTML part of one sample; 404 for a number that is too large."""
    if number >= len(all_samples := samples()):
        raise Http404
    return HttpResponse(render_sample(all_samples[number]).html_message)
