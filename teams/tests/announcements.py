"""Announcements and resources for tests: stored as they are after a facilitator has sent or
published them."""

from typing import Any

from django.utils import timezone

from members.models import Member
from teams.models import ActionTeam, Announcement, Meeting, Resource


def make_announcement(team: ActionTeam | None, by: Member, **fields: Any) -> Announcement:
    """Return a stored announcement to `team` (None: all teams), sent by `by` just now, unless
    `fields` say otherwise. Nobody has got an email."""
    values: dict[str, Any] = {"subject": "Rooms for the interviews", "body": "They are booked."}
    if fields.get("status") != Announcement.Status.DRAFT:
        values |= {"status": Announcement.Status.SENT, "sent_at": timezone.now(), "sent_by": by}
    return Announcement.objects.create(**{**values, "team": team, "written_by": by, **fields})


def make_resource(*teams: ActionTeam, **fields: Any) -> Resource:
    """Return a stored public publication of `teams` (none: of all), unless `fields` say
    otherwise."""
    number = Resource.objects.count()
    values: dict[str, Any] = {
        "kind": Resource.Kind.PUBLICATION,
        "title": "Interview guide",
        "slug": f"interview-guide-{number}" if number else "interview-guide",
        "url": "https://library.example.org/guide",
        "summary": "Questions that are fair to every applicant.",
        "publisher": "Example Workforce Institute",
        "published_on": "2025-03",
        **fields,
    }
    resource = Resource.objects.create(**values)
    # As `set` does, without a second entry in the history, which takes half of the time.
    link = Resource.teams.through
    link.objects.bulk_create([link(resource=resource, actionteam=team) for team in teams])
    return resource


def make_link(meeting: Meeting, title: str = "Slides of the day", **fields: Any) -> Resource:
    """Return a stored resource of `meeting`, public slides unless `fields` say otherwise."""
    return make_resource(meeting=meeting, title=title, **{"kind": "slides", **fields})
