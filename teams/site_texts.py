"""The texts and notices of the site as pages show them."""

from typing import NamedTuple, cast

from django.conf import settings
from django.core.cache import caches
from django.utils.safestring import SafeString

from teams.markdown import render_markdown
from teams.models import Notice, SiteText
from teams.models.site_texts import PLACEHOLDERS
from teams.starter_content import SITE_TEXTS

# As long as other parts of pages, so that a change is seen within two seconds.
FRAME_CACHE_SECONDS = 1


def site_text(place: str) -> SiteText:
    """Return the text of a `SiteText.Place`: the stored one, or else the starter text."""
    stored = SiteText.objects.filter(place=place).first()
    return stored or SiteText(place=place, text=SITE_TEXTS[place])


def render_site_text(text: str, top: int) -> SafeString:
    """Return Markdown as safe HTML, with the portal's settings in place of words in braces.

    Its headings begin at h`top`.
    """
    for name in PLACEHOLDERS:
        text = text.replace(f"{{{name}}}", str(getattr(settings, name.upper())))
    return render_markdown(text, top)


class SiteFrame(NamedTuple):
    """What stands around every page: the lines at its top, and the contact at its foot."""

    notices: list[str]
    contact: str


def site_frame() -> SiteFrame:
    """Return what stands around every page today, up to FRAME_CACHE_SECONDS old."""

    def query() -> SiteFrame:
        notices = list(Notice.objects.current().values_list("text", flat=True))
        return SiteFrame(notices, site_text(SiteText.Place.CONTACT).text)

    frame = caches["fragments"].get_or_set("site-frame", query, FRAME_CACHE_SECONDS)
    return cast(SiteFrame, frame)
