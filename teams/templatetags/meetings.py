"""When meetings are, in templates: `{% load meetings %}`."""

from django import template
from django.conf import settings
from django.urls import reverse

from teams.meeting_times import day_in_words, moment_in_words, time_range, time_range_beside_date

register = template.Library()
# {{ meeting|time_range }}
register.filter(time_range)
# {{ meeting|time_range_beside_date }}, after a tile with the date
register.filter(time_range_beside_date)
# {{ meeting.moved_from|moment_in_words }}
register.filter(moment_in_words)
# {{ meeting.starts_at|day_in_words }}
register.filter(day_in_words)


@register.simple_tag
def calendar_url(name: str, *args: str) -> str:
    """Return the whole address of a calendar: {% calendar_url "team_calendar" team.slug %}."""
    return settings.SITE_URL + reverse(name, args=args)


@register.filter
def webcal(url: str) -> str:
    """Return an address as one that opens a calendar program instead of the browser."""
    return f"webcal://{url.partition('://')[2]}"
