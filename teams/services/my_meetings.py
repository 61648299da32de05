"""The next meetings of a member: what they answered, and what waits for their answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Prefetch

from members.models import Member
from teams.models import ActionTeam, Attendance, Meeting
from teams.services.answers import offered_answers

# Of the meetings that someone sees beforehand; the list of meetings has all.
MAX_MEETINGS = 20
ANSWERS_IN_WORDS = {
    Attendance.Answer.IN_PERSON: "You will come.",
    Attendance.Answer.ONLINE: "You will join online.",
    Attendance.Answer.NO: "You cannot come.",
}


@dataclass(frozen=True)
class MyMeeting:
    """A meeting to come, and what a member answered; None until they have."""

    meeting: Meeting
    attendance: Attendance | None

    @property
    def waits_for_answer(self) -> bool:
        """Whether the member can answer, and has not."""
        return self.attendance is None and self.meeting.takes_answers

    @property
    def answers(self) -> list[Attendance.Answer]:
        """What can be answered."""
        return offered_answers(self.meeting, may_join_online=True)

    @property
    def words(self) -> str:
        """What the member answered; empty until they have."""
        if self.attendance is None or self.meeting.is_cancelled:
            return ""
        if self.attendance.waiting_since:
            return "You are on the waiting list."
        return ANSWERS_IN_WORDS[Attendance.Answer(self.attendance.answer)]


def my_meetings(member: Member, keys: Collection[int]) -> list[MyMeeting]:
    """Return the next meetings, cancelled ones too, of the teams of `member` with these keys, and
    of the whole Collaborative. One query; where there are meetings, two more."""
    if not keys:
        return []
    answered = Attendance.objects.filter(member=member).exclude(answer="")
    meetings = (
        Meeting.objects.visible_to(member, keys)
        .of_teams(keys)
        .exclude(status=Meeting.Status.DRAFT)
        .upcoming()
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
    """Return the next meeting of `team`, or of the whole Collaborative, that `member` may see; one
    query for those who are in the team, one more for others."""
    # What else they are in makes no difference for these meetings.
    keys = [team.pk] if is_in_team else None
    visible = Meeting.objects.visible_to(member, keys).of_team(team)
    return visible.takes_place().upcoming().first()
