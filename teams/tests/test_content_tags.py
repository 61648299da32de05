"""What templates draw from a goal's updates: the line of its numbers, and what was done."""

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from teams.models import Goal, GoalUpdate
from teams.templatetags.content import timeline


@pytest.fixture
def report(goal):
    """Report about `goal`, a day after the last report."""
    began = timezone.now() - timedelta(days=30)

    def report(value: int | None, about: Goal = goal) -> GoalUpdate:
        day = GoalUpdate.objects.count()
        return GoalUpdate.objects.create(
            goal=about,
            state="on_track",
            value=value,
            sentence=f"Report {day}",
            reported_at=began + timedelta(days=day),
        )

    return report


def sparkline_of(goal: Goal) -> str:
    template = Template("{% load content %}{% sparkline goal %}")
    return template.render(Context({"goal": goal})).strip()


def test_sparkline_goes_up_from_the_first_number_to_the_last(goal, report):
    for value in (10, None, 15, 20):
        report(value)
    drawing = sparkline_of(goal)
    assert 'points="4.0,28.0 56.0,16.0 108.0,4.0"' in drawing
    assert drawing.count("<circle") == 3


def test_sparkline_of_a_number_that_stays_is_a_line(goal, report):
    report(10)
    report(10)
    assert 'points="4.0,4.0 108.0,4.0"' in sparkline_of(goal)


def test_sparkline_needs_two_numbers(goal, report):
    report(10)
    report(None)
    assert sparkline_of(goal) == ""


def test_timeline_tells_the_number_before_newest_first(team, goal, report):
    other = Goal.objects.create(team=team, slug="other", title="Other")
    for value, about in ((10, goal), (3, other), (None, goal), (20, goal)):
        report(value, about)
    events = timeline([goal, other])
    assert [(event.goal, event.update.value, event.previous) for event in events] == [
        (goal, 20, 10),
        (goal, None, 10),
        (other, 3, None),
        (goal, 10, None),
    ]


def test_team_page_shows_what_was_done(client, team, goal, report):
    Goal.objects.filter(pk=goal.pk).update(target=70, unit="%", current=58)
    report(49)
    report(58)
    page = client.get(team.get_absolute_url()).content.decode()
    assert "49% to 58%" in page
    assert "Report 1" in page


def test_team_card_shows_its_first_goal_with_a_number(client, team, goal):
    Goal.objects.create(
        team=team,
        slug="numbers",
        title="Numbers",
        current=3,
        target=20,
        unit="employers",
        position=9,
    )
    page = client.get("/teams/").content.decode()
    assert "of 20 employers" in page
    assert 'width="15%"' in page
