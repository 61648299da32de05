"""Announcements as members read them, and those for everyone as visitors do."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.auth.backends import current_member
from members.models import Member
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementQuerySet,
    meetings_of,
    team_keys,
)
from teams.public_teams import public_team
from teams.services.my_announcements import for_list

ANNOUNCEMENTS_PER_PAGE = 20


@login_not_required
@require_safe
def announcement_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show an announcement: who sent it, only to those to whom it was sent. Members follow the
    link in its email: visitors sign in first, also where there is none with this key."""
    person = request.user
    keys = team_keys(person) if isinstance(person, Member) else []
    visible = Announcement.objects.visible_to(person, keys)
    found = visible.select_related("team", "meeting", "sent_by").filter(pk=pk)
    if isinstance(person, AnonymousUser) and not found.exists():
        return redirect_to_login(request.get_full_path())
    announcement = get_object_or_404(found)
    context = {
        "announcement": announcement,
        "team": announcement.team,
        "shows_names": _shows_names(announcement, person, keys),
        "desk_url": _desk_url(announcement, person),
    }
    return render(request, "teams/announcement_detail.html", context)


def _shows_names(
    announcement: Announcement, person: Member | AnonymousUser, keys: list[int]
) -> bool:
    """Return whether `person`, who sees `announcement`, reads who sent it: not where they see it
    only because everyone does."""
    if not isinstance(person, Member):
        return False
    is_for_everyone = announcement.is_public and announcement.team_id is not None
    return not is_for_everyone or person.is_superuser or announcement.team_id in keys


def _desk_url(announcement: Announcement, person: Member | AnonymousUser) -> str:
    """Return where `person` sees what became of `announcement`; empty if they may not."""
    if not isinstance(person, Member):
        return ""
    if not Announcement.objects.editable_by(person).contains(announcement):
        return ""
    return reverse("admin:teams_announcement_change", args=[announcement.pk])


@login_not_required
@require_safe
def team_announcements(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the announcements to a team: all of them to its members and facilitators, to others
    those for everyone, without anyone's name."""
    person = request.user
    # A draft, for those who prepare it.
    team = public_team(slug) or get_object_or_404(ActionTeam.objects.visible_to(person), slug=slug)
    is_in_team = isinstance(person, Member) and team.roster_visible_to(person)
    announcements = Announcement.objects.sent() if is_in_team else Announcement.objects.public()
    context = {
        "team": team,
        "page": _page_of(announcements.filter(team=team), request),
        "is_in_team": is_in_team,
        "may_write": _may_write_to(team, person),
    }
    return render(request, "teams/team_announcements.html", context)


def _may_write_to(team: ActionTeam, person: Member | AnonymousUser) -> bool:
    if not (isinstance(person, Member) and person.is_staff):
        return False
    return ActionTeam.objects.facilitated_by(person).filter(pk=team.pk).exists()


@require_safe
def my_announcements(request: HttpRequest) -> HttpResponse:
    """Show what was sent to me: to my teams, to all teams, to the meetings that I come to."""
    member = current_member(request)
    keys = team_keys(member)
    addressed = Announcement.objects.addressed_to(keys, meetings_of(member, keys))
    return render(request, "teams/my_announcements.html", {"page": _page_of(addressed, request)})


def _page_of(announcements: AnnouncementQuerySet, request: HttpRequest) -> Page[Announcement]:
    pages = Paginator(for_list(announcements), ANNOUNCEMENTS_PER_PAGE)
    return pages.get_page(request.GET.get("page"))
