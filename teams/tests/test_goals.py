"""Goals that move: what a report writes and refuses, and what the public page tells of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import visible_text
from members.services import Refused
from teams.models import Goal, GoalUpdate, amount
from teams.services import report_goal

REPORT = {"state": "on_track", "value": None, "sentence": "Met twice."}


@pytest.fixture
def measured(goal) -> Goal:
    """A goal with a target, and nothing reported."""
    Goal.objects.update(target=70, unit="%")
    goal.refresh_from_db()
    return goal


def reported(goal: Goal, by=None, *, days_ago: int = 0, **changes) -> GoalUpdate:
    """A report that was written `days_ago`."""
    update = report_goal(goal, **(REPORT | changes), by=by)
    update.reported_at = timezone.now() - timedelta(days=days_ago)
    GoalUpdate.objects.filter(pk=update.pk).update(reported_at=update.reported_at)
    return update


# Reporting -----------------------------------------------------------------------------------


def test_report_goal_changes_the_goal_and_stores_an_update(measured, facilitator):
    report = {"state": "on_track", "value": Decimal("58"), "sentence": "  Met\n twice. "}
    update = report_goal(measured, **report, by=facilitator)
    measured.refresh_from_db()
    assert (measured.state, measured.current, measured.state_reason) == ("on_track", 58, "")
    assert measured.reported_on == timezone.localdate()
    assert list(measured.updates.all()) == [update]
    assert (update.sentence, update.value, update.by) == ("Met twice.", 58, facilitator)
    line = measured.history.first()
    assert line.history_user == facilitator
    assert line.history_change_reason == "reported: Met twice."


def test_report_goal_at_risk_takes_the_sentence_as_reason(goal, facilitator):
    long = "Two teachers left. " * 15
    report_goal(goal, state="at_risk", value=None, sentence=long, by=facilitator)
    goal.refresh_from_db()
    assert goal.state_reason == long.strip()
    report_goal(goal, state="on_track", value=None, sentence="New teachers.", by=facilitator)
    goal.refresh_from_db()
    assert goal.state_reason == ""
    assert goal.updates.count() == 2


def test_report_goal_without_a_number_keeps_the_last_one(measured, facilitator):
    report_goal(measured, **(REPORT | {"value": Decimal(58)}), by=facilitator)
    report_goal(measured, state="at_risk", value=None, sentence="No news.", by=facilitator)
    measured.refresh_from_db()
    assert measured.current == 58
    assert list(measured.updates.values_list("value", flat=True)) == [None, 58]


@pytest.mark.parametrize("state", ["reached", "ended"])
def test_report_goal_reopens_a_goal_that_was_over(goal, facilitator, state):
    report_goal(goal, **(REPORT | {"state": state}), by=facilitator)
    report_goal(goal, **REPORT, by=facilitator)
    goal.refresh_from_db()
    assert goal.state == "on_track"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sentence": " \n "}, "Say in one sentence what was done."),
        ({"sentence": "x" * 301}, "at most 300 characters"),
        ({"state": "unreported"}, "Say how the goal stands."),
        ({"state": "great"}, "Say how the goal stands."),
        ({"state": ""}, "Say how the goal stands."),
        ({"value": Decimal(5)}, "Set a target on the goal’s page first"),
        ({"value": Decimal("-0.01")}, "Enter 0 or a number above it."),
    ],
)
def test_report_goal_refuses_wrong_reports(goal, facilitator, changes, words):
    with pytest.raises(Refused, match=words):
        report_goal(goal, **(REPORT | changes), by=facilitator)
    goal.refresh_from_db()
    assert (goal.state, goal.reported_on) == ("unreported", None)
    assert not GoalUpdate.objects.exists()
    assert goal.history.count() == 1


def test_report_goal_twice_is_one_report(measured, facilitator):
    report = REPORT | {"value": Decimal("58")}
    first = report_goal(measured, **report, by=facilitator)
    assert report_goal(measured, **report, by=facilitator) == first
    assert measured.history.count() == 2


def test_report_goal_that_differs_or_comes_later_is_another(measured, facilitator, administrator):
    reported(measured, facilitator)
    report_goal(measured, **REPORT, by=administrator)
    report_goal(measured, **(REPORT | {"state": "reached"}), by=administrator)
    report_goal(measured, **REPORT, by=administrator)  # and back again
    assert measured.updates.count() == 4
    GoalUpdate.objects.update(reported_at=timezone.now() - timedelta(minutes=1, seconds=1))
    report_goal(measured, **REPORT, by=administrator)
    assert measured.updates.count() == 5


# What the database holds -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"state": "unreported"}, {"state": "x"}, {"sentence": ""}, {"value": Decimal(-1)}]
)
def test_goal_update_has_a_state_a_sentence_and_no_negative_number(goal, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        GoalUpdate.objects.create(goal=goal, **(REPORT | changes))


def test_goal_has_no_negative_number(measured):
    with pytest.raises(IntegrityError), transaction.atomic():
        Goal.objects.filter(pk=measured.pk).update(current=Decimal(-1))


def test_goal_with_updates_is_not_deleted(goal, facilitator):
    report_goal(goal, **REPORT, by=facilitator)
    with pytest.raises(ProtectedError):
        goal.delete()


def test_stale_goals_are_open_and_without_update_for_90_days(goal, team):
    def other(name, state, days):
        on = timezone.localdate() - timedelta(days=days)
        return Goal.objects.create(team=team, slug=name, title=name, state=state, reported_on=on)

    old = other("old", "on_track", 91)
    other("fresh", "on_track", 90)
    other("over", "reached", 500)
    assert list(Goal.objects.stale()) == [goal, old]


# What a goal tells of itself ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("58", "%", "58%"),
        ("1200.50", "jobs", "1,200.50 jobs"),
        ("-2.00", "", "-2"),
        (None, "%", ""),
    ],
)
def test_amount_shows_a_number_with_its_unit(value, unit, words):
    assert amount(None if value is None else Decimal(value), unit) == words


def test_goal_expected_percent_follows_an_even_pace(measured, facilitator):
    Goal.objects.update(due_on=timezone.localdate() + timedelta(days=100))
    reported(measured, facilitator, days_ago=100, value=Decimal(35))
    measured.refresh_from_db()
    assert (measured.started_at, measured.expected_percent) == (None, 75)
    reported(measured, facilitator, value=Decimal(42))
    measured.refresh_from_db()
    assert (measured.started_at, measured.percent, measured.expected_percent) == (35, 60, 75)


@pytest.mark.parametrize(
    "changes",
    [
        {"due_on": None},
        {"state": "reached"},
        {"due_on": date(2020, 1, 1)},
        {"target": None, "current": None},
    ],
)
def test_goal_expected_percent_is_none_without_a_way_to_go(measured, facilitator, changes):
    later = timezone.localdate() + timedelta(days=100)
    reported(measured, facilitator, days_ago=100, value=Decimal(35))
    Goal.objects.update(**({"due_on": later} | changes))
    assert Goal.objects.get().expected_percent is None
    GoalUpdate.objects.update(reported_at=timezone.now())  # begun today: no way behind it
    Goal.objects.update(due_on=later, state="on_track", target=70)
    assert Goal.objects.get().expected_percent is None


# The public page ---------------------------------------------------------------------------------


def test_team_detail_shows_now_target_start_and_updates(client, measured, facilitator):
    Goal.objects.update(due_on=date(2030, 6, 30))
    reported(measured, facilitator, days_ago=40, value=Decimal(51), sentence="Began.")
    reported(measured, facilitator, state="at_risk", value=Decimal(58), sentence="Two left.")
    response = client.get(measured.team.get_absolute_url())
    page = visible_text(response)
    for words in ("58% of 70% by June 30, 2030", "Started at 51%", "At risk"):
        assert words in page
    assert f"Updated {timezone.localdate():%B} {timezone.localdate().day}," in page
    assert page.index("Two left. 51% to 58%") < page.index("Began. 51%")
    assert facilitator.full_name not in response.content.decode()


def test_team_detail_shows_ten_updates_and_counts_the_rest(client, goal, facilitator):
    for number in range(12):
        reported(goal, facilitator, days_ago=20 - number, sentence=f"Step {number}.")
    page = visible_text(client.get(goal.team.get_absolute_url()))
    assert "Step 11." in page
    assert "Step 2." in page
    assert "Step 1." not in page
    assert "and 2 earlier" in page


def test_team_detail_shows_nothing_that_was_not_reported(client, measured):
    page = visible_text(client.get(measured.team.get_absolute_url()))
    assert "Target 70%" in page
    assert "No update yet" in page
    assert "Now" not in page
    assert "What was done" not in page


def test_team_detail_escapes_the_words_of_a_report(client, goal, facilitator):
    reported(goal, facilitator, sentence="<script>alert(1)</script>")
    assert "<script>alert" not in client.get(goal.team.get_absolute_url()).content.decode()


def test_team_detail_needs_the_same_queries_for_more_updates(client, measured, facilitator):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(measured.team.get_absolute_url())
        return len(queries)

    reported(measured, facilitator, value=Decimal(1))
    cost()  # the first page of all reads the content types too
    one = cost()
    for number in (2, 3):
        more = Goal.objects.create(
            team=measured.team, slug=f"g{number}", title="More", target=number
        )
        for value in range(number):
            reported(more, facilitator, days_ago=9 - value, value=Decimal(value))
    assert cost() == one
