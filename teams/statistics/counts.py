"""The numbers: per team now, by month, and how long decisions take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce

from members.models import Member, MemberQuerySet, Organization
from teams.models import ActionTeam, Goal, Invitation, Meeting, Membership, MembershipQuerySet
from teams.statistics.periods import Period

# Percentiles that reports show.
MEDIAN, P90 = 50, 90
# What is counted besides the memberships of each status.
ORGANIZATIONS = "organizations"


@dataclass
class TeamCounts:
    """How many active members, their organizations, and waiting requests a team has now; on pages
    for everyone also its next public meeting."""

    team: ActionTeam
    members: int = 0
    organizations: int = 0
    requests: int = 0
    next_meeting: Meeting | None = None


def joined_by_invitation(teams: Iterable[ActionTeam], period: Period) -> int:
    """Return how many people who joined `teams` in `period` had been invited by a colleague or a
    facilitator, each once."""
    # Of two merged accounts, the one that goes on has the memberships.
    person = Coalesce("accepted_by__merged_into", "accepted_by")
    accepted = Invitation.objects.of_colleagues().exclude(accepted_by=None).values(person=person)
    joined = Membership.objects.joined(period.start, period.end).filter(team__in=list(teams))
    return joined.filter(member__in=accepted).values("member").distinct().count()


def count_teams(teams: Iterable[ActionTeam]) -> list[TeamCounts]:
    """Return the counts of each of `teams`, in their order: one query for all of them."""
    counts = {team.pk: TeamCounts(team) for team in teams}
    if not counts:
        return []
    current = Membership.objects.current().filter(team__in=counts).order_by()
    by_status = current.values_list("team", "status").annotate(number=Count("*"))
    organizations = [_count_organizations(each.team) for each in counts.values()]
    # Django 6.1 would order the union as the model says, by columns that it does not have.
    for pk, counted, number in by_status.union(*organizations, all=True).order_by():
        if counted == ORGANIZATIONS:
            counts[pk].organizations = number
        elif counted == Membership.Status.ACTIVE:
            counts[pk].members = number
        else:
            counts[pk].requests = number
    return list(counts.values())


def _count_organizations(team: ActionTeam) -> QuerySet[Any]:
    """Return a query for one line: the key of `team`, ORGANIZATIONS, and how many organizations
    have an active member in it."""
    organizations = Organization.objects.filter(Exists(active_members_subquery([team])))
    one_line: QuerySet[Any] = (
        organizations.order_by()
        .values(team=Value(team.pk), counted=Value(ORGANIZATIONS))
        .annotate(number=Count("pk"))
        .values_list("team", "counted", "number")
    )
    return one_line


def active_members_subquery(teams: Iterable[ActionTeam]) -> MemberQuerySet:
    """Return the members of an organization who are active in one of `teams`, for `Exists` in a
    query about organizations."""
    # One subquery in the other: so SQLite, which knows nothing of its tables, has to begin at the
    # members of the organization. In a join it began at all memberships of the team.
    active = Membership.objects.active().filter(
        member=OuterRef("pk"), team__in=[team.pk for team in teams]
    )
    members: MemberQuerySet = Member.objects.filter(Exists(active), organization=OuterRef("pk"))
    return members


@dataclass
class MonthlyChanges:
    """How many memberships began and ended, by the first day of the month."""

    joined: Counter[date] = field(default_factory=Counter)
    ended: Counter[date] = field(default_factory=Counter)


def changes_by_team(teams: Iterable[ActionTeam], period: Period) -> dict[int, MonthlyChanges]:
    """Return, by the key of each of `teams`, joins and ends in each month of `period`."""
    changes = {team.pk: MonthlyChanges() for team in teams}
    memberships = Membership.objects.filter(team__in=changes).order_by()
    kinds = {"joined": memberships.joined, "ended": memberships.ended}
    for pk, kind, month, number in _count_by_month(kinds, period):
        getattr(changes[pk], kind)[month] = number
    return changes


def _count_by_month(
    kinds: Mapping[str, Callable[[datetime, datetime], MembershipQuerySet]], period: Period
) -> Iterator[tuple[int, str, date, int]]:
    """Yield team, kind, month and number of what each of `kinds` selects in each month of `period`.

    A query by an index for each month, in one union, is ten times as fast as truncating the date
    of every membership.
    """
    months = period.months
    first, *others = [
        between(Period(month, month).start, Period(month, month).end)
        .values_list("team")
        .annotate(number=Count("*"), kind=Value(kind), month=Value(index))
        for kind, between in kinds.items()
        for index, month in enumerate(months)
    ]
    # Django 6.1 would order the union as the model says, by columns that it does not have.
    for team, number, kind, index in first.union(*others, all=True).order_by():
        yield team, kind, months[index], number


class FullHours(Func):
    """A duration in full hours, rounded down."""

    template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / 3600) AS integer)"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite stores durations in microseconds."""
        template = "(%(expressions)s / 3600000000)"
        return self.as_sql(compiler, connection, template=template, **context)


def hours_to_answer(teams: Iterable[ActionTeam], period: Period) -> dict[int, Counter[int]]:
    """Return, by the key of each of `teams`, how many requests a person decided in `period`, by
    the full hours that they had waited."""
    hours: dict[int, Counter[int]] = {team.pk: Counter() for team in teams}
    answered = Membership.objects.filter(team__in=hours).answered(period.start, period.end)
    waited = ExpressionWrapper(F("decided_at") - F("requested_at"), DurationField())
    by_hours = answered.order_by().annotate(hours=FullHours(waited)).values_list("team", "hours")
    for pk, full_hours, number in by_hours.annotate(number=Count("*")):
        hours[pk][full_hours] = number
    return hours


def percentile(hours: Counter[int], percent: int) -> int:
    """Return within how many hours `percent` of the requests counted in `hours` were decided.

    By nearest rank: the time of one of the requests, rounded up to the next full hour. 0 where
    nothing is counted.
    """
    rank = -(-hours.total() * percent // 100)
    for full_hours in sorted(hours):
        rank -= hours[full_hours]
        if rank <= 0:
            return full_hours + 1
    return 0


def goals_by_state(teams: Iterable[ActionTeam]) -> dict[str, int]:
    """Return how many goals of `teams` are in each state, in the order of the states."""
    goals = Goal.objects.filter(team__in=[team.pk for team in teams]).order_by()
    numbers = dict(goals.values_list("state").annotate(number=Count("pk")))
    return {state: numbers.get(state, 0) for state in Goal.State.values}
