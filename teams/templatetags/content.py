"""Facilitators' text in templates: `{% load content %}`."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django import template
from django.template.defaultfilters import stringfilter
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from members.email_domains import readable_domain
from members.wording import end_sentence
from teams.markdown import TOP_HEADING, mark_words, one_line, plain_text, render_markdown
from teams.models import Goal, GoalUpdate, SiteText, amount
from teams.site_texts import SiteFrame, render_site_text, site_frame, site_text

register = template.Library()
# {{ goal.current|amount:goal.unit }}
register.filter(amount)
# {{ topic.summary|plain_text|truncatewords:40 }}
register.filter("plain_text", stringfilter(plain_text))
# {{ announcement.body|one_line|truncatechars:160 }}
register.filter("one_line", stringfilter(one_line))
# {{ domain|readable_domain }}
register.filter("readable_domain", stringfilter(readable_domain))
# {{ organization.name|end_sentence }}
register.filter("end_sentence", stringfilter(end_sentence), is_safe=True)


@register.filter
def markdown(text: str, top: int = TOP_HEADING) -> SafeString:
    """Return Markdown as safe HTML; headings begin at h3, or at h4: `{{ text|markdown:4 }}`."""
    return render_markdown(text, top)


@register.filter
def mark(value: str, terms: frozenset[str]) -> SafeString:
    """Return plain text or rendered Markdown with the words marked that a search found.

    Plain: `{{ question|mark:terms }}`; Markdown: `{{ answer|markdown|mark:terms }}`.
    """
    return mark_words(conditional_escape(value), terms)


# The box in which the line of a goal's numbers is drawn, and the room around it.
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 112, 32, 4


@register.inclusion_tag("teams/_sparkline.html")
def sparkline(goal: Goal) -> dict[str, object]:
    """Draw the numbers of a goal's updates, oldest first; nothing for fewer than two. Prefetch
    `updates`."""
    values = [float(each.value) for each in reversed(goal.updates.all()) if each.value is not None]
    if len(values) < 2:
        return {"points": []}
    low, high = min(values), max(values)
    step = (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(values) - 1)
    scale = (SPARK_HEIGHT - 2 * SPARK_MARGIN) / ((high - low) or 1)
    points = [
        (round(SPARK_MARGIN + number * step, 1), round(SPARK_MARGIN + (high - value) * scale, 1))
        for number, value in enumerate(values)
    ]
    line = " ".join(f"{across},{down}" for across, down in points)
    return {"line": line, "points": points, "width": SPARK_WIDTH, "height": SPARK_HEIGHT}


@dataclass(frozen=True)
class Event:
    """What was reported about a goal, and the number before it."""

    update: GoalUpdate
    goal: Goal
    previous: Decimal | None


@register.simple_tag
def timeline(goals: Iterable[Goal]) -> list[Event]:
    """Return what was done for all of `goals`, newest first. Prefetch `updates`."""
    events = []
    for goal in goals:
        previous = None
        for update in reversed(goal.updates.all()):
            events.append(Event(update, goal, previous))
            previous = update.value if update.value is not None else previous
    return sorted(events, key=lambda event: event.update.reported_at, reverse=True)


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
