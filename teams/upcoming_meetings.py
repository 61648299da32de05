"""The meetings to come, as pages for members and emails find them: by key and who may see them."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from typing import NamedTuple

from members.fragments import cached_fragment
from teams.models import Meeting


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


def upcoming_meetings() -> list[UpcomingMeeting]:
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


def upcoming_meetings_in(keys: Collection[int]) -> list[UpcomingMeeting]:
    """Return the next meetings of the teams with these keys, and of the whole Collaborative, that
    their members may see."""
    return [each for each in upcoming_meetings() if each.is_visible_in_teams(keys)]
