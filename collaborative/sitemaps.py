"""The public pages, for search engines."""

from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap as sitemap_view
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from teams.models import ActionTeam, Announcement, Meeting, Resource, Review, Topic


class PublicPages(Sitemap[str]):
    """Every page that a visitor reads; single answers are on the FAQ page already."""

    protocol = urlsplit(settings.SITE_URL).scheme
    url_names: ClassVar = [
        "home", "team_list", "meeting_list", "resource_list", "faq_list", "organization_list",
        "area_list", "topic_list", "review_list", "join", "privacy", "accessibility",
    ]  # fmt: skip

    def items(self) -> list[str]:
        pages = [reverse(name) for name in self.url_names]
        pages += [team.get_absolute_url() for team in ActionTeam.objects.public()]
        public = {
            "meeting_detail": Meeting.objects.public(),
            "topic_detail": Topic.objects.public(),
            "resource_detail": Resource.objects.visible_to(AnonymousUser()),
            "review_detail": Review.objects.published(),
        }
        for name, records in public.items():
            slugs = records.values_list("slug", flat=True)
            pages += [reverse(name, args=[slug]) for slug in slugs]
        keys = Announcement.objects.public().values_list("pk", flat=True)
        return pages + [reverse("announcement_detail", args=[key]) for key in keys]

    def location(self, item: str) -> str:
        return item

    def get_domain(self, site: object = None) -> str:
        """Return the portal's own host, whichever host the request named."""
        return urlsplit(settings.SITE_URL).netloc


@login_not_required
def sitemap(request: HttpRequest) -> HttpResponse:
    """Return every page that a visitor may read, for search engines."""
    return sitemap_view(request, {"pages": PublicPages})
