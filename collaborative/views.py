"""The pages that belong to no app: home, the statements, what machines read."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from teams.cache_versions import cache_versions
from teams.models import ActionTeam, FaqEntry, Goal
from teams.statistics import counted_people, counted_teams

SECURITY_TXT_HOLDS = timedelta(days=180)  # RFC 9116 advises less than a year


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the Collaborative is, its teams, numbers from data, where to start."""
    return render(
        request,
        "collaborative/home.html",
        {
            "teams": SimpleLazyObject(lambda: counted_teams(ActionTeam.objects.all())),
            "questions": FaqEntry.objects.published().general()[:5],
            "standing": SimpleLazyObject(_standing),
            "cache_versions": cache_versions(),
        },
    )


def _standing() -> dict[str, int]:
    """Where the Collaborative stands, in numbers."""
    people, organizations = counted_people()
    return {
        "organizations": organizations,
        "members": people,
        "goals": Goal.objects.count(),
        "goals_reached": Goal.objects.filter(state=Goal.State.REACHED).count(),
    }


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept about people, who sees it, and how long."""
    return render(request, "collaborative/privacy.html")


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """How the pages can be used, and whom to tell where they cannot."""
    return render(request, "collaborative/accessibility.html")


@login_not_required
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Search engines read what a visitor may, and no step of a journey, no account, no desk."""
    names = ("admin:index", "my_teams", "join_code", "join_done", "account_login")
    closed = [reverse(name) for name in names]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    lines.append(f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}")
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain")


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where to tell of a weakness (RFC 9116)."""
    expires = timezone.now().replace(hour=0, minute=0, second=0) + SECURITY_TXT_HOLDS
    lines = [
        f"Contact: mailto:{settings.CONTACT_EMAIL}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}{reverse('security_txt')}",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
