"""The pages that belong to no app: home, the statements, what machines read."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.models import Organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the Collaborative is, its teams, numbers from data, where to start."""
    return render(
        request,
        "collaborative/home.html",
        {
            "teams": ActionTeam.objects.with_counts(),
            "questions": FaqEntry.objects.published().general()[:5],
            "organization_count": Organization.objects.recognized().count(),
            "member_count": Membership.objects.active().values("member").distinct().count(),
            "goal_count": Goal.objects.count(),
            "goals_reached": Goal.objects.filter(state=Goal.State.REACHED).count(),
        },
    )


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "collaborative/privacy.html")


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
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
