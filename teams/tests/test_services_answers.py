"""Answers to meetings: what is stored, what is refused, and who gets a place."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import make_active_member, make_membership
from members.models import Member
from members.services import Refused
from teams.answer_links import answer_token, resolve_answer_token
from teams.models import Attendance, Meeting, Membership
from teams.services import close_account, leave_team
from teams.services.answers import (
    AnswerCounts,
    answer_as_guest,
    answer_counts,
    answer_meeting,
    lock_meeting,
    move_up_waiting,
    number_in_line,
)
from teams.tests.meetings import attendance_of, make_meeting

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE, NO = Attendance.Answer


@pytest.fixture
def small_meeting(team) -> Meeting:
    """A public meeting of `team` with one place."""
    return make_meeting(team, places=1)


@pytest.fixture
def third_member(organization, team):
    return make_active_member("theo@rush.example", organization, "Theo Third", team)


@pytest.mark.parametrize("answer", [IN_PERSON, ONLINE, NO])
def test_answer_meeting_stores_the_answer(member, team, answer):
    meeting = make_meeting(team)
    attendance = answer_meeting(meeting, member, answer)
    stored = attendance_of(meeting, member)
    assert stored == attendance
    assert (stored.answer, stored.organization, stored.waiting_since) == (
        answer,
        member.organization,
        None,
    )
    assert stored.history.get().history_user == member


def test_answer_meeting_twice_changes_nothing(member, team):
    meeting = make_meeting(team)
    first = answer_meeting(meeting, member, IN_PERSON)
    second = answer_meeting(meeting, member, IN_PERSON)
    assert (second.pk, second.answered_at) == (first.pk, first.answered_at)
    assert first.history.count() == 1


@pytest.mark.parametrize(
    ("meeting", "answer", "stored"),
    [
        ({"place": ""}, IN_PERSON, ONLINE),
        ({"place": ""}, ONLINE, ONLINE),
        ({"join_url": ""}, IN_PERSON, IN_PERSON),
    ],
)
def test_answer_meeting_held_one_way_has_one_way_to_come(member, team, meeting, answer, stored):
    assert answer_meeting(make_meeting(team, **meeting), member, answer).answer == stored


@pytest.mark.parametrize(
    ("fields", "answer", "sentence"),
    [
        ({"join_url": ""}, ONLINE, "Choose one of the answers"),
        ({}, "perhaps", "Choose one of the answers"),
        ({}, "", "Choose one of the answers"),
        ({"status": "cancelled", "cancelled_reason": "Snow."}, NO, "is cancelled"),
        ({"status": "draft"}, NO, "can no longer see"),
        ({"starts_at": timezone.now() - timedelta(days=1)}, NO, "is over"),
        ({"starts_at": timezone.now() - timedelta(minutes=5)}, NO, "has begun"),
        ({"answer_by": timezone.now() - timedelta(minutes=5)}, NO, "deadline to answer has passed"),
    ],
)
def test_answer_meeting_refuses_with_a_sentence(member, team, fields, answer, sentence):
    meeting = make_meeting(team, **fields)
    with pytest.raises(Refused, match=sentence):
        answer_meeting(meeting, member, answer)
    assert not Attendance.objects.exists()


def test_answer_meeting_refuses_who_may_not_see_it(member, outsider, team):
    meeting = make_meeting(team, audience=Meeting.Audience.TEAMS)
    with pytest.raises(Refused, match="no longer see"):
        answer_meeting(meeting, outsider, NO)
    close_account(member)
    with pytest.raises(Refused, match="account is closed"):
        answer_meeting(make_meeting(), member, NO)


def test_answer_meeting_online_is_for_members_of_a_team(applicant, team):
    with pytest.raises(Refused, match="Choose one of the answers"):
        answer_meeting(make_meeting(team), applicant, ONLINE)
    with pytest.raises(Refused, match="Join a team"):
        answer_meeting(make_meeting(team, place=""), applicant, IN_PERSON)
    assert answer_meeting(make_meeting(team), applicant, IN_PERSON).answer == IN_PERSON


# Places ---------------------------------------------------------------------------------------


def test_place_given_up_goes_to_the_first_in_line(
    member, colleague, third_member, small_meeting, queued_emails
):
    answer_meeting(small_meeting, member, IN_PERSON)
    second = answer_meeting(small_meeting, colleague, IN_PERSON)
    third = answer_meeting(small_meeting, third_member, IN_PERSON)
    assert [number_in_line(each) for each in (second, third)] == [1, 2]
    assert answer_counts(small_meeting) == AnswerCounts(coming=1, waiting=2)
    answer_meeting(small_meeting, member, NO)
    assert attendance_of(small_meeting, colleague).waiting_since is None
    assert number_in_line(attendance_of(small_meeting, third_member)) == 1
    assert answer_counts(small_meeting) == AnswerCounts(coming=1, no=1, waiting=1)
    assert [(email.to, "place" in email.subject) for email in queued_emails()] == [
        ([colleague.email], True)
    ]


def test_place_is_kept_by_a_second_press(member, colleague, small_meeting):
    answer_meeting(small_meeting, member, IN_PERSON)
    waiting = answer_meeting(small_meeting, colleague, IN_PERSON)
    answer_meeting(small_meeting, member, IN_PERSON)
    again = answer_meeting(small_meeting, colleague, IN_PERSON)
    assert attendance_of(small_meeting, member).waiting_since is None
    assert again.waiting_since == waiting.waiting_since


@pytest.mark.parametrize("answer", [ONLINE, NO])
def test_line_is_left_with_another_answer(member, colleague, third_member, small_meeting, answer):
    answer_meeting(small_meeting, member, IN_PERSON)
    answer_meeting(small_meeting, colleague, IN_PERSON)
    third = answer_meeting(small_meeting, third_member, IN_PERSON)
    assert answer_meeting(small_meeting, colleague, answer).waiting_since is None
    assert number_in_line(third) == 1
    answer_meeting(small_meeting, colleague, IN_PERSON)
    assert number_in_line(attendance_of(small_meeting, colleague)) == 2


def test_move_up_waiting_fills_the_places_that_were_added(
    member, colleague, third_member, small_meeting
):
    for person in (member, colleague, third_member):
        answer_meeting(small_meeting, person, IN_PERSON)
    assert move_up_waiting(lock_meeting(small_meeting)) == []
    Meeting.objects.update(places=2)
    (moved_up,) = move_up_waiting(lock_meeting(small_meeting))
    assert moved_up.member == colleague
    Meeting.objects.update(places=1)
    assert move_up_waiting(lock_meeting(small_meeting)) == []
    assert answer_counts(small_meeting) == AnswerCounts(coming=2, waiting=1)
    Meeting.objects.update(places=None)
    assert len(move_up_waiting(lock_meeting(small_meeting))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled", "cancelled_reason": "Snow."},
        {"starts_at": timezone.now() - timedelta(minutes=1)},
    ],
)
def test_move_up_waiting_stops_when_nobody_can_come(member, colleague, small_meeting, change):
    for person in (member, colleague):
        answer_meeting(small_meeting, person, IN_PERSON)
    Meeting.objects.update(places=2, **change)
    assert move_up_waiting(lock_meeting(small_meeting)) == []


# Guests ---------------------------------------------------------------------------------------


def test_answer_as_guest_stores_name_and_address(team, organization, queued_emails):
    meeting = make_meeting(team)
    guest = answer_as_guest(meeting, "Gia Guest", "Gia@Rush.example", IN_PERSON)
    guest.refresh_from_db()
    assert (guest.guest_name, guest.guest_email) == ("Gia Guest", "gia@rush.example")
    assert (guest.member, guest.organization) == (None, organization)
    again = answer_as_guest(meeting, "Gia G. Guest", "gia@rush.example", NO)
    assert (again.pk, again.guest_name, again.answer) == (guest.pk, "Gia G. Guest", NO)
    answer_as_guest(meeting, "Gia G. Guest", "gia@rush.example", NO)
    # One for each answer, and none for the same one again.
    assert [email.to for email in queued_emails()] == [["gia@rush.example"]] * 2
    token = re.search(r"/meetings/answer/(.+)/", queued_emails()[0].message)[1]
    assert resolve_answer_token(token).guest == guest


def test_answer_as_guest_with_a_members_address_answers_as_the_member(member, team):
    meeting = make_meeting(team)
    attendance = answer_as_guest(meeting, "Somebody Else", member.email, IN_PERSON)
    assert (attendance.member, attendance.guest_name) == (member, "")


@pytest.mark.parametrize(
    ("fields", "answer", "sentence"),
    [
        ({"audience": "members"}, IN_PERSON, "no longer public"),
        ({"place": ""}, IN_PERSON, "for members of a team"),
        ({}, ONLINE, "Choose one of the answers"),
    ],
)
def test_answer_as_guest_refuses_with_a_sentence(team, fields, answer, sentence):
    with pytest.raises(Refused, match=sentence):
        answer_as_guest(make_meeting(team, **fields), "Gia", "gia@guest.example", answer)
    assert not Attendance.objects.exists()


# Who may no longer see the meeting ------------------------------------------------------------


def test_leaving_the_team_gives_up_the_place(member, colleague, team):
    meeting = make_meeting(team, places=1, audience=Meeting.Audience.TEAMS)
    answer_meeting(meeting, member, IN_PERSON)
    answer_meeting(meeting, colleague, IN_PERSON)
    leave_team(member.memberships.get())
    assert attendance_of(meeting, member).answer == ""
    assert attendance_of(meeting, colleague).waiting_since is None


def test_leaving_the_team_keeps_what_is_still_seen(member, team):
    meeting = make_meeting(team)
    answer_meeting(meeting, member, IN_PERSON)
    leave_team(member.memberships.get())
    assert attendance_of(meeting, member).answer == IN_PERSON


def test_closing_the_account_gives_up_every_place_to_come(member, colleague, team):
    past, meeting = make_meeting(team), make_meeting(team, places=1)
    answer_meeting(past, member, IN_PERSON)
    Meeting.objects.filter(pk=past.pk).update(starts_at=timezone.now() - timedelta(days=9))
    answer_meeting(meeting, member, IN_PERSON)
    answer_meeting(meeting, colleague, IN_PERSON)
    close_account(member)
    assert attendance_of(past, member).answer == IN_PERSON
    assert attendance_of(meeting, member).answer == ""
    assert attendance_of(meeting, colleague).waiting_since is None


def test_closing_the_account_locks_meetings_in_one_order(member, team, other_team):
    make_membership(member, other_team, Membership.Status.ACTIVE, why="joined")
    meetings = [make_meeting(each, audience="teams") for each in (other_team, team)]
    for meeting in meetings:
        answer_meeting(meeting, member, IN_PERSON)
    close_account(member)
    withdrawn = Attendance.history.filter(answer="").order_by("history_id")
    assert [version.meeting_id for version in withdrawn] == [meeting.pk for meeting in meetings]


# Links in emails ------------------------------------------------------------------------------


def test_answer_token_opens_the_answer_of_its_person(member, team):
    meeting = make_meeting(team)
    link = resolve_answer_token(answer_token(meeting, member))
    assert (link.meeting, link.member, link.guest) == (meeting, member, None)
    attendance = answer_meeting(meeting, member, NO)
    assert resolve_answer_token(answer_token(meeting, attendance)) == link
    guest = answer_as_guest(meeting, "Gia", "gia@guest.example", NO)
    link = resolve_answer_token(answer_token(meeting, guest))
    assert (link.meeting, link.member, link.guest) == (meeting, None, guest)


def test_answer_token_forged_opens_nothing(db):
    for token in ("", "x", "1.m1.x", "1.m1.x:y", "٣.m١.x:y", "a" * 3000):
        assert resolve_answer_token(token) is None


def test_answer_token_opens_the_answer_after_the_key_was_replaced(member, team, settings):
    meeting = make_meeting(team)
    token = answer_token(meeting, member)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "new" * 20
    assert resolve_answer_token(token).member == member
    settings.SECRET_KEY_FALLBACKS = []
    assert resolve_answer_token(token) is None


def test_answer_token_ends_with_the_account_and_the_address(member, colleague, team):
    meeting = make_meeting(team)
    tokens = [answer_token(meeting, each) for each in (member, colleague)]
    close_account(member)
    Member.objects.filter(pk=colleague.pk).update(email="colin@new.example")
    assert [resolve_answer_token(token) for token in tokens] == [None, None]
