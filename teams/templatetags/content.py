"""Facilitators' text in templates: `{% load content %}`."""

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from members.normalize import fold
from teams.markdown import TOP_HEADING, mark_words, render_markdown
from teams.models import amount

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
