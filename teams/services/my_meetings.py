"""The next meetings of a member: what they answered, and what waits for their answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from django.db.models import Prefetch

from members.fragments import cached_fragment
from members.models import Member
from teams.models import ActionTeam, Attendance, Meeting, MeetingQuerySet
from teams.services.answers import ANSWERS_IN_WORDS, is_outdated, offered_answers

# Of the meetings that someone sees beforehand; the list of meetings has all.
MAX_MEETINGS = 20


@dataclass(frozen=True)
class MyMeeting:
    """A meeting to come, and what a member answered; None until they have."""

    meeting: Meeting
    attendance: Attendance | None

    @property
    def waits_for_answer(self) -> bool:
        """Whether the member can answer, and has not, or has to answer again."""
        is_answered = self.attendance is not None and not self.is_outdated
        return not is_answered and self.meeting.takes_answers

    @property
    def is_outdated(self) -> bool:
        """Whether the member has to answer again, because of where the meeting is now."""
        return is_outdated(self.meeting, self.attendance)

    @property
    def answers(self) -> list[Attendance.Answer]:
        """What can be answered."""
        return offered_answers(self.meeting, may_join_online=True)

    @property
    def words(self) -> str:
        """What the member answered; empty until they have."""
        if self.attendance is None or self.is_outdated or self.meeting.is_cancelled:
            return ""
        if self.attendance.waiting_since:
            return "You are on the waiting list."
        return f"{ANSWERS_IN_WORDS[self.attendance.answer].capitalize()}."


class UpcomingMeeting(NamedTuple):
    """An upcoming meeting, and who may see it: only keys, which no page shows."""

    pk: int
    audience: str
    teams: frozenset[int]

    def is_of_teams(self, keys: Collection[int]) -> bool:
        """Whether it is of one of the teams with these keys, or of the whole Collaborative."""
        return not self.teams or not self.teams.isdisjoint(keys)

    def is_visible_in_teams(self, keys: Collection[int]) -> bool:
        """Whether members of the teams with these keys see it among their meetings."""
        return not self.teams.isdisjoint(keys) or (
            not self.teams and self.audience != Meeting.Audience.TEAMS
        )


# In seconds, as other parts of pages.
CACHE_SECONDS = 1


def _upcoming_meetings() -> list[UpcomingMeeting]:
    """Return the announced meetings to come, cancelled ones too, up to CACHE_SECONDS old.

    The query for the meetings that a member may see takes as long as half of a page: pages that
    every member opens look here first, and fetch by key.
    """
    return cached_fragment("upcoming-meetings", _query_upcoming_meetings, CACHE_SECONDS)


def _query_upcoming_meetings() -> list[UpcomingMeeting]:
    rows = Meeting.objects.announced().upcoming().values_list("pk", "audience", "teams")
    return [
        UpcomingMeeting(pk, audience, frozenset(team for *_, team in group if team is not None))
        for (pk, audience), group in groupby(rows, key=lambda row: row[:2])
    ]


def _visible_meetings(member: Member, keys: Collection[int]) -> MeetingQuerySet | None:
    """Return the next meetings of the teams of `member` with these keys, and of the whole
    Collaborative; None where there are none."""
    if member.is_staff:
        # They may also see what they plan.
        return Meeting.objects.visible_to(member, keys).of_teams(keys).upcoming()
    found = [each.pk for each in _upcoming_meetings() if each.is_visible_in_teams(keys)]
    return Meeting.objects.filter(pk__in=found).upcoming() if found else None


def my_meetings(member: Member, keys: Collection[int]) -> list[MyMeeting]:
    """Return the next meetings, cancelled ones too, of the teams of `member` with these keys, and
    of the whole Collaborative. Three queries where there are meetings."""
    visible = _visible_meetings(member, keys) if keys else None
    if visible is None:
        return []
    answered = Attendance.objects.filter(member=member).exclude(answer="")
    meetings = (
        visible.exclude(status=Meeting.Status.DRAFT)
        .defer("agenda", "minutes")
        .prefetch_related("teams", Prefetch("attendances", answered))
    )
    return [
        MyMeeting(meeting, next(iter(meeting.attendances.all()), None))
        for meeting in meetings[:MAX_MEETINGS]
    ]


def next_by_team(meetings: Iterable[MyMeeting], keys: Iterable[int]) -> dict[int, MyMeeting]:
    """Return the first of `meetings` that takes place for each team with these keys; those of the
    whole Collaborative are every team's."""
    first: dict[int, MyMeeting] = {}
    keys = list(keys)
    for each in meetings:
        teams = [team.pk for team in each.meeting.teams.all()]
        for key in () if each.meeting.is_cancelled else teams or keys:
            first.setdefault(key, each)
    return first


def next_meeting_of(team: ActionTeam, member: Member, *, is_in_team: bool) -> Meeting | None:
    """Return the next meeting of `team`, or of the whole Collaborative, that `member` may see.
    Where there is one, one query for those who are in the team, one more for others."""
    if is_in_team:
        # What else they are in makes no difference for these meetings.
        visible = _visible_meetings(member, [team.pk])
    elif any(each.is_of_teams([team.pk]) for each in _upcoming_meetings()):
        visible = Meeting.objects.visible_to(member).of_team(team).upcoming()
    else:
        visible = None
    return visible.takes_place().first() if visible is not None else None
