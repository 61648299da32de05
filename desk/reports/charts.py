"""Figures as pictures and tables: each number in a table leads to the list of what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.dateformat import format as formatted
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
    TeamNow,
    bars,
    pairs,
    within,
)

STATES = dict(Goal.State.choices)
MONTHS_DRAWN = 24  # one by one


@dataclass(frozen=True)
class Cell:
    """What stands in a table, with the list behind it."""

    words: str
    url: str = ""


@dataclass
class Chart:
    """A chart and its table."""

    name: str  # in the ids of the page
    finding: str  # what it shows, as a sentence
    title: str
    headings: Sequence[str]
    rows: list[list[Cell]]  # the first cell heads the row
    drawing: ChartLayout | None  # None: there is nothing to draw

    @property
    def labelled(self) -> list[list[tuple[str, Cell]]]:
        """The rows, each cell with the heading of its column."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows]

    @property
    def told(self) -> str:
        """The numbers, for who does not see the picture."""
        parts = [
            f"{first.words}: "
            + ", ".join(f"{heading.lower()} {cell.words}" for heading, cell in others)
            for (_, first), *others in self.labelled
        ]
        return f"{'; '.join(parts)}. Table below."


def memberships_url(**query: str) -> str:
    return f"{reverse('admin:teams_membership_changelist')}?{urlencode(query)}"


def number_cell(number: int, url: str) -> Cell:
    """A number that leads to its list; a zero leads nowhere."""
    return Cell(f"{number:,}", url if number else "")


def teams_chart(found: Sequence[TeamNow]) -> Chart:
    """Who is in which team now."""
    members = sum(now.members for now in found)
    most = max(found, key=lambda now: now.members, default=None)
    finding = "Nobody is in a team yet"
    if most and members:
        finding = f"{counted(members, 'membership', 'memberships')} now"
        finding += f", most in {most.team}" if len(found) > 1 else f" in {most.team}"
    groups = [
        (
            now.team.name,
            [
                Bar(now.members, counted(now.members, "member", "members"), 1),
                Bar(
                    now.organizations,
                    counted(now.organizations, "organization", "organizations"),
                    2,
                ),
                Bar(now.requests, counted(now.requests, "request", "requests"), 3),
            ],
        )
        for now in found
    ]
    return Chart(
        name="teams",
        finding=finding,
        title="Members, organizations and requests of each team now",
        headings=["Team", "Members", "Organizations", "Requests waiting"],
        rows=[_team_row(now) for now in found],
        drawing=bars(groups) if found else None,
    )


def _team_row(now: TeamNow) -> list[Cell]:
    slug = now.team.slug
    organizations = reverse("admin:members_organization_changelist")
    return [
        Cell(now.team.name, reverse("admin:teams_actionteam_change", args=[now.team.pk])),
        number_cell(now.members, memberships_url(team=slug, status__exact="active")),
        number_cell(now.organizations, f"{organizations}?{urlencode({'team': slug})}"),
        number_cell(now.requests, memberships_url(team=slug, status__exact="requested")),
    ]


def membership_chart(moves: Sequence[MonthlyChanges], period: Period) -> Chart:
    """Joins and ends in each month, of all teams together."""
    joined: Counter[date] = sum((of.joined for of in moves), Counter())
    ended: Counter[date] = sum((of.ended for of in moves), Counter())
    months = period.months
    finding = f"{period}: {joined.total():,} joined and {ended.total():,} ended"
    busiest, *others = sorted(months, key=lambda month: -joined[month])
    if joined and (not others or joined[busiest] > joined[others[0]]):
        finding += f", most joined in {formatted(busiest, 'F Y')}"
    return Chart(
        name="moves",
        finding=finding,
        title=f"Memberships that began and ended each month, {period}",
        headings=["Month", "Joined", "Ended"],
        rows=[_month_row(month, joined[month], ended[month]) for month in months]
        + [_period_row("All months", joined.total(), ended.total(), period)],
        drawing=_membership_layout(months, joined, ended) if joined or ended else None,
    )


def _membership_layout(
    months: Sequence[date], joined: Counter[date], ended: Counter[date]
) -> ChartLayout:
    """Month by month; where they are many, by three of them."""
    step = 1 if len(months) <= MONTHS_DRAWN else 3
    parts = [months[place : place + step] for place in range(0, len(months), step)]
    return pairs(
        ("Joined", "Ended"),
        [_part_name(part, is_first=part is parts[0]) for part in parts],
        [sum(joined[month] for month in part) for part in parts],
        [sum(ended[month] for month in part) for part in parts],
    )


def _part_name(part: Sequence[date], *, is_first: bool) -> str:
    if len(part) > 1:
        return f"{formatted(part[0], 'M')}–{formatted(part[-1], 'M y')}"
    return formatted(part[0], "M Y" if is_first or part[0].month == 1 else "M")


def _month_row(month: date, joined: int, ended: int) -> list[Cell]:
    return _period_row(formatted(month, "F Y"), joined, ended, Period(month, month))


def _period_row(head: str, joined: int, ended: int, period: Period) -> list[Cell]:
    return [
        Cell(head),
        number_cell(joined, memberships_url(joined=period.code)),
        number_cell(ended, memberships_url(ended=period.code)),
    ]


def answer_time_chart(
    teams: Sequence[ActionTeam], hours: dict[int, Counter[int]], period: Period
) -> Chart:
    """How long requests waited that a person decided."""
    together: Counter[int] = sum(hours.values(), Counter())
    finding = f"{period}: no request was decided"
    if together:
        finding = (
            f"{period}: of {counted(together.total(), 'request', 'requests')} that a person "
            f"decided, half were within {lasting(within(together, MEDIAN))}, nine in ten within "
            f"{lasting(within(together, P90))}"
        )
    asked = [team for team in teams if hours[team.pk]]
    return Chart(
        name="answers",
        finding=finding,
        title=f"Time until requests were decided, {period}",
        headings=["Team", "Requests decided", "Half within", "9 of 10 within"],
        rows=[_answers_row(team.name, hours[team.pk], period, team=team.slug) for team in asked]
        + ([_answers_row("All teams", together, period)] if len(asked) > 1 else []),
        drawing=bars([(team.name, _answers_bars(hours[team.pk])) for team in asked])
        if asked
        else None,
    )


def _answers_bars(hours: Counter[int]) -> list[Bar]:
    half, most = within(hours, MEDIAN), within(hours, P90)
    return [Bar(half, f"half in {brief(half)}", 1), Bar(most, f"9 of 10 in {brief(most)}", 2)]


def _answers_row(head: str, hours: Counter[int], period: Period, **query: str) -> list[Cell]:
    return [
        Cell(head),
        number_cell(hours.total(), memberships_url(answered=period.code, **query)),
        Cell(lasting(within(hours, MEDIAN))),
        Cell(lasting(within(hours, P90))),
    ]


def lasting(hours: int) -> str:
    """So many hours, in words; from two days on in days, rounded up."""
    if hours <= 48:
        return counted(hours, "hour", "hours")
    return counted(-(-hours // 24), "calendar day", "calendar days")


def brief(hours: int) -> str:
    """The same for a chart, which has little room."""
    return lasting(hours).replace("calendar ", "")


def goals_chart(states: dict[str, int]) -> Chart:
    """How the goals stand."""
    total = sum(states.values())
    finding = "No goal is set yet"
    if total:
        reached, risky = states[Goal.State.REACHED], states[Goal.State.AT_RISK]
        finding = f"{reached} of {counted(total, 'goal', 'goals')} reached, {risky} at risk"
    goals = reverse("admin:teams_goal_changelist")
    return Chart(
        name="goals",
        finding=finding,
        title="Goals by how they stand now",
        headings=["State", "Goals"],
        rows=[
            [Cell(STATES[state]), number_cell(number, f"{goals}?state__exact={state}")]
            for state, number in states.items()
        ],
        drawing=bars(
            [("", [Bar(n, f"{n:,} {STATES[state].lower()}") for state, n in states.items()])]
        )
        if total
        else None,
    )
