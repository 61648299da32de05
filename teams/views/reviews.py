"""What happened since the last quarterly meeting, for everyone to read."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.models import Member
from teams.models import Review


@login_not_required
@require_safe
def review_list(request: HttpRequest) -> HttpResponse:
    """Show the newest published review, and the older ones below it."""
    reviews = list(Review.objects.published())
    newest = reviews[0] if reviews else None
    return render(
        request,
        "teams/review_list.html",
        {"review": newest, "older": reviews[1:], "desk_url": _desk_url(request, newest)},
    )


@login_not_required
@require_safe
def review_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one review; a draft only to staff, as visitors will see it."""
    review = get_object_or_404(Review.objects.visible_to(request.user), slug=slug)
    return render(
        request,
        "teams/review_detail.html",
        {"review": review, "desk_url": _desk_url(request, review)},
    )


def _desk_url(request: HttpRequest, review: Review | None) -> str:
    """Return the page of `review` at the desk, for those who may open it."""
    person = request.user
    if review is None or not isinstance(person, Member) or not person.is_staff:
        return ""
    return reverse("admin:teams_review_change", args=[review.pk])
