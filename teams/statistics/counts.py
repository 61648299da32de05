"""The numbers: per team now, by month, and how long decisions take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import (
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Value,
)

from members.models import Organization
from teams.models import ActionTeam, Goal, Membership, MembershipQuerySet
from teams.statistics.periods import Period

MEDIAN, P90 = 50, 90  # in the hundred


@dataclass
class TeamNow:
    """How many are in one team now."""

    team: ActionTeam
    members: int = 0
    organizations: int = 0
    requests: int = 0


def teams_now(teams: Sequence[ActionTeam]) -> list[TeamNow]:
    """Members, their organizations, and requests that wait, of each of `teams`."""
    found = {team.pk: TeamNow(team) for team in teams}
    current = Membership.objects.current().filter(team__in=found)
    by_status = current.order_by().values_list("team", "status").annotate(number=Count("*"))
    for pk, status, number in by_status:
        if status == Membership.Status.ACTIVE:
            found[pk].members = number
        else:
            found[pk].requests = number
    if found:
        there = {
            f"team_{pk}": Count("pk", filter=Exists(members_of_organization().filter(team=pk)))
            for pk in found
        }
        for name, number in Organization.objects.aggregate(**there).items():
            found[int(name.removeprefix("team_"))].organizations = number
    return list(found.values())


def members_of_organization() -> MembershipQuerySet:
    """The active stays of people of an organization, for a query about organizations."""
    return Membership.objects.active().filter(member__organization=OuterRef("pk"))


@dataclass
class MonthlyChanges:
    """How many stays began and ended, by the first day of the month."""

    joined: Counter[date] = field(default_factory=Counter)
    ended: Counter[date] = field(default_factory=Counter)


def changes_by_team(teams: Sequence[ActionTeam], period: Period) -> dict[int, MonthlyChanges]:
    """For each of `teams`, by key: joins and ends in each month of `period`."""
    found = {team.pk: MonthlyChanges() for team in teams}
    stays = Membership.objects.filter(team__in=found).order_by()
    for pk, month, number in _by_month(stays.joined, period):
        found[pk].joined[month] = number
    for pk, month, number in _by_month(stays.ended, period):
        found[pk].ended[month] = number
    return found


def _by_month(
    of: Callable[[datetime, datetime], MembershipQuerySet], period: Period
) -> Iterator[tuple[int, date, int]]:
    """Team, month and number. Month by month an index counts ten times as fast as when the
    month of every row is worked out."""
    months = period.months
    first, *others = [
        of(Period(month, month).start, Period(month, month).end)
        .values_list("team")
        .annotate(number=Count("*"), month=Value(place))
        for place, month in enumerate(months)
    ]
    # Django 6.1 would order the union as the model says, by columns that it does not have.
    for team, number, place in first.union(*others, all=True).order_by():
        yield team, months[place], number


class Hours(Func):
    """The full hours of a time that passed."""

    template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / 3600) AS integer)"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite counts it in microseconds."""
        template = "(%(expressions)s / 3600000000)"
        return self.as_sql(compiler, connection, template=template, **context)


def hours_to_answer(teams: Sequence[ActionTeam], period: Period) -> dict[int, Counter[int]]:
    """For each of `teams`, by key: how many requests a person decided in `period`, by the full
    hours they had waited."""
    found: dict[int, Counter[int]] = {team.pk: Counter() for team in teams}
    stays = Membership.objects.filter(team__in=found).answered(period.start, period.end)
    waited = ExpressionWrapper(F("decided_at") - F("requested_at"), DurationField())
    hours = stays.order_by().annotate(hours=Hours(waited)).values_list("team", "hours")
    for pk, passed, number in hours.annotate(number=Count("*")):
        found[pk][passed] = number
    return found


def within(hours: Counter[int], share: int) -> int:
    """In how many hours `share` of a hundred were decided: that of the request at this place
    when the quickest comes first, rounded up."""
    place = -(-hours.total() * share // 100)
    for passed in sorted(hours):
        place -= hours[passed]
        if place <= 0:
            return passed + 1
    return 0


def goals_by_state(teams: Sequence[ActionTeam]) -> dict[str, int]:
    """How many goals of `teams` are in each state, in the order of the states."""
    goals = Goal.objects.filter(team__in=[team.pk for team in teams]).order_by()
    numbers = dict(goals.values_list("state").annotate(number=Count("pk")))
    return {state: numbers.get(state, 0) for state in Goal.State.values}
