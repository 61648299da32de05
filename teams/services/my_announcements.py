"""The announcements that a member reads: on My teams, and in the monthly summary."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from members.fragments import cached_fragment
from members.models import Member
from teams.models import ActionTeam, Announcement, AnnouncementQuerySet, Attendance, meetings_of

# On a page about other things; the lists of announcements have all.
MAX_ANNOUNCEMENTS = 3
# In seconds, as other parts of pages.
CACHE_SECONDS = 1


def announcements_for(member: Member, keys: Collection[int]) -> list[Announcement]:
    """Return the newest announcements that were sent to `member`, whose `team_keys` are `keys`,
    with what lists show of them. One query where there are any, and two more for who comes to a
    meeting whose people someone wrote to."""
    audiences = _audiences()
    meetings = _meeting_keys(member, keys, audiences.meetings)
    if not meetings and audiences.teams.isdisjoint([*keys, None] if keys else ()):
        return []
    return list(for_list(Announcement.objects.addressed_to(keys, meetings))[:MAX_ANNOUNCEMENTS])


def newest_of_team(team: ActionTeam, *, only_public: bool = False) -> list[Announcement]:
    """Return the newest announcements to `team`, for its members and facilitators; `only_public`:
    for everyone else. One query."""
    announcements = Announcement.objects
    sent = announcements.public() if only_public else announcements.sent()
    return list(for_list(sent.filter(team=team))[:MAX_ANNOUNCEMENTS])


def for_list(announcements: AnnouncementQuerySet) -> AnnouncementQuerySet:
    """Return `announcements` with what a list shows of them, and nothing else: most of the time
    goes into columns."""
    return announcements.select_related("team", "meeting", "sent_by").only(
        "subject",
        "body",
        "sent_at",
        "stopped_at",
        "team__name",
        "team__slug",
        "team__color",
        "meeting__title",
        "meeting__slug",
        "sent_by__full_name",
        "sent_by__is_superuser",
    )


@dataclass(frozen=True)
class Audiences:
    """To which teams (None: all) and meetings someone wrote: only keys, which no page shows."""

    teams: frozenset[int | None]
    meetings: frozenset[int]


def _audiences() -> Audiences:
    """Return to whom someone wrote, up to CACHE_SECONDS old."""
    return cached_fragment("announcement-audiences", _query_audiences, CACHE_SECONDS)


def _query_audiences() -> Audiences:
    sent = Announcement.objects.filter(status=Announcement.Status.SENT).order_by()
    pairs = list(sent.values_list("team", "meeting").distinct())
    return Audiences(
        frozenset(team for team, meeting in pairs if meeting is None),
        frozenset(meeting for _, meeting in pairs if meeting is not None),
    )


def _meeting_keys(member: Member, keys: Collection[int], announced: frozenset[int]) -> list[int]:
    """Return the keys of those of `meetings_of` that are among `announced`. Their query takes as
    long as half of a page, and most members come to none."""
    answers = Attendance.objects.filter(member=member, answer__in=Attendance.COMING)
    if not announced or not answers.filter(meeting__in=announced).exists():
        return []
    return list(meetings_of(member, keys).filter(pk__in=announced).values_list("pk", flat=True))
