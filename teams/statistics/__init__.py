"""Figures about teams, each the number of rows of a list; kept for a while only for public pages,
where counting takes long."""

from teams.statistics.charts import Bar, ChartLayout, bars, pairs
from teams.statistics.counts import (
    MEDIAN,
    P90,
    MonthlyChanges,
    TeamNow,
    changes_by_team,
    goals_by_state,
    hours_to_answer,
    members_of_organization,
    teams_now,
    within,
)
from teams.statistics.coverage import (
    Coverage,
    Row,
    coverage_of,
    recognized_on_teams,
    recognized_without,
)
from teams.statistics.periods import Period
from teams.statistics.public import counted_people, counted_teams, organizations_in

__all__ = [
    "MEDIAN",
    "P90",
    "Bar",
    "ChartLayout",
    "MonthlyChanges",
    "Period",
    "Row",
    "Coverage",
    "TeamNow",
    "bars",
    "counted_people",
    "counted_teams",
    "goals_by_state",
    "hours_to_answer",
    "members_of_organization",
    "changes_by_team",
    "organizations_in",
    "pairs",
    "recognized_on_teams",
    "recognized_without",
    "coverage_of",
    "teams_now",
    "within",
]
