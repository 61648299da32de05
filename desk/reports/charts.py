"""Statistics as charts with tables: each number in a table links to the list that it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.dateformat import format as format_date
from django.utils.http import urlencode

from desk.changelist import counted
from teams.models import ActionTeam, Goal
from teams.statistics import (
    MEDIAN,
    P90,
    Bar,
    ChartLayout,
    MonthlyChanges,
    Period,
    TeamCounts,
    lay_out_bars,
    lay_out_pairs,
    percentile,
)

# A longer period is drawn by quarters of a year.
MAX_MONTHS_DRAWN = 24


@dataclass(frozen=True)
class Cell:
    """The text of a table's cell, and the list behind it."""

    text: str
    url: str = ""


@dataclass
class Chart:
    """A chart and its table.

    `name` is for the ids of the page, `finding` says in a sentence what the chart shows, the first
    cell of a row is its heading, and without data there is no `layout`.
    """

    name: str
    finding: str
    title: str
    headings: Sequence[str]
    rows: list[list[Cell]]
    layout: ChartLayout | None

    @property
    def labeled_rows(self) -> list[list[tuple[str, Cell]]]:
        """The rows, each cell with the heading of its column."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows]

    @property
    def description(self) -> str:
        """The numbers as text, for people who do not see the chart."""
        rows = [
            f"{first.text}: "
            + ", ".join(f"{heading.lower()} {cell.text}" for heading, cell in others)
            for (_, first), *others in self.labeled_rows
        ]
        return f"{'; '.join(rows)}. Table below."


def memberships_url(**query: str) -> str:
    """Return the address of the list of memberships, filtered by `query`."""
    return f"{reverse('admin:teams_membership_changelist')}?{urlencode(query)}"


def number_cell(number: int, url: str) -> Cell:
    """Return a number that links to its list; a zero does not."""
    return Cell(f"{number:,}", url if number else "")


def teams_chart(teams: Sequence[TeamCounts]) -> Chart:
    """Return the chart of who is on which team now."""
    members = sum(counts.members for counts in teams)
    largest = max(teams, key=lambda counts: counts.members, default=None)
    finding = "Nobody is in a team yet"
    if largest and members:
        finding = f"{counted(members, 'membership', 'memberships')} now"
        finding += f", most in {largest.team}" if len(teams) > 1 else f" in {largest.team}"
    return Chart(
        name="teams",
        finding=finding,
        title="Members, organizations and requests of each team now",
        headings=["Team", "Members", "Organizations", "Requests waiting"],
        rows=[_team_row(counts) for counts in teams],
        layout=lay_out_bars([(counts.team.name, _team_bars(counts)) for counts in teams])
        if teams
        else None,
    )


def _team_bars(counts: TeamCounts) -> list[Bar]:
    organizations = counted(counts.organizations, "organization", "organizations")
    return [
        Bar(counts.members, counted(counts.members, "member", "members"), 1),
        Bar(counts.organizations, organizations, 2),
        Bar(counts.requests, counted(counts.requests, "request", "requests"), 3),
    ]


def _team_row(counts: TeamCounts) -> list[Cell]:
    slug = counts.team.slug
    organizations = reverse("admin:members_organization_changelist")
    return [
        Cell(counts.team.name, reverse("admin:teams_actionteam_change", args=[counts.team.pk])),
        number_cell(counts.members, memberships_url(team=slug, status__exact="active")),
        number_cell(counts.organizations, f"{organizations}?{urlencode({'team': slug})}"),
        number_cell(counts.requests, memberships_url(team=slug, status__exact="requested")),
    ]


def changes_chart(changes: Sequence[MonthlyChanges], period: Period) -> Chart:
    """Return the chart of joins and ends in each month, of all teams together."""
    joined: Counter[date] = sum((by_team.joined for by_team in changes), Counter())
    ended: Counter[date] = sum((by_team.ended for by_team in changes), Counter())
    months = period.months
    finding = f"{period}: {joined.total():,} joined and {ended.total():,} ended"
    busiest, *others = sorted(months, key=lambda month: -joined[month])
    if joined and (not others or joined[busiest] > joined[others[0]]):
        finding += f", most joined in {format_date(busiest, 'F Y')}"
    return Chart(
        name="changes",
        finding=finding,
        title=f"Memberships that began and ended each month, {period}",
        headings=["Month", "Joined", "Ended"],
        rows=[_month_row(month, joined[month], ended[month]) for month in months]
        + [_period_row("All months", joined.total(), ended.total(), period)],
        layout=_changes_layout(months, joined, ended) if joined or ended else None,
    )


def _changes_layout(
    months: Sequence[date], joined: Counter[date], ended: Counter[date]
) -> ChartLayout:
    step = 1 if len(months) <= MAX_MONTHS_DRAWN else 3
    parts = [months[start : start + step] for start in range(0, len(months), step)]
    return lay_out_pairs(
        ("Joined", "Ended"),
        [_part_name(part, is_first=part is parts[0]) for part in parts],
        [sum(joined[month] for month in part) for part in parts],
        [sum(ended[month] for month in part) for part in parts],
    )


def _part_name(months: Sequence[date], *, is_first: bool) -> str:
    first, last = months[0], months[-1]
    if len(months) > 1:
        return f"{format_date(first, 'M')}–{format_date(last, 'M y')}"
    return format_date(first, "M Y" if is_first or first.month == 1 else "M")


def _month_row(month: date, joined: int, ended: int) -> list[Cell]:
    return _period_row(format_date(month, "F Y"), joined, ended, Period(month, month))


def _period_row(heading: str, joined: int, ended: int, period: Period) -> list[Cell]:
    return [
        Cell(heading),
        number_cell(joined, memberships_url(joined=period.code)),
        number_cell(ended, memberships_url(ended=period.code)),
    ]


def answers_chart(
    teams: Sequence[ActionTeam], hours: dict[int, Counter[int]], period: Period
) -> Chart:
    """Return the chart of how long requests waited until a person decided them."""
    total: Counter[int] = sum(hours.values(), Counter())
    finding = f"{period}: no request was decided"
    if total:
        finding = (
            f"{period}: of {counted(total.total(), 'request', 'requests')} that a person "
            f"decided, half were within {duration(percentile(total, MEDIAN))}, nine in ten within "
            f"{duration(percentile(total, P90))}"
        )
    answering = [team for team in teams if hours[team.pk]]
    rows = [_answers_row(team.name, hours[team.pk], period, team=team.slug) for team in answering]
    if len(answering) > 1:
        rows.append(_answers_row("All teams", total, period))
    return Chart(
        name="answers",
        finding=finding,
        title=f"Time until requests were decided, {period}",
        headings=["Team", "Requests decided", "Half within", "9 of 10 within"],
        rows=rows,
        layout=lay_out_bars([(team.name, _answers_bars(hours[team.pk])) for team in answering])
        if answering
        else None,
    )


def _answers_bars(hours: Counter[int]) -> list[Bar]:
    median, p90 = percentile(hours, MEDIAN), percentile(hours, P90)
    return [
        Bar(median, f"half in {short_duration(median)}", 1),
        Bar(p90, f"9 of 10 in {short_duration(p90)}", 2),
    ]


def _answers_row(heading: str, hours: Counter[int], period: Period, **query: str) -> list[Cell]:
    return [
        Cell(heading),
        number_cell(hours.total(), memberships_url(answered=period.code, **query)),
        Cell(duration(percentile(hours, MEDIAN))),
        Cell(duration(percentile(hours, P90))),
    ]


def duration(hours: int) -> str:
    """Return `hours` in words; more than two days in days, rounded up."""
    if hours <= 48:
        return counted(hours, "hour", "hours")
    return counted(-(-hours // 24), "calendar day", "calendar days")


def short_duration(hours: int) -> str:
    """Return the same for a chart, which has little room."""
    return duration(hours).replace("calendar ", "")


def goals_chart(by_state: dict[str, int]) -> Chart:
    """Return the chart of how many goals are in each state."""
    total = sum(by_state.values())
    finding = "No goal is set yet"
    if total:
        reached, at_risk = by_state[Goal.State.REACHED], by_state[Goal.State.AT_RISK]
        finding = f"{reached} of {counted(total, 'goal', 'goals')} reached, {at_risk} at risk"
    goals = reverse("admin:teams_goal_changelist")
    labels = dict(Goal.State.choices)
    bars = [
        Bar(number, f"{number:,} {labels[state].lower()}") for state, number in by_state.items()
    ]
    return Chart(
        name="goals",
        finding=finding,
        title="Goals by state now",
        headings=["State", "Goals"],
        rows=[
            [Cell(labels[state]), number_cell(number, f"{goals}?state__exact={state}")]
            for state, number in by_state.items()
        ],
        layout=lay_out_bars([("", bars)]) if total else None,
    )
