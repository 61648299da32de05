"""Facilitators' text in templates: `{% load content %}`."""

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from members.normalize import fold
from teams.markdown import TOP_HEADING, mark_words, render_markdown
from teams.models import SiteText, amount
from teams.site_texts import SiteFrame, render_site_text, site_frame, site_text

register = template.Library()
# {{ goal.current|amount:goal.unit }}
register.filter(amount)


@register.filter
def markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """Return Markdown as safe HTML; headings begin at h3, or at h4: `{{ text|markdown:4 }}`."""
    return render_markdown(text, top)


@register.filter
def mark(value: str, query: str) -> SafeString:
    """Return plain text or rendered Markdown with the words of `query` marked.

    Plain: `{{ question|mark:query }}`; Markdown: `{{ answer|markdown|mark:query }}`.
    """
    return mark_words(conditional_escape(value), fold(query).split())


@register.filter
def site_markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """Return a text of the site as safe HTML, with what stands in braces filled in."""
    return render_site_text(text, top)


@register.simple_tag(name="site_text")
def get_site_text(place: str) -> SiteText:
    """Return the text of a place: `{% site_text "who_we_are" as who_we_are %}`."""
    return site_text(place)


@register.simple_tag(name="site_frame")
def get_site_frame() -> SiteFrame:
    """Return what stands around every page: `{% site_frame as frame %}`."""
    return site_frame()
