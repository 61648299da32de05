"""Calendars to subscribe to, the file of one meeting, and the page about a member's own calendar.

Public calendars are the same for everyone, hold what every visitor may know, and are there also
while they are empty. A member's own one has a secret in its address instead of a sign-in.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.auth.rate_limits import TooManyRequestsError
from members.site_identity import site_identity
from teams.calendars import feed, meetings_of
from teams.models import ActionTeam, CalendarKey, Meeting, team_keys
from teams.services.calendar_keys import new_calendar_key, note_calendar_use

View = Callable[..., HttpResponse]
# Programs fetch a calendar once an hour, each for itself.
MAX_FETCHES, FETCHES_WINDOW = 60, timedelta(minutes=15)
METHODS = ("GET", "HEAD", "OPTIONS")


def calendar_view(view: View) -> View:
    """Let a view give a calendar to anyone with its address. Programs that look for more than a
    file ask with OPTIONS first; the answer says nothing about the address."""
    allowed = require_http_methods(METHODS)(view)

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(METHODS)})
        return allowed(request, *args, **kwargs)

    return login_not_required(respond)


@calendar_view
def meeting_calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the file of one meeting, to whom may see it."""
    meeting = get_object_or_404(
        Meeting.objects.visible_to(request.user).announced().prefetch_related("teams"), slug=slug
    )
    return _calendar_response(feed([meeting]), slug)


@calendar_view
def all_meetings_calendar(request: HttpRequest) -> HttpResponse:
    """Return the public meetings of all teams and of the whole Collaborative."""
    meetings = Meeting.objects.public().in_calendars()
    return _calendar_response(feed(meetings, site_identity().name), "meetings")


@calendar_view
def team_calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the public meetings of a team, and of the whole Collaborative."""
    team = get_object_or_404(ActionTeam.objects.visible_to(AnonymousUser()), slug=slug)
    meetings = Meeting.objects.public().of_team(team).in_calendars()
    return _calendar_response(feed(meetings, team.name), slug)


@calendar_view
def personal_calendar(request: HttpRequest, secret: str) -> HttpResponse:
    """Return the meetings of the member whose calendar has this address, with the links to join.

    Nobody keeps it on the way. 404 for an address that was replaced, and for that of an account to
    which nobody signs in.
    """
    key = CalendarKey.objects.of_secret(secret)
    if key is None:
        raise Http404
    _count_fetch(key)
    note_calendar_use(key)
    member = key.member
    content = feed(
        meetings_of(member),
        f"My meetings, {site_identity().short_name}",
        member=member,
        with_join_links=bool(team_keys(member)),
    )
    response = _calendar_response(content, "my-meetings")
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _count_fetch(key: CalendarKey) -> None:
    """Count that a calendar was fetched; raises TooManyRequestsError for one that is fetched all
    the time. Other limits are counted in the database, and this one is read while that cannot be
    written."""
    counter, counts = f"calendar-fetches:{key.pk}", caches["last_use"]
    counts.add(counter, 0, FETCHES_WINDOW.total_seconds())
    # Other processes and threads may have dropped it in between.
    with suppress(ValueError):
        if counts.incr(counter) > MAX_FETCHES:
            raise TooManyRequestsError(timezone.now() + FETCHES_WINDOW)


def _calendar_response(content: bytes, name: str) -> HttpResponse:
    """Return a calendar as a file of that name. Phones show it before they take it over, which
    "attachment" would prevent."""
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="{name}.ics"'
    return response


@require_safe
def my_calendar(request: HttpRequest) -> HttpResponse:
    """Show the address of my own calendar, and how to subscribe to it."""
    member = current_member(request)
    key = CalendarKey.objects.filter(member=member).first()
    return render(request, "teams/my_calendar.html", {"key": key})


@require_http_methods(["GET", "HEAD", "POST"])
def my_calendar_new(request: HttpRequest) -> HttpResponse:
    """Say what follows from a new address, then make it."""
    member = current_member(request)
    had_one = CalendarKey.objects.filter(member=member).exists()
    if request.method != "POST":
        if not had_one:
            return redirect("my_calendar")
        return render(request, "teams/my_calendar_new.html")
    new_calendar_key(member)
    if had_one:
        messages.success(request, "Your calendar has a new address. The old one no longer works.")
    else:
        messages.success(request, "Your calendar has an address now.")
    return redirect("my_calendar")
