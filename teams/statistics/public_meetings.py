"""The next meetings on pages for everyone: only public ones. Callers keep what they show of them
for a second, as everything else on these pages."""

from __future__ import annotations

from teams.models import ActionTeam, Meeting, MeetingQuerySet

MEETINGS_ON_HOME = 3


def next_public_meetings() -> list[Meeting]:
    """Return the next public meetings that take place, with their teams."""
    upcoming = _upcoming().defer("agenda", "minutes").prefetch_related("teams")
    return list(upcoming[:MEETINGS_ON_HOME])


def next_public_meeting(team: ActionTeam) -> Meeting | None:
    """Return the next public meeting of `team`, or of the whole Collaborative."""
    return _upcoming().of_team(team).first()


def next_public_meeting_by_team() -> dict[int, Meeting]:
    """Return the next public meeting of each team, by its key; those of the whole Collaborative
    are every team's. Two queries, and one more where there are any."""
    first: dict[int | None, int] = {}
    for meeting, team in _upcoming().values_list("pk", "teams"):
        first.setdefault(team, meeting)
    if not first:
        return {}
    meetings = Meeting.objects.defer("agenda", "minutes").in_bulk(set(first.values()))
    of_all = meetings.get(first.pop(None, 0))
    next_ones = {}
    for team in ActionTeam.objects.public().values_list("pk", flat=True):
        candidates = [meetings.get(first.get(team, 0)), of_all]
        found = [meeting for meeting in candidates if meeting is not None]
        if found:
            next_ones[team] = min(found, key=lambda meeting: (meeting.starts_at, meeting.pk))
    return next_ones


def _upcoming() -> MeetingQuerySet:
    return Meeting.objects.public().takes_place().upcoming()
