"""Many answers to one meeting at once: nobody twice, and never more people than places."""

from functools import partial

import pytest

from members.models import Member
from teams.models import Attendance, Meeting
from teams.services import close_account, leave_team
from teams.services.answers import AnswerCounts, answer_as_guest, answer_counts, answer_meeting
from teams.tests.meetings import make_meeting
from teams.tests.test_concurrency import _room_for_all, at_once, refusals  # noqa: F401  # a fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
IN_PERSON, ONLINE, NO = Attendance.Answer
# Of what is a matter of luck.
ROUNDS = 2
GUEST = "gia@guest.example"


@pytest.fixture
def meeting(db) -> Meeting:
    """A public meeting with 4 places."""
    return make_meeting(places=4)


def test_24_people_for_4_places_at_once_get_each_place_once(meeting):
    people = Member.objects.bulk_create(
        [Member(email=f"p{number}@rush.example", full_name=f"P {number}") for number in range(24)]
    )

    def answer_one_by_one(group: list[Member]) -> None:
        for person in group:
            answer_meeting(meeting, person, IN_PERSON)

    at_once(*[partial(answer_one_by_one, people[number::8]) for number in range(8)])
    assert answer_counts(meeting) == AnswerCounts(coming=4, waiting=20)
    assert Attendance.objects.values("member").distinct().count() == 24
    with_place = meeting.attendances.coming().order_by("-answered_at")
    in_line = list(meeting.attendances.waiting())
    assert with_place[0].answered_at <= in_line[0].answered_at
    assert in_line == sorted(in_line, key=lambda each: each.answered_at)
    # Four give up their places, and the first four move up.
    leaving = [each.member for each in with_place]
    at_once(*[partial(answer_meeting, meeting, person, NO) for person in leaving])
    assert answer_counts(meeting) == AnswerCounts(coming=4, no=4, waiting=16)
    assert list(meeting.attendances.waiting()) == in_line[4:]


def test_pressing_at_once_answers_once(meeting, member):
    at_once(*[partial(answer_meeting, meeting, member, IN_PERSON)] * 4)
    assert Attendance.objects.get().history.count() == 1


def test_guest_at_once_and_with_a_members_address_answers_once(meeting, member):
    steps = [partial(answer_as_guest, meeting, "Gia", email, NO) for email in (GUEST, member.email)]
    at_once(*steps * 2, partial(answer_meeting, meeting, member, NO))
    assert answer_counts(meeting) == AnswerCounts(no=2)


def test_leaving_the_line_while_a_place_becomes_free_leaves_nobody_waiting(
    member, colleague, outsider
):
    for _ in range(ROUNDS):
        meeting = make_meeting(places=1)
        for person in (member, colleague, outsider):
            answer_meeting(meeting, person, IN_PERSON)
        at_once(*[partial(answer_meeting, meeting, each, NO) for each in (member, colleague)])
        assert answer_counts(meeting) == AnswerCounts(coming=1, no=2)


@pytest.mark.parametrize("go", [leave_team, close_account])
def test_answering_while_leaving_keeps_no_place(member, team, go):
    for _ in range(ROUNDS):
        Member.objects.filter(pk=member.pk).update(is_active=True, closed_at=None)
        membership = member.memberships.get()
        type(membership).objects.update(status="active", ended_at=None, ended_by=None)
        meeting = make_meeting(team, audience=Meeting.Audience.TEAMS)
        subject = member.memberships.get() if go is leave_team else member
        at_once(partial(answer_meeting, meeting, member, IN_PERSON), partial(go, subject))
        assert answer_counts(meeting) == AnswerCounts()
