"""The pages that belong to no app: home, the statements, what machines read."""

from datetime import datetime, timedelta
from operator import itemgetter

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from members.forms import DomainCheckForm
from members.models import Organization
from members.site_identity import site_identity
from teams.models import FaqEntry, GoalUpdate, Resource
from teams.statistics import all_public_team_counts, next_public_meetings, portal_counts

# RFC 9116 advises less than a year.
SECURITY_TXT_VALIDITY = timedelta(days=180)
NEWS_ON_HOME = 4
# --paper of tokens.css.
PAPER = "#fbfaf7"


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what the Collaborative is, its teams, numbers from data, and where to start."""
    return render(request, "collaborative/home.html", {"get_content": _home_content})


def _home_content() -> dict[str, object]:
    """Return what everybody reads on the home page, for its cached part."""
    return {
        "teams": all_public_team_counts(),
        "meetings": next_public_meetings(),
        "questions": FaqEntry.objects.published().general()[:5],
        "organizations": Organization.objects.recognized().order_by("name")[:8],
        "lately": _what_happened_lately(),
        "check_form": DomainCheckForm(),
        "counts": portal_counts(),
    }


def _what_happened_lately() -> list[GoalUpdate | Resource]:
    """Return the last updates of goals and the resources that were added since, the newest first;
    not what belongs to a meeting, whose page shows it."""
    updates = GoalUpdate.objects.public().select_related("goal__team")[:NEWS_ON_HOME]
    resources = Resource.objects.visible_to(AnonymousUser()).filter(meeting=None)
    happened: list[tuple[datetime, GoalUpdate | Resource]] = [
        *((update.reported_at, update) for update in updates),
        *((each.added_at, each) for each in resources.newest_first().with_teams()[:NEWS_ON_HOME]),
    ]
    happened.sort(key=itemgetter(0), reverse=True)
    return [news for _, news in happened[:NEWS_ON_HOME]]


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show what is kept about people, who sees it, and how long."""
    return render(request, "collaborative/privacy.html")


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """Show how the pages can be used, and whom to tell where they cannot."""
    return render(request, "collaborative/accessibility.html")


@login_not_required
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Tell phones and browsers how to show the portal among their apps (W3C, Web App Manifest)."""
    site = site_identity()
    if site.icon_url:
        size = f"{site.logo_width}x{site.logo_height}"
        icons = [{"src": site.icon_url, "type": "image/png", "sizes": size}]
    else:
        icons = [
            {"src": static("favicon.svg"), "type": "image/svg+xml", "sizes": "any"},
            {"src": static("icon-512.png"), "type": "image/png", "sizes": "512x512"},
            {
                "src": static("icon-512.png"),
                "type": "image/png",
                "sizes": "512x512",
                "purpose": "maskable",
            },
        ]
    content = {
        "name": site.name,
        "short_name": site.short_name,
        "lang": "en",
        "start_url": reverse("home"),
        "scope": reverse("home"),
        # With a way back and the address: the portal's pages count on both.
        "display": "minimal-ui",
        # As the page is in the light; a page itself says both colors (_tokens.html).
        "theme_color": PAPER,
        "background_color": PAPER,
        "icons": icons,
    }
    return JsonResponse(content, content_type="application/manifest+json")


@login_not_required
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines to read what a visitor may: no step of joining, no account, no desk."""
    joining = ("join_code", "join_organization", "join_done")
    names = ("admin:index", "my_teams", *joining, "account_login")
    lines = ["User-agent: *", *(f"Disallow: {reverse(name)}" for name in names)]
    lines.append(f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}")
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain")


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Return where to report a vulnerability (RFC 9116)."""
    expires = timezone.now().replace(hour=0, minute=0, second=0) + SECURITY_TXT_VALIDITY
    lines = [
        f"Contact: mailto:{settings.CONTACT_EMAIL}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}{reverse('security_txt')}",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
