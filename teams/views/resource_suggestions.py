"""Suggesting a resource without an account."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.rate_limits import TooManyRequestsError, rate_limited, too_many_requests
from members.models import Member
from teams.forms import ResourceSuggestionForm
from teams.services import resource_at, suggest_resource

SUGGEST_TEMPLATE = "teams/resource_suggest.html"


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def resource_suggest(request: HttpRequest) -> HttpResponse:
    """Take the address of a page and why it helps; an account is not needed. A page that this
    person finds among the resources is named instead. `?title=` is what was searched for."""
    if request.method != "POST":
        email = request.user.email if isinstance(request.user, Member) else ""
        initial = {"email": email, "title": request.GET.get("title", "")}
        form = ResourceSuggestionForm(initial=initial)
        return render(request, SUGGEST_TEMPLATE, {"form": form})
    form = ResourceSuggestionForm(request.POST)
    if not form.is_valid():
        return render(request, SUGGEST_TEMPLATE, {"form": form})
    entered = form.cleaned_data
    known = resource_at(entered["url"], request.user)
    if known:
        return render(request, SUGGEST_TEMPLATE, {"form": form, "known": known})
    try:
        with rate_limited(request, "suggestion"):
            suggest_resource(entered["url"], entered["title"], entered["text"], entered["email"])
    except TooManyRequestsError as refused:
        return too_many_requests(request, refused, SUGGEST_TEMPLATE, {"form": form})
    return redirect(reverse("resource_suggested") + ("?email=1" if entered["email"] else ""))


@login_not_required
@require_safe
def resource_suggested(request: HttpRequest) -> HttpResponse:
    """Say that the suggestion arrived and what comes next; `?email=1`: an email tells of it."""
    return render(request, "teams/resource_suggested.html", {"by_email": "email" in request.GET})
