"""Reminders of goals: whom, when, and once."""

from datetime import date, timedelta

import pytest
from post_office.models import Email

from conftest import make_facilitator
from members.models import Bounce
from teams.models import ActionTeam, Goal
from teams.services import send_goal_reminders

pytestmark = pytest.mark.django_db
# A Monday, and a working day.
TODAY = date(2026, 12, 7)


@pytest.fixture
def due_goal(team, facilitator) -> Goal:
    """A goal that is due in two weeks."""
    return Goal.objects.create(
        team=team, slug="hire", title="Hire 40 people", due_on=TODAY + timedelta(days=14)
    )


def sent_to() -> list[str]:
    return sorted(address for email in Email.objects.all() for address in email.to)


@pytest.mark.both_databases
def test_goal_is_reminded_of_two_weeks_before_and_after_its_day_once_each(due_goal, facilitator):
    assert send_goal_reminders(TODAY - timedelta(days=3)) == 0
    assert send_goal_reminders(TODAY) == 1
    assert send_goal_reminders(TODAY + timedelta(days=1)) == 0
    assert sent_to() == [facilitator.email]
    assert Email.objects.get().subject == "Due December 21: Hire 40 people"
    assert send_goal_reminders(due_goal.due_on) == 0
    assert send_goal_reminders(due_goal.due_on + timedelta(days=1)) == 1
    assert send_goal_reminders(due_goal.due_on + timedelta(days=2)) == 0
    assert Email.objects.order_by("pk").last().subject == "Past due: Hire 40 people"


def test_reminder_leads_to_the_report_and_says_why_it_comes(due_goal, team):
    send_goal_reminders(TODAY)
    email = Email.objects.get()
    for text in (email.message, email.html_message):
        assert f"/admin/teams/goal/{due_goal.pk}/report/" in text
        assert f"you facilitate {team}." in text
        assert "Monday, December 21, 2026" in text


def test_goal_with_another_day_is_reminded_of_again(due_goal):
    send_goal_reminders(TODAY)
    due_goal.due_on = TODAY + timedelta(days=60)
    due_goal.save()
    assert send_goal_reminders(TODAY + timedelta(days=1)) == 0
    assert send_goal_reminders(TODAY + timedelta(days=46)) == 1


@pytest.mark.parametrize("change", [{"state": "reached"}, {"state": "ended"}, {"due_on": None}])
def test_goal_that_is_over_or_has_no_day_is_left_alone(due_goal, change):
    Goal.objects.filter(pk=due_goal.pk).update(**change)
    assert send_goal_reminders(TODAY) == 0
    assert not Email.objects.exists()


def test_nothing_is_sent_on_weekends_and_holidays(due_goal):
    assert send_goal_reminders(TODAY - timedelta(days=1)) == 0
    Goal.objects.update(due_on=date(2026, 12, 30))
    assert send_goal_reminders(date(2026, 12, 25)) == 0
    assert send_goal_reminders(date(2026, 12, 28)) == 1


def test_draft_team_is_not_reminded(due_goal, team):
    ActionTeam.objects.filter(pk=team.pk).update(state="draft")
    assert send_goal_reminders(TODAY) == 0


def test_owner_alone_is_reminded_while_they_facilitate_the_team(
    due_goal, team, organization, facilitator
):
    owner = make_facilitator("olga@rush.example", organization, "Olga Owner", team)
    Goal.objects.update(owner=owner)
    send_goal_reminders(TODAY)
    assert sent_to() == [owner.email]
    assert "you are the owner of this goal." in Email.objects.get().message
    team.facilitators.remove(owner)
    send_goal_reminders(due_goal.due_on + timedelta(days=1))
    assert sent_to() == [facilitator.email, owner.email]


def test_address_from_which_emails_come_back_gets_no_reminder(due_goal, facilitator):
    Bounce.objects.create(member=facilitator, address=facilitator.email)
    assert send_goal_reminders(TODAY) == 1
    assert not Email.objects.exists()
