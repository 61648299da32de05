"""The target areas of the demo, with real but old figures.

The figures of `unemployment_2016_2020.csv` are the American Community Survey's of 2016 to 2020
(public domain), as the Chicago Metropolitan Agency for Planning counts them by community area
(Community Data Snapshots, columns UNEMP and IN_LBFRC). The targets are made up.
"""

from __future__ import annotations

import csv
from pathlib import Path

from members.models import Member
from teams.areas import all_areas
from teams.models import ActionTeam, Goal, TargetArea, UnemploymentSurvey
from teams.services.areas import AreaRate, choose_targets, end_target, store_figures
from teams.statistics import rate_of

FIGURES = Path(__file__).parent / "unemployment_2016_2020.csv"
TARGETS = ("25", "26", "29", "67", "68")
FORMER_TARGET = "71"
WHY = "Unemployment is much higher there than in Chicago overall, and employers are nearby."


def add_areas(team: ActionTeam, facilitator: Member) -> None:
    """Store the figures, choose target areas of `team` and end one, and tie the first goal to some
    of them."""
    with FIGURES.open(encoding="utf-8", newline="") as file:
        counts = {
            row["area_number"]: (int(row["unemployed"]), int(row["labor_force"]))
            for row in csv.DictReader(file)
        }
    rates = [
        AreaRate(all_areas()[code], rate_of(*numbers), *numbers) for code, numbers in counts.items()
    ]
    unemployed, labor_force = (sum(numbers) for numbers in zip(*counts.values(), strict=True))
    survey = UnemploymentSurvey(
        first_year=2016,
        last_year=2020,
        source="Chicago Metropolitan Agency for Planning, Community Data Snapshots (sample from "
        "2016 to 2020; newer figures exist)",
        city_rate=rate_of(unemployed, labor_force),
    )
    store_figures(survey, rates, by=facilitator)
    choose_targets(team, [*TARGETS, FORMER_TARGET], why=WHY, by=facilitator)
    former = TargetArea.objects.get(area_code=FORMER_TARGET)
    end_target(former, reason="The team concentrates on fewer areas.", by=facilitator)
    # Without a line of history: those of the demo's goals are their reports.
    Goal.objects.filter(team=team, position=1).update(area_codes="67,68")
