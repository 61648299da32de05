"""Choosing and ending target areas, figures, and what pages say about them."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from members.services import Refused
from teams.areas import all_areas
from teams.models import ActionTeam, TargetArea, UnemploymentSurvey
from teams.services.areas import AreaRate, choose_targets, end_target, store_figures
from teams.statistics import (
    area_overview,
    compared_to_city,
    goals_naming,
    in_order,
    rate_of,
    step_of,
)
from teams.tests.areas import make_survey

pytestmark = pytest.mark.django_db
WHY = "Twice the rate of all Chicago."


@pytest.mark.both_databases
def test_chosen_areas_are_targets_with_a_reason_and_a_day(team, facilitator):
    targets = choose_targets(team, ["68", "67", "68"], why=f" {WHY} ", by=facilitator)
    assert [(each.area_code, each.why, each.since) for each in targets] == [
        ("68", WHY, timezone.localdate()),
        ("67", WHY, timezone.localdate()),
    ]
    assert targets[0].history.get().history_user == facilitator


@pytest.mark.parametrize(
    ("codes", "why", "message"),
    [
        (["68"], " ", "Say in one sentence why"),
        ([], WHY, "Choose at least one area"),
        (["99"], WHY, "Choose at least one area"),
        (["67", "68"], WHY, "67 West Englewood is already a target of"),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_is_stored(
    team, facilitator, codes, why, message
):
    choose_targets(team, ["67"], why=WHY, by=facilitator)
    with pytest.raises(Refused, match=message):
        choose_targets(team, codes, why=why, by=facilitator)
    assert TargetArea.objects.count() == 1


@pytest.mark.both_databases
def test_database_refuses_the_same_open_target_twice(team, facilitator):
    (target,) = choose_targets(team, ["68"], why=WHY, by=facilitator)
    with pytest.raises(IntegrityError), transaction.atomic():
        TargetArea.objects.create(team=team, area_code="68", why=WHY)
    end_target(target, reason="The goal is reached.", by=facilitator)
    TargetArea.objects.create(team=team, area_code="68", why=WHY)


def test_target_ends_with_a_reason_once(team, facilitator):
    (target,) = choose_targets(team, ["68"], why=WHY, by=facilitator)
    with pytest.raises(Refused, match="Say in one sentence why it ends"):
        end_target(target, reason="", by=facilitator)
    ended = end_target(target, reason="The goal is reached.", by=facilitator)
    assert (ended.ended_on, ended.ended_by) == (timezone.localdate(), facilitator)
    with pytest.raises(Refused, match="68 Englewood is no longer a target of"):
        end_target(target, reason="Again", by=facilitator)


@pytest.mark.parametrize(
    ("unemployed", "labor_force", "rate"),
    [(1484, 32104, "4.6"), (2104, 8433, "24.9"), (125, 1000, "12.5"), (1, 800, "0.1"), (0, 5, "0")],
)
def test_rate_is_rounded_as_published_tables_do(unemployed, labor_force, rate):
    assert rate_of(unemployed, labor_force) == Decimal(rate)


@pytest.mark.parametrize(
    ("rate", "step"),
    [("0", 0), ("8.0", 0), ("8.1", 1), ("12.1", 1), ("12.2", 2), ("16.1", 2), ("16.2", 3)],
)
def test_steps_of_the_map_are_multiples_of_the_citys_rate(rate, step):
    assert step_of(Decimal(rate), Decimal("8.1")) == step


def test_legend_says_where_steps_begin_and_end():
    survey = make_survey({"1": "4.6"})
    steps = area_overview().steps
    assert survey.city_rate == Decimal("8.1")
    assert [(each.lowest, each.highest) for each in steps] == [
        (None, Decimal("8.0")),
        (Decimal("8.1"), Decimal("12.1")),
        (Decimal("12.2"), Decimal("16.1")),
        (Decimal("16.2"), None),
    ]


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("8.1", "about the same as"),
        ("11.0", "about the same as"),
        ("11.1", "higher than"),
        ("5.2", "about the same as"),
        ("5.1", "lower than"),
    ],
)
def test_difference_under_three_points_is_not_called_one(rate, words):
    survey = make_survey({"68": rate})
    assert compared_to_city(survey.figures.select_related("survey").get()) == words


def test_figures_of_the_same_years_replace_and_older_ones_stay(facilitator):
    make_survey({"1": "4.6"}, first_year=2011, last_year=2015)
    first = make_survey({"1": "5.0", "2": "6.0"})
    again = UnemploymentSurvey(
        name="Again", first_year=2016, last_year=2020, source="S", city_rate=Decimal("8.2")
    )
    stored = store_figures(again, [AreaRate(all_areas()["1"], Decimal("5.5"))], by=facilitator)
    assert stored.pk == first.pk
    assert [str(each.rate) for each in stored.figures.all()] == ["5.5"]
    assert UnemploymentSurvey.objects.count() == 2
    assert area_overview().survey == stored


def test_targets_of_a_draft_team_are_on_no_public_map(team, facilitator):
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    assert [str(row.area) for row in area_overview().targets] == ["68 Englewood"]
    ActionTeam.objects.filter(pk=team.pk).update(state="draft")
    assert area_overview().targets == []


def test_rows_are_ordered_by_rate_people_or_name_with_missing_figures_last():
    make_survey({"1": "4.6", "2": "9.0"}, people={"1": (500, 10000), "2": (90, 1000)})
    rows = area_overview().rows

    def first(order):
        return [row.area.code for row in in_order(rows, order)[:3]]

    assert first("rate") == ["2", "1", "3"]
    assert first("people") == ["1", "2", "3"]
    assert first("name")[0] == "14"
    assert first("") == ["1", "2", "3"]


def test_areas_with_a_small_labor_force_are_uncertain():
    survey = make_survey({"1": "5.0", "37": "23.9"}, people={"1": (150, 3000), "37": (185, 774)})
    assert [each.is_uncertain for each in survey.figures.order_by("area_code")] == [False, True]


def test_goals_name_areas_in_their_order(team):
    goal = team.goals.create(slug="hire", title="Hire", area_codes="68,7,bogus")
    assert [str(area) for area in goal.areas] == ["7 Lincoln Park", "68 Englewood"]
    assert goals_naming(all_areas()["68"]) == [goal]
    assert goals_naming(all_areas()["8"]) == []
