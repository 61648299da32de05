"""What is new, as feed readers fetch it (Atom, RFC 4287): only what every visitor may see, and
nobody's name.

An entry keeps its id for good, whatever is changed about it and about the address of the portal's
pages. Its time moves only when what it says does: it comes from the history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, format_html_join, linebreaks

from members.site_identity import site_identity
from teams.markdown import render_markdown
from teams.meeting_times import time_range
from teams.models import FaqEntry, GoalUpdate, Meeting, Resource, Review

MAX_ENTRIES = 30
# Of tag URIs (RFC 4151): a day on which the host was the portal's.
TAG_YEAR = 2026
# When an empty feed was changed last, and what was there from the start.
BEGINNING = datetime(TAG_YEAR, 1, 1, tzinfo=UTC)
# What XML 1.0 cannot hold (2.2), nor any reader show.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ITEM = '<li><a href="{}">{}</a></li>'
_OWN_LINK = re.compile(r'(?<=href=")(?=[/#])')


@dataclass(frozen=True)
class FeedEntry:
    """One entry: `html` is safe, `url` absolute."""

    id: str
    title: str
    url: str
    html: str
    published: datetime
    updated: datetime


class AtomFeed(Atom1Feed):
    def latest_post_date(self) -> datetime:
        """Return when the newest entry was changed: of an empty feed always the same."""
        return super().latest_post_date() if self.items else BEGINNING


class PublicFeed(Feed[FeedEntry, None]):
    """A feed at the address `<name>_feed`, about what the page `page` shows."""

    feed_type = AtomFeed
    name = page = words = ""

    def entries(self) -> list[FeedEntry]:
        raise NotImplementedError

    def items(self) -> list[FeedEntry]:
        newest = sorted(self.entries(), key=lambda entry: (entry.updated, entry.id), reverse=True)
        return newest[:MAX_ENTRIES]

    def title(self) -> str:
        return f"{self.words} of the {site_identity().name}"

    def subtitle(self) -> str:
        return f"What is new on {self.link()}"

    def link(self) -> str:
        return settings.SITE_URL + reverse(self.page)

    def feed_url(self) -> str:
        return settings.SITE_URL + reverse(f"{self.name}_feed")

    def feed_guid(self) -> str:
        return _tag("feed", self.name)

    def author_name(self) -> str:
        return site_identity().name

    def item_title(self, item: FeedEntry) -> str:
        return _NOT_IN_XML.sub("", item.title)

    def item_description(self, item: FeedEntry) -> str:
        return _NOT_IN_XML.sub("", item.html)

    def item_link(self, item: FeedEntry) -> str:
        return item.url

    def item_guid(self, item: FeedEntry) -> str:
        return item.id

    def item_pubdate(self, item: FeedEntry) -> datetime:
        return item.published

    def item_updateddate(self, item: FeedEntry) -> datetime:
        return item.updated


class MeetingsFeed(PublicFeed):
    name, page, words = "meetings", "meeting_list", "Meetings"

    def entries(self) -> list[FeedEntry]:
        """The public meetings; cancelled ones say so."""
        meetings = list(
            Meeting.objects.public()
            .order_by("-changed_at", "-pk")
            .prefetch_related("teams")[:MAX_ENTRIES]
        )
        fields = ("title", "starts_at", "ends_at", "place", "agenda", "minutes", "cancelled_reason")
        changed_at = _changed_at(
            meetings,
            (*fields, "join_url", "status"),
            # Of the link only that there is one is shown.
            lambda *values: (*values[:-2], bool(values[-2]), values[-1] == "cancelled"),
        )
        return [_meeting_entry(meeting, changed_at) for meeting in meetings]


def _meeting_entry(meeting: Meeting, changed_at: Mapping[int, datetime]) -> FeedEntry:
    url = settings.SITE_URL + meeting.get_absolute_url()
    announced_at = meeting.announced_at or BEGINNING
    facts = format_html("<p>{}<br>{}</p>", time_range(meeting), meeting.where)
    if meeting.is_cancelled:
        reason = meeting.cancelled_reason
        facts = format_html("<p>This meeting is cancelled: {}</p>{}", reason, facts)
    minutes = meeting.minutes if meeting.has_begun else ""
    return FeedEntry(
        id=meeting.uid.urn,
        title=f"{'Cancelled: ' if meeting.is_cancelled else ''}{meeting.title_with_teams}",
        url=url,
        html=facts + _html(meeting.agenda, url) + _html(minutes, url),
        published=announced_at,
        updated=max(announced_at, changed_at.get(meeting.pk, BEGINNING)),
    )


class ResourcesFeed(PublicFeed):
    name, page, words = "resources", "resource_list", "Resources"

    def entries(self) -> list[FeedEntry]:
        resources = list(
            Resource.objects.visible_to(AnonymousUser()).order_by("-added_at", "-pk")[:MAX_ENTRIES]
        )
        fields = ("kind", "title", "url", "summary", "publisher", "published_on")
        changed_at = _changed_at(resources, fields)
        return [
            FeedEntry(
                id=_tag("resource", resource.pk),
                title=resource.title,
                url=settings.SITE_URL + resource.get_absolute_url(),
                html=_resource_html(resource),
                published=resource.added_at,
                updated=max(resource.added_at, changed_at.get(resource.pk, BEGINNING)),
            )
            for resource in resources
        ]


def _resource_html(resource: Resource) -> str:
    facts = [resource.get_kind_display(), resource.publisher, resource.published_on]
    link = format_html('<a href="{}">{}</a>', resource.url, resource.url)
    return linebreaks(resource.summary, autoescape=True) + format_html(
        "<p>{}<br>{}</p>", ", ".join(filter(None, facts)), link
    )


class QuestionsFeed(PublicFeed):
    name, page, words = "questions", "faq_list", "Questions and answers"

    def entries(self) -> list[FeedEntry]:
        entries = list(FaqEntry.objects.published())
        changed_at = _changed_at(entries, ("question", "answer"))
        published_at = _published_at(entries)
        shown = []
        for entry in entries:
            url = settings.SITE_URL + entry.get_absolute_url()
            published = published_at.get(entry.pk, BEGINNING)
            shown.append(
                FeedEntry(
                    id=_tag("question", entry.pk),
                    title=entry.question,
                    url=url,
                    html=_html(entry.answer, url),
                    published=published,
                    updated=max(published, changed_at.get(entry.pk, BEGINNING)),
                )
            )
        return shown


def _published_at(entries: Iterable[FaqEntry]) -> dict[int, datetime]:
    """Return when each of `entries` was published for the first time, by its key. One query."""
    versions = FaqEntry.history.filter(id__in=[entry.pk for entry in entries], is_published=True)
    newest_first = versions.order_by("-history_date", "-history_id")
    return dict(newest_first.values_list("id", "history_date"))


class GoalsFeed(PublicFeed):
    name, page, words = "goals", "team_list", "Goals"

    def entries(self) -> list[FeedEntry]:
        """What was reported about the goals, which never changes."""
        updates = GoalUpdate.objects.public().select_related("goal__team")[:MAX_ENTRIES]
        return [
            FeedEntry(
                id=_tag("goal-update", update.pk),
                title=f"{update.goal.team.name}: {update.goal.title}",
                url=f"{settings.SITE_URL}{update.goal.team.get_absolute_url()}"
                f"#goal-{update.goal.slug}",
                html=format_html(
                    "<p>{}</p><p>{}</p>", update.sentence, f"{update.get_state_display()}."
                ),
                published=update.reported_at,
                updated=update.reported_at,
            )
            for update in updates
        ]


class ReviewsFeed(PublicFeed):
    name, page, words = "reviews", "review_list", "Since the last quarterly meeting"

    def entries(self) -> list[FeedEntry]:
        """What was published, which never changes; a correction makes it new again."""
        published = Review.objects.published().prefetch_related("lines", "corrections")
        return [_review_entry(review) for review in published[:MAX_ENTRIES]]


def _review_entry(review: Review) -> FeedEntry:
    url = settings.SITE_URL + review.get_absolute_url()
    published_at = review.published_at or BEGINNING
    corrections = list(review.corrections.all())
    sections = [
        (heading, [(f"{settings.SITE_URL}{line.path}", line.text) for line in lines])
        for heading, lines in review.sections
    ]
    html = [_html(review.intro, url)]
    html += [
        format_html("<h3>{}</h3><ul>{}</ul>", heading, format_html_join("", _ITEM, lines))
        for heading, lines in sections
    ]
    html += [format_html("<p>Correction: {}</p>", correction.text) for correction in corrections]
    return FeedEntry(
        id=_tag("review", review.pk),
        title=review.period,
        url=url,
        html="".join(html),
        published=published_at,
        updated=max([published_at, *(correction.added_at for correction in corrections)]),
    )


def _tag(kind: str, key: object) -> str:
    """Return an id for good, without the scheme and the port of the portal's address."""
    return f"tag:{urlsplit(settings.SITE_URL).hostname},{TAG_YEAR}:{kind}/{key}"


def _html(markdown: str, url: str) -> str:
    """Return safe HTML whose links lead from anywhere to where they do on the page at `url`."""
    html = render_markdown(markdown)
    return _OWN_LINK.sub(lambda match: _base(html[match.start()], url), html)


def _base(first_character: str, url: str) -> str:
    return url if first_character == "#" else settings.SITE_URL


def _changed_at(
    records: Iterable[Any],
    fields: tuple[str, ...],
    shown: Callable[..., object] = lambda *values: values,
) -> dict[int, datetime]:
    """Return when what is `shown` of these `fields` was changed last, by the key of the record;
    nothing for those without history. One query."""
    records = list(records)
    if not records:
        return {}
    versions = type(records[0]).history.filter(id__in=[record.pk for record in records])
    changed_at: dict[int, datetime] = {}
    last: dict[int, object] = {}
    for pk, changed, *values in versions.order_by("history_date", "history_id").values_list(
        "id", "history_date", *fields
    ):
        if pk not in last or last[pk] != shown(*values):
            last[pk], changed_at[pk] = shown(*values), changed
    return changed_at
