from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from teams.models import Attendance, Meeting
from teams.services import send_digests
from teams.services.meetings_due import describe_due, meetings_due
from teams.services.waiting import waiting_for
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch) -> datetime:
    """A Tuesday morning in Chicago."""
    moment = datetime(2027, 3, 9, 8, tzinfo=timezone.get_default_timezone())
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    return moment


def due(planner) -> list[list[str]]:
    return [describe_due(meeting) for meeting in meetings_due(planner)]


@pytest.mark.parametrize(
    ("hours", "fields", "sentences"),
    [
        (24 * 13, {"status": "draft"}, [["Not announced yet."]]),
        (24 * 15, {"status": "draft"}, []),
        (-1, {"status": "draft"}, []),
        (24 * 13, {}, []),
        (24, {}, [["Takes place tomorrow."]]),
        # The last hour of tomorrow, and the first of the day after, in Central Time.
        (39, {}, [["Takes place tomorrow."]]),
        (41, {}, []),
        (2, {}, []),
        (24, {"status": "cancelled", "cancelled_reason": "Snow"}, []),
        # Ended today, and yesterday.
        (-3, {}, []),
        (-24, {}, [["Attendance is not recorded.", "There are no minutes."]]),
        (-24, {"minutes": "Decided"}, [["Attendance is not recorded."]]),
        (-24, {"status": "held"}, [["Attendance is not recorded.", "There are no minutes."]]),
        (-24, {"status": "cancelled", "cancelled_reason": "Snow"}, []),
        (-24 * 29, {}, [["Attendance is not recorded.", "There are no minutes."]]),
        (-24 * 31, {}, []),
    ],
)
def test_meetings_due(now, facilitator, team, hours, fields, sentences):
    make_meeting(team, starts_at=now + timedelta(hours=hours), **fields)

    assert due(facilitator) == sentences


def test_meetings_due_attendance_is_recorded(now, facilitator, member, colleague, team):
    meeting = make_meeting(team, starts_at=now - timedelta(days=1))
    Attendance.objects.create(meeting=meeting, member=member, came=True)
    Attendance.objects.create(meeting=meeting, member=colleague)
    assert due(facilitator) == [["There are no minutes."]]

    Meeting.objects.update(minutes="Decided")
    assert due(facilitator) == []


def test_meetings_due_waiting_list(now, facilitator, member, colleague, team):
    meeting = make_meeting(team, starts_at=now + timedelta(days=5), places=1)
    waits = {"answer": "in-person", "answered_at": now, "waiting_since": now}
    Attendance.objects.create(meeting=meeting, member=member, **waits)
    assert due(facilitator) == [["1 person waits for a place."]]

    Attendance.objects.create(meeting=meeting, member=colleague, **waits)
    assert due(facilitator) == [["2 people wait for a place."]]


def test_meetings_due_only_of_those_that_one_plans(
    now, facilitator, other_facilitator, administrator, member, team, other_team
):
    yesterday = now - timedelta(days=1)
    make_meeting(team, other_team, starts_at=yesterday)
    make_meeting(starts_at=yesterday)

    people = (facilitator, other_facilitator, administrator, member)
    assert [len(due(person)) for person in people] == [1, 1, 2, 0]
    assert [waiting_for(person)["meetings"].number for person in people[1:3]] == [1, 2]


@pytest.mark.parametrize(
    ("day", "is_sent"),
    [
        # The day after the meeting, later in its week, the first working day of the next one.
        (10, True),
        (17, False),
        (22, True),
    ],
)
def test_send_digests_about_meetings(now, monkeypatch, facilitator, team, day, is_sent):
    make_meeting(team, starts_at=now)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now.replace(day=day))

    send_digests(timezone.localdate())

    email = Email.objects.filter(to=[facilitator.email]).first()
    assert (email is not None) == is_sent
    if email:
        text = " ".join(email.message.split())
        assert "1 meeting to prepare or finish" in text
        assert "Central Time. Attendance is not recorded. There are no minutes." in text
