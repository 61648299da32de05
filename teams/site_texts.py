"""The texts and notices of the site as pages show them."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.utils.safestring import SafeString

from members.fragments import cached_fragment
from members.site_identity import site_identity
from teams.markdown import render_markdown
from teams.models import ActionTeam, Notice, SiteText
from teams.models.site_texts import PLACEHOLDERS
from teams.public_teams import public_teams
from teams.starter_content import SITE_TEXTS

# As long as other parts of pages, so that a change is seen within two seconds.
CACHE_SECONDS = 1


def site_text(place: str) -> SiteText:
    """Return the text of a `SiteText.Place`: the stored one, up to CACHE_SECONDS old, or else the
    starter text."""
    return _text_at(place, _stored_texts())


def _text_at(place: str, stored: dict[str, SiteText]) -> SiteText:
    return stored.get(place) or SiteText(place=place, text=SITE_TEXTS[place])


def _stored_texts() -> dict[str, SiteText]:
    return cached_fragment(
        "site-texts", lambda: SiteText.objects.in_bulk(field_name="place"), CACHE_SECONDS
    )


def render_site_text(text: str, top: int) -> SafeString:
    """Return Markdown as safe HTML, with the portal's settings and its name in place of words in
    braces.

    Its headings begin at h`top`.
    """
    for name in PLACEHOLDERS:
        if f"{{{name}}}" in text:
            text = text.replace(f"{{{name}}}", _value(name))
    return render_markdown(text, top)


def _value(placeholder: str) -> str:
    if placeholder == "site_name":
        return site_identity().name
    return str(getattr(settings, placeholder.upper()))


class SiteFrame(NamedTuple):
    """What stands around every page: the lines at its top, and what is at its foot, which is in a
    cached part."""

    notices: list[str]
    get_tagline: Callable[[], str]
    get_contact: Callable[[], str]
    get_teams: Callable[[], list[ActionTeam]]


def site_frame() -> SiteFrame:
    """Return what stands around every page today, up to CACHE_SECONDS old; its texts are read
    once."""
    notices = cached_fragment(
        "notices",
        lambda: list(Notice.objects.current().values_list("text", flat=True)),
        CACHE_SECONDS,
    )
    stored_texts = cache(_stored_texts)
    return SiteFrame(
        notices,
        lambda: _text_at(SiteText.Place.TAGLINE, stored_texts()).text,
        lambda: _text_at(SiteText.Place.CONTACT, stored_texts()).text,
        public_teams,
    )


def starter_frame() -> SiteFrame:
    """Return what stands around a page that asks no database: no notice, the starter texts."""
    return SiteFrame(
        [],
        lambda: SITE_TEXTS[SiteText.Place.TAGLINE],
        lambda: SITE_TEXTS[SiteText.Place.CONTACT],
        list,
    )
