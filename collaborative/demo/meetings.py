"""The meetings of the demo, before and after today; every place and link is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.text import capfirst

from collaborative.demo.data import CAREERS, HIRING, TRAINING
from members.models import Member
from teams.meeting_times import hour_in_words
from teams.models import ActionTeam, Attendance, Meeting, Resource
from teams.services import (
    announce_meeting,
    answer_as_guest,
    answer_meeting,
    cancel_meeting,
    change_meeting,
    create_meeting,
    move_meeting,
)
from teams.services.attendance import record_attendance
from teams.services.resources import create_resource
from teams.workdays import add_working_days, is_working_day

COME, ONLINE, NO = Attendance.Answer.IN_PERSON, Attendance.Answer.ONLINE, Attendance.Answer.NO
ANA, BEN, KARL = "ana@lakefront.example", "ben@lakefront.example", "karl@oaksavanna.example"
DINA, IVO = "dina@prairie.example", "ivo@dunegrass.example"
GUEST = ("Vic Visitor", "vic@asker.example")
VIDEO = "https://video.example.org/made-up-room"
FILES = "https://files.example.org"
LAKEFRONT = "Lakefront Example Hospital, Sample Room 2, 1 Example Street, Chicago"
NORTH_BRANCH = "North Branch Example Health, Room 5, 20 Example Avenue, Chicago"
# After how many minutes each part begins.
AGENDA = {
    0: "**Welcome** from a facilitator who does not exist",
    10: "**Where our goals stand.** What has changed since the last meeting",
    30: "**Small groups.** What each organization will do next",
    50: "**The next meeting**",
}
MINUTES = """Made-up people from made-up organizations took part.

1. **Keep recruiting at the libraries.** Two more employers have started.
2. **Start fair hiring in the new year.** It is first on the agenda of the next meeting.

The team will count again before the next meeting."""


@dataclass(frozen=True)
class DemoMeeting:
    """A meeting: in how many working days (before today: negative), and what becomes of it."""

    title: str
    kind: Meeting.Kind
    teams: Sequence[str]
    working_days: int
    hour: int = 9
    minutes_long: int = 90
    place: str = ""
    join_url: str = ""
    audience: Meeting.Audience = Meeting.Audience.PUBLIC
    places: int | None = None
    answer_days_before: int | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    has_guest: bool = False
    announced: bool = True
    moved_from: int | None = None
    cancelled: str = ""
    minutes: str = ""
    came: Sequence[str] = ()
    links: Sequence[dict[str, str]] = ()


SLIDES = {"kind": "slides", "title": "Made-up slides", "url": f"{FILES}/slides.pdf"}
RECORDING = {
    "kind": "recording",
    "title": "Made-up recording",
    "url": f"{FILES}/recording.mp4",
    "captions": "yes",
    "transcript_url": f"{FILES}/transcript.txt",
}
NOTES = {"kind": "notes", "title": "Notes for the team", "url": f"{FILES}/n", "audience": "teams"}
MEETINGS = [
    DemoMeeting(
        "Sample quarterly meeting",
        Meeting.Kind.QUARTERLY,
        [],
        14,
        minutes_long=120,
        place=LAKEFRONT,
        join_url=VIDEO,
        places=40,
        answer_days_before=2,
        answers={ANA: COME, BEN: ONLINE, DINA: COME, IVO: NO},
        has_guest=True,
    ),
    DemoMeeting(
        "Sample team meeting",
        Meeting.Kind.TEAM,
        [HIRING],
        9,
        place=NORTH_BRANCH,
        join_url=VIDEO,
        audience=Meeting.Audience.TEAMS,
        places=2,
        answers={BEN: COME, KARL: COME, "pia@limestone.example": NO},
        links=[{"kind": "document", "title": "Where we recruited", "url": f"{FILES}/where.pdf"}],
    ),
    DemoMeeting(
        "How to read a skills list (a sample)",
        Meeting.Kind.LEARNING,
        [TRAINING],
        6,
        hour=12,
        minutes_long=60,
        join_url=VIDEO,
        moved_from=5,
        answers={DINA: ONLINE},
    ),
    DemoMeeting(
        "Sample meeting on careers",
        Meeting.Kind.TEAM,
        [CAREERS],
        4,
        hour=13,
        place=NORTH_BRANCH,
        cancelled="The speaker, who does not exist, is sick.",
    ),
    DemoMeeting(
        "Sample meeting in planning",
        Meeting.Kind.TEAM,
        [HIRING],
        45,
        place=NORTH_BRANCH,
        audience=Meeting.Audience.TEAMS,
        announced=False,
    ),
    DemoMeeting(
        "Last sample meeting",
        Meeting.Kind.TEAM,
        [TRAINING],
        -4,
        hour=13,
        join_url=VIDEO,
        answers={ANA: ONLINE, DINA: NO},
    ),
    DemoMeeting(
        "Earlier sample meeting",
        Meeting.Kind.TEAM,
        [HIRING],
        -44,
        place=LAKEFRONT,
        join_url=VIDEO,
        answers={ANA: COME, BEN: ONLINE, KARL: COME},
        minutes=MINUTES,
        came=[ANA, KARL],
        links=[SLIDES, RECORDING, NOTES],
    ),
    DemoMeeting(
        "Sample two-day summit",
        Meeting.Kind.SUMMIT,
        [],
        -240,
        minutes_long=31 * 60,
        place=LAKEFRONT,
        answers={ANA: COME, DINA: COME},
        minutes=MINUTES,
        came=[ANA, DINA, KARL],
        links=[SLIDES],
    ),
]


def add_meetings(
    teams: Mapping[str, ActionTeam], facilitators: Mapping[str, Member], administrator: Member
) -> None:
    """Add the meetings with their answers and attendance, as facilitators and members do it."""
    for sample in MEETINGS:
        by = facilitators[sample.teams[0]] if sample.teams else administrator
        _add_meeting(sample, [teams[slug] for slug in sample.teams], by)


def _add_meeting(sample: DemoMeeting, teams: Sequence[ActionTeam], by: Member) -> None:
    # Those that are over are announced for tomorrow, and backdated when people have answered.
    is_over = sample.working_days < 0
    starts_at = _at(1 if is_over else sample.moved_from or sample.working_days, sample.hour)
    length = timedelta(minutes=sample.minutes_long)
    answer_by = sample.answer_days_before and _at(
        sample.working_days - sample.answer_days_before, 17
    )
    meeting = Meeting(
        title=sample.title,
        kind=sample.kind,
        starts_at=starts_at,
        ends_at=starts_at + length,
        place=sample.place,
        join_url=sample.join_url,
        audience=sample.audience,
        agenda=_agenda(_at(sample.working_days, sample.hour)),
        places=sample.places,
        answer_by=answer_by or None,
    )
    meeting = create_meeting(meeting, teams, by=by)
    for position, values in enumerate(sample.links):
        create_resource(Resource(meeting=meeting, position=position, **values), [], by=by)
    if not sample.announced:
        return
    meeting = announce_meeting(meeting, by=by, max_emails=0)
    _answer(meeting, sample)
    if sample.moved_from:
        start = _at(sample.working_days, sample.hour)
        move_meeting(meeting, starts_at=start, ends_at=start + length, by=by, max_emails=0)
    if sample.cancelled:
        cancel_meeting(meeting, reason=sample.cancelled, by=by, max_emails=0)
    if is_over:
        _backdate(meeting, _at(sample.working_days, sample.hour), length)
        _record(meeting, sample, by)


def _answer(meeting: Meeting, sample: DemoMeeting) -> None:
    for email, answer in sample.answers.items():
        member = Member.objects.get(email=email)
        if Meeting.objects.visible_to(member).filter(pk=meeting.pk).exists():
            answer_meeting(meeting, member, answer)
    if sample.has_guest:
        answer_as_guest(meeting, *GUEST, COME)


def _record(meeting: Meeting, sample: DemoMeeting, by: Member) -> None:
    if sample.minutes:
        change_meeting(meeting, by=by, minutes=sample.minutes)
    if sample.came:
        record_attendance(meeting, list(Member.objects.filter(email__in=sample.came)), by=by)


def _backdate(meeting: Meeting, starts_at: datetime, length: timedelta) -> None:
    """Let `meeting` have taken place at `starts_at`; it was announced and answered three weeks
    before."""
    before = starts_at - timedelta(weeks=3)
    meeting.starts_at, meeting.ends_at = starts_at, starts_at + length
    times = {"starts_at": starts_at, "ends_at": meeting.ends_at}
    Meeting.objects.filter(pk=meeting.pk).update(**times, announced_at=before, changed_at=before)
    meeting.history.update(**times, history_date=before, changed_at=before)
    meeting.history.exclude(announced_at=None).update(announced_at=before)
    meeting.attendances.update(answered_at=before)
    for attendance in meeting.attendances.all():
        attendance.history.update(answered_at=before, history_date=before)


def _agenda(starts_at: datetime) -> str:
    parts = ((starts_at + timedelta(minutes=after), part) for after, part in AGENDA.items())
    return "\n\n".join(f"{capfirst(hour_in_words(moment))} {part}" for moment, part in parts)


def _at(working_days: int, hour: int) -> datetime:
    """Return this hour in Central Time so many working days from today; before it, if negative."""
    day = timezone.localdate()
    if working_days >= 0:
        day = add_working_days(day, working_days)
    else:
        day = _working_days_before(day, -working_days)
    return timezone.make_aware(datetime.combine(day, time(hour)))


def _working_days_before(day: date, days: int) -> date:
    while days > 0:
        day -= timedelta(days=1)
        days -= is_working_day(day)
    return day
