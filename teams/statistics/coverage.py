"""Which organizations sit on which team, with how many people and since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min

from members.models import Organization, OrganizationQuerySet
from teams.models import ActionTeam, Membership
from teams.statistics.counts import members_of_organization


@dataclass(frozen=True)
class Coverage:
    """The people of one organization on one team: how many, and when the first of them joined."""

    team: ActionTeam
    people: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class Row:
    """One organization, with its seat on each team."""

    pk: int
    name: str
    seats: list[Coverage]


def recognized_without(team: ActionTeam | None) -> OrganizationQuerySet:
    """Recognized organizations by name; with a team: those with nobody on it."""
    rows = Organization.objects.recognized().order_by("name", "pk")
    return rows.filter(~Exists(members_of_organization().filter(team=team))) if team else rows


def recognized_on_teams(teams: Sequence[ActionTeam]) -> OrganizationQuerySet:
    """Recognized organizations by name, of which somebody is on one of `teams`."""
    there = Exists(members_of_organization().filter(team__in=[team.pk for team in teams]))
    return Organization.objects.recognized().filter(there).order_by("name", "pk")


def coverage_of(names: Sequence[tuple[int, str]], teams: Sequence[ActionTeam]) -> Iterator[Row]:
    """The grid for the organizations with these keys and `names`: one query for all of them."""
    stays = Membership.objects.active().filter(
        member__organization__in=[pk for pk, _ in names], team__in=[team.pk for team in teams]
    )
    seats = stays.order_by().values_list("member__organization", "team")
    told = seats.annotate(people=Count("*"), since=Min("decided_at"))
    found = {(pk, team): (people, since) for pk, team, people, since in told}
    for pk, name in names:
        yield Row(pk, name, [Coverage(team, *found.get((pk, team.pk), ())) for team in teams])
