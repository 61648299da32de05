"""What waits for whom, how much of it is late, and the daily digest about it."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, make_membership
from members.models import Member
from members.services import record_bounce
from teams.models import Membership, Question
from teams.services import (
    close_account,
    send_digests,
    set_facilitators,
    waiting_for,
)

MONDAY = date(2027, 3, 8)


@pytest.fixture
def waiting(applicant, organization, member, team, other_team, approval_team):
    """One organization, one affiliation in `team`, one request in `approval_team`."""
    unconfirmed = make_member("u@mailbox.example", organization, confirmed=False)
    make_membership(unconfirmed, team, Membership.Status.REQUESTED)
    make_membership(member, approval_team, Membership.Status.REQUESTED)


def numbers_for(person) -> dict[str, int]:
    return {kind: count.number for kind, count in waiting_for(person).items() if count.number}


def test_waiting_for_counts_what_each_may_decide(
    waiting, facilitator, other_facilitator, administrator
):
    assert numbers_for(facilitator) == {"organizations": 1, "affiliations": 1}
    assert numbers_for(other_facilitator) == {"organizations": 1}
    assert numbers_for(administrator) == {"organizations": 1, "affiliations": 1, "requests": 1}


def test_waiting_for_shares_questions_and_not_goals(goal, facilitator, other_facilitator):
    Question.objects.create(text="When do you meet?")
    assert numbers_for(facilitator) == {"questions": 1, "goals": 1}
    assert numbers_for(other_facilitator) == {"questions": 1}


def test_waiting_for_counts_what_is_late(waiting, administrator):
    assert {count.late for count in waiting_for(administrator).values()} == {0}
    long_ago = timezone.now() - timedelta(days=30)
    Membership.objects.waiting().update(requested_at=long_ago)
    late = {kind: count.late for kind, count in waiting_for(administrator).items()}
    assert late == {
        "organizations": 1,
        "affiliations": 1,
        "requests": 1,
        "moves": 0,
        "bounces": 0,
        "meetings": 0,
        "questions": 0,
        "suggestions": 0,
        "topics": 0,
        "goals": 0,
        "resources": 0,
    }


@pytest.mark.both_databases
def test_waiting_for_costs_one_query_and_one_for_own_teams(
    waiting, goal, facilitator, administrator, django_assert_num_queries
):
    for person, number in ((facilitator, 2), (administrator, 1)):
        with django_assert_num_queries(number):
            waiting_for(person)


def test_waiting_for_counts_a_person_in_two_teams_once(
    waiting, team, other_team, facilitator, administrator
):
    unconfirmed = Member.objects.get(email="u@mailbox.example")
    make_membership(unconfirmed, other_team, Membership.Status.REQUESTED)
    assert numbers_for(administrator)["affiliations"] == 1


def test_send_digests_for_goals_alone_only_on_mondays(
    goal, facilitator, administrator, queued_emails
):
    assert send_digests(MONDAY + timedelta(days=1)) == 0
    assert send_digests(MONDAY + timedelta(days=7)) == 2
    assert "1 goal without an update for 90 days" in queued_emails()[0].message


def test_send_digests_not_to_an_address_from_which_emails_came_back(
    goal, facilitator, administrator, queued_emails
):
    record_bounce(facilitator, facilitator.email, "5.1.1")
    assert send_digests(MONDAY + timedelta(days=7)) == 1
    assert queued_emails()[0].to == [administrator.email]


def test_send_digests_for_goals_alone_on_tuesday_after_a_holiday(
    goal, administrator, queued_emails
):
    # Memorial Day.
    assert send_digests(date(2027, 5, 31)) == 0
    assert send_digests(date(2027, 6, 1)) == 1
    assert send_digests(date(2027, 6, 2)) == 0


def test_send_digests_sends_one_a_day(waiting, facilitator, administrator, member, queued_emails):
    history = facilitator.history.count()
    assert send_digests(MONDAY) == 2
    assert {email.to[0] for email in queued_emails()} == {facilitator.email, administrator.email}
    assert send_digests(MONDAY) == 0
    assert send_digests(MONDAY + timedelta(days=1)) == 2
    # The clock was set back: the digest of a day to come holds up none.
    assert send_digests(MONDAY - timedelta(days=14)) == 2
    assert facilitator.history.count() == history


def test_send_digests_sends_none_on_weekends_and_holidays(waiting, facilitator, queued_emails):
    for day in (date(2027, 3, 6), date(2027, 3, 7), date(2026, 11, 27), date(2027, 12, 31)):
        assert send_digests(day) == 0
    assert queued_emails() == []


def test_send_digests_sends_none_when_nothing_waits(facilitator, member, queued_emails):
    assert send_digests(MONDAY) == 0
    assert queued_emails() == []


def test_send_digests_sends_none_without_the_desk(
    waiting, facilitator, team, administrator, queued_emails
):
    set_facilitators(team, [], by=administrator)
    close_account(facilitator)
    Email.objects.all().delete()
    assert send_digests(MONDAY) == 1
    assert [email.to for email in queued_emails()] == [[administrator.email]]
