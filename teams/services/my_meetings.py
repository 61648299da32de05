"""The next meetings of a member: what they answered, and what waits for their answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from members.models import Member
from teams.models import ActionTeam, Attendance, Meeting
from teams.public_teams import public_teams
from teams.services.answers import ANSWERS_IN_WORDS, is_outdated, offered_answers
from teams.upcoming_meetings import upcoming_meetings, upcoming_meetings_in

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


def my_meetings(
    member: Member, keys: Collection[int], teams: Collection[ActionTeam] | None = None
) -> list[MyMeeting]:
    """Return the next meetings, cancelled ones too, of the teams with these keys, which `member` is
    in or facilitates, and of the whole Collaborative. `teams` are the public ones, where they are
    known. Two queries where there are meetings."""
    upcoming = upcoming_meetings_in(keys)[:MAX_MEETINGS] if keys else []
    announced = Meeting.objects.exclude(status=Meeting.Status.DRAFT)
    meetings = announced.in_bulk([each.pk for each in upcoming])
    own = Attendance.objects.filter(member=member, meeting__in=meetings)
    attendances = {attendance.meeting_id: attendance for attendance in own if attendance.answer}
    # Those of announced meetings are public.
    teams = public_teams() if teams is None else teams
    mine = []
    for each in upcoming:
        if meeting := meetings.get(each.pk):
            meeting.known_teams = [team for team in teams if team.pk in each.teams]
            mine.append(MyMeeting(meeting, attendances.get(meeting.pk)))
    return mine


def next_by_team(meetings: Iterable[MyMeeting], keys: Iterable[int]) -> dict[int, MyMeeting]:
    """Return the first of `meetings` that takes place for each team with these keys; those of the
    whole Collaborative are every team's."""
    first: dict[int, MyMeeting] = {}
    keys = list(keys)
    for each in meetings:
        teams = [team.pk for team in each.meeting.shown_teams]
        for key in () if each.meeting.is_cancelled else teams or keys:
            first.setdefault(key, each)
    return first


def next_meeting_of(team: ActionTeam, member: Member, *, is_in_team: bool) -> Meeting | None:
    """Return the next meeting of `team`, or of the whole Collaborative, that `member` may see.
    Where there is one, one query for those who are in the team, one more for others."""
    if is_in_team:
        # What else they are in makes no difference for these meetings.
        keys = [each.pk for each in upcoming_meetings_in([team.pk])]
        visible = Meeting.objects.filter(pk__in=keys).upcoming() if keys else None
    elif any(each.is_of_teams([team.pk]) for each in upcoming_meetings()):
        visible = Meeting.objects.visible_to(member).of_team(team).upcoming()
    else:
        visible = None
    return visible.takes_place().first() if visible is not None else None
