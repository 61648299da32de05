"""The next meetings on other pages: home, teams, My teams."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conftest import make_membership, make_team, visible_text
from teams.models import ActionTeam, Attendance, Meeting
from teams.services.my_meetings import MAX_MEETINGS, my_meetings, next_by_team, next_meeting_of
from teams.statistics import (
    next_public_meeting,
    next_public_meeting_by_team,
    next_public_meetings,
)
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
AUDIENCE = Meeting.Audience


def in_days(days: float):
    return timezone.now() + timedelta(days=days)


def day_of(meeting: Meeting) -> str:
    return f"{meeting.local_start:%A, %B} {meeting.local_start.day}"


@pytest.fixture
def unseen(team, other_team) -> None:
    """Sooner meetings that visitors must not hear of, or that do not take place."""
    make_meeting(team, starts_at=in_days(1), audience=AUDIENCE.MEMBERS)
    make_meeting(team, starts_at=in_days(1), audience=AUDIENCE.TEAMS)
    make_meeting(team, starts_at=in_days(1), status="draft")
    make_meeting(team, starts_at=in_days(1), status="cancelled", cancelled_reason="Snow.")
    make_meeting(team, starts_at=in_days(-1))
    draft = make_team("Prepared")
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    make_meeting(draft, starts_at=in_days(1))


def test_next_public_meetings_are_the_first_that_take_place(unseen, team, other_team):
    last, first, second, third = (
        make_meeting(team, starts_at=in_days(days)) for days in (9, 2, 3, 4)
    )
    assert next_public_meetings() == [first, second, third]
    assert next_public_meeting(team) == first
    assert next_public_meeting(other_team) is None
    assert last not in next_public_meetings()


@pytest.mark.both_databases
def test_next_public_meeting_by_team_is_their_own_or_of_the_whole(unseen, team, other_team):
    third = make_team("Third", position=3)
    own = make_meeting(team, starts_at=in_days(2))
    of_all = make_meeting(starts_at=in_days(3))
    later = make_meeting(other_team, team, starts_at=in_days(4))
    assert next_public_meeting_by_team() == {
        team.pk: own,
        other_team.pk: of_all,
        third.pk: of_all,
    }
    of_all.status = Meeting.Status.DRAFT
    Meeting.objects.filter(pk=of_all.pk).update(status="draft", announced_at=None)
    assert next_public_meeting_by_team() == {team.pk: own, other_team.pk: later}


def test_pages_show_visitors_the_next_public_meeting(unseen, client, fragment_clock, team):
    meeting = make_meeting(team, starts_at=in_days(20), title="Open to all")
    addresses = ("/", "/teams/", "/teams/education/")
    for address in addresses:
        text = visible_text(client.get(address))
        assert "Open to all" in text or f"Next meeting: {day_of(meeting)}" in text
        assert "Winter meeting" not in text
    Meeting.objects.filter(pk=meeting.pk).update(audience=AUDIENCE.TEAMS)
    fragment_clock.advance(1.1)
    for address in addresses:
        after = visible_text(client.get(address))
        assert "Open to all" not in after
        assert day_of(meeting) not in after


def test_team_page_shows_members_their_own(fragment_clock, client, client_for, member, outsider):
    team = ActionTeam.objects.get(slug="education")
    make_meeting(team, title="For us alone", audience=AUDIENCE.TEAMS)
    address = "/teams/education/"
    assert "For us alone" in visible_text(client_for(member).get(address))
    for other in (client, client_for(outsider)):
        text = visible_text(other.get(address))
        assert "For us alone" not in text
        assert "No date yet. We will email members as soon as there is one." in text


@pytest.mark.both_databases
def test_my_meetings_are_those_of_the_visibility_rule(member, team, other_team):
    third, draft = make_team("Third", position=3), make_team("Draft")
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    sets_of_teams = [(), (team,), (other_team,), (team, other_team), (third,), (third, draft)]
    for teams in sets_of_teams:
        for audience in AUDIENCE:
            make_meeting(*teams, audience=audience)
        make_meeting(*teams, status="cancelled", cancelled_reason="Snow.")
        make_meeting(*teams, status="draft")
        make_meeting(*teams, starts_at=in_days(-2))
    for own in ((team,), (team, other_team), (third,)):
        keys = [each.pk for each in own]
        rule = Meeting.objects.visible_to(member, keys).of_teams(keys).upcoming()
        shown = [each.meeting for each in my_meetings(member, keys)]
        assert shown == list(rule)[:MAX_MEETINGS]
        assert len(rule) > 4


def test_my_meetings_cost_no_query_where_nothing_is_to_come(
    fragment_clock, member, team, other_team, django_assert_num_queries
):
    make_meeting(other_team, audience=AUDIENCE.TEAMS)
    assert my_meetings(member, [team.pk]) == []
    with django_assert_num_queries(0):
        assert my_meetings(member, [team.pk]) == []
        assert next_meeting_of(team, member, is_in_team=True) is None
        assert next_meeting_of(team, member, is_in_team=False) is None


@pytest.mark.parametrize("is_in_team", [True, False])
def test_next_meeting_of_is_what_the_member_may_see(
    member, outsider, team, other_team, is_in_team, django_assert_num_queries
):
    person = member if is_in_team else outsider
    make_meeting(team, starts_at=in_days(1), audience=AUDIENCE.TEAMS, title="Team")
    make_meeting(team, starts_at=in_days(2), audience=AUDIENCE.MEMBERS, title="Members")
    make_meeting(starts_at=in_days(3))
    make_meeting(other_team, starts_at=in_days(0.5))
    # One of them outside development once a second.
    with django_assert_num_queries(2 if is_in_team else 3):
        meeting = next_meeting_of(team, person, is_in_team=is_in_team)
    assert meeting.title == ("Team" if is_in_team else "Members")


def test_my_meetings_are_of_own_teams_and_the_whole(member, team, other_team):
    make_meeting(other_team, starts_at=in_days(1))
    make_meeting(team, starts_at=in_days(1), status="draft")
    own = make_meeting(team, starts_at=in_days(4), audience=AUDIENCE.TEAMS)
    of_all = make_meeting(starts_at=in_days(3))
    off = make_meeting(team, starts_at=in_days(2), status="cancelled", cancelled_reason="Snow.")
    meetings = my_meetings(member, [team.pk])
    assert [each.meeting for each in meetings] == [off, of_all, own]
    assert [each.waits_for_answer for each in meetings] == [False, True, True]
    assert next_by_team(meetings, [team.pk])[team.pk].meeting == of_all
    assert my_meetings(member, []) == []


@pytest.mark.parametrize(
    ("answer", "waits", "words"),
    [
        ("in-person", False, "You will come."),
        ("in-person", True, "You are on the waiting list."),
        ("online", False, "You will join online."),
        ("no", False, "You cannot come."),
        ("", False, ""),
    ],
)
def test_my_meetings_say_what_was_answered(member, colleague, team, answer, waits, words):
    meeting = make_meeting(team)
    now = timezone.now()
    Attendance.objects.create(
        meeting=meeting,
        member=member,
        answer=answer,
        answered_at=now if answer else None,
        waiting_since=now if waits else None,
    )
    Attendance.objects.create(meeting=meeting, member=colleague, answer="no", answered_at=now)
    (mine,) = my_meetings(member, [team.pk])
    assert mine.words == words
    assert mine.waits_for_answer == (not answer)


def test_my_teams_asks_for_answers_and_shows_the_others(client_for, member, team):
    asked = make_meeting(team, title="Asked", starts_at=in_days(20))
    answered = make_meeting(team, title="Answered", starts_at=in_days(4))
    Attendance.objects.create(
        meeting=answered, member=member, answer="online", answered_at=timezone.now()
    )
    response = client_for(member).get("/my/")
    text = visible_text(response)
    assert f"Your next meeting is on {day_of(answered)}." in text
    assert (
        f"Waiting for your answer {asked.local_start:%b} {asked.local_start.day} Will you come"
        in text
    )
    assert "You will join online." in text
    assert f"Next meeting: {day_of(answered)}" in text
    assert asked.join_url not in response.content.decode()


def test_my_teams_without_a_team_shows_no_meetings(client_for, applicant, team):
    make_membership(applicant, make_team("Second", "approval"), "requested")
    make_meeting()
    assert "Your next meeting" not in visible_text(client_for(applicant).get("/my/"))


@pytest.mark.parametrize(("page", "limit"), [("my_teams", 16), ("team_detail", 24)])
def test_pages_of_members_cost_the_same_queries_for_1_and_3_meetings(
    client_for, member, team, page, limit
):
    client = client_for(member)
    address = reverse(page, args=[team.slug] if page == "team_detail" else [])

    def queries(number: int) -> int:
        for _ in range(number):
            for days in (9, -9):
                make_meeting(team, starts_at=in_days(days), audience=AUDIENCE.TEAMS)
        with CaptureQueriesContext(connection) as captured:
            assert "Winter meeting" in visible_text(client.get(address))
        return len(captured)

    # In development; else it costs none who has announcements, and emails that came back.
    assert queries(1) == queries(2) <= limit
