"""Facilitators' text in templates: `{% load content %}`."""

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from members.normalize import fold
from teams.markdown import TOP_HEADING, mark_words, render_markdown
from teams.models import amount

register = template.Library()
register.filter(amount)  # {{ goal.current|amount:goal.unit }}


@register.filter
def markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """Markdown as safe HTML; headings start at h3, or at `{{ text|markdown:4 }}`."""
    return render_markdown(text, top)


@register.filter
def mark(value: str, query: str) -> SafeString:
    """The words of `query` marked in plain text or in rendered Markdown.

    Plain: `{{ question|mark:query }}`; Markdown: `{{ answer|markdown|mark:query }}`.
    """
    return mark_words(conditional_escape(value), fold(query).split())
