"""Statistics about teams, where each number is the length of a list that the desk can show."""

from teams.statistics.attendance import (
    OrganizationAttendance,
    QuarterAttendance,
    attendance_by_organization,
    attendance_by_quarter,
    describe_attended,
)
from teams.statistics.charts import Bar, ChartLayout, lay_out_bars, lay_out_pairs
from teams.statistics.counts import (
    MEDIAN,
    P90,
    MonthlyChanges,
    TeamCounts,
    active_members_subquery,
    changes_by_team,
    count_teams,
    goals_by_state,
    hours_to_answer,
    percentile,
)
from teams.statistics.coverage import (
    Coverage,
    OrganizationCoverage,
    coverage_of,
    recognized_on_teams,
    recognized_without,
)
from teams.statistics.periods import Period
from teams.statistics.public import (
    PortalCounts,
    all_public_team_counts,
    organization_names,
    portal_counts,
    public_team_counts,
    recognized_counts,
)
from teams.statistics.public_meetings import (
    next_public_meeting,
    next_public_meeting_by_team,
    next_public_meetings,
)

__all__ = [
    "MEDIAN",
    "P90",
    "Bar",
    "ChartLayout",
    "Coverage",
    "MonthlyChanges",
    "OrganizationAttendance",
    "OrganizationCoverage",
    "Period",
    "PortalCounts",
    "QuarterAttendance",
    "TeamCounts",
    "active_members_subquery",
    "all_public_team_counts",
    "attendance_by_organization",
    "attendance_by_quarter",
    "changes_by_team",
    "count_teams",
    "coverage_of",
    "describe_attended",
    "goals_by_state",
    "hours_to_answer",
    "lay_out_bars",
    "lay_out_pairs",
    "next_public_meeting",
    "next_public_meeting_by_team",
    "next_public_meetings",
    "organization_names",
    "percentile",
    "portal_counts",
    "public_team_counts",
    "recognized_counts",
    "recognized_on_teams",
    "recognized_without",
]
