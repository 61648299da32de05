"""Figures about teams, each the number of rows of a list; kept for a while only for public pages,
where counting takes long."""

from teams.figures.charts import Bar, Drawing, bars, pairs
from teams.figures.counts import (
    HALF,
    NINE_OF_TEN,
    Moves,
    TeamNow,
    goals_by_state,
    hours_to_answer,
    members_of_organization,
    moves_by_team,
    teams_now,
    within,
)
from teams.figures.coverage import Row, Seat, recognized_on, recognized_without, seats_of
from teams.figures.periods import Period
from teams.figures.public import counted_people, counted_teams, organizations_in

__all__ = [
    "HALF",
    "NINE_OF_TEN",
    "Bar",
    "Drawing",
    "Moves",
    "Period",
    "Row",
    "Seat",
    "TeamNow",
    "bars",
    "counted_people",
    "counted_teams",
    "goals_by_state",
    "hours_to_answer",
    "members_of_organization",
    "moves_by_team",
    "organizations_in",
    "pairs",
    "recognized_on",
    "recognized_without",
    "seats_of",
    "teams_now",
    "within",
]
