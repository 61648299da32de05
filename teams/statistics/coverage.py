"""Which organizations have members on which team: how many, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min

from members.models import Organization, OrganizationQuerySet
from teams.models import ActionTeam, Membership
from teams.statistics.counts import active_members_subquery


@dataclass(frozen=True)
class Coverage:
    """The members of one organization on one team: how many, and when the first of them joined."""

    team: ActionTeam
    members: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class OrganizationCoverage:
    """One organization, with its coverage of each team."""

    pk: int
    name: str
    teams: list[Coverage]


def recognized_without(team: ActionTeam | None) -> OrganizationQuerySet:
    """Return the recognized organizations by name; with a team: those with no member on it."""
    organizations = Organization.objects.recognized().order_by("name", "pk")
    if team is None:
        return organizations
    return organizations.filter(~Exists(active_members_subquery([team])))


def recognized_on_teams(teams: Sequence[ActionTeam]) -> OrganizationQuerySet:
    """Return the recognized organizations with a member on one of `teams`, by name."""
    active = Exists(active_members_subquery(teams))
    return Organization.objects.recognized().filter(active).order_by("name", "pk")


def coverage_of(
    organizations: Sequence[tuple[int, str]], teams: Sequence[ActionTeam]
) -> Iterator[OrganizationCoverage]:
    """Yield the coverage of each of `organizations`, given as key and name: one query for all."""
    memberships = Membership.objects.active().filter(
        member__organization__in=[pk for pk, _ in organizations],
        team__in=[team.pk for team in teams],
    )
    by_team = memberships.order_by().values_list("member__organization", "team")
    coverage = {
        (pk, team): (members, since)
        for pk, team, members, since in by_team.annotate(
            members=Count("*"), since=Min("decided_at")
        )
    }
    for pk, name in organizations:
        by_column = [Coverage(team, *coverage.get((pk, team.pk), ())) for team in teams]
        yield OrganizationCoverage(pk, name, by_column)


def kinds_on_teams(teams: Sequence[ActionTeam]) -> list[tuple[str, int]]:
    """Return how many recognized organizations of each kind have a member on one of `teams`,
    employers first, those of which nobody has said last; only kinds of which there are any."""
    numbers = dict(
        recognized_on_teams(teams).order_by().values_list("kind").annotate(number=Count("pk"))
    )
    kinds = [*Organization.Kind.choices, ("", "Kind not known")]
    return [(str(label), numbers[value]) for value, label in kinds if numbers.get(value)]
