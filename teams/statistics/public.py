"""The numbers and names on public pages.

Counting a million memberships takes half a second, so each process counts at most every
`COUNT_CACHE_SECONDS`. Only what every visitor may see is in this cache: no person's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, Q

from members.fragments import cached_fragment
from members.models import Organization
from teams.models import ActionTeam, Goal, Membership
from teams.statistics.counts import TeamCounts, active_members_subquery, count_teams
from teams.statistics.coverage import recognized_on_teams
from teams.statistics.public_meetings import next_public_meeting_by_team

COUNT_CACHE_SECONDS = 10
ORGANIZATIONS_PER_PAGE = 100


@dataclass(frozen=True)
class PortalCounts:
    """The numbers of the home page."""

    members: int
    organizations: int
    goals: int
    goals_reached: int


def public_team_counts(teams: Iterable[ActionTeam]) -> list[TeamCounts]:
    """Return the members and organizations of each of `teams`, up to ten seconds old."""
    counts = cached_fragment("team-counts", _count_all_teams, COUNT_CACHE_SECONDS)
    return [TeamCounts(team, *counts.get(team.pk, (0, 0))) for team in teams]


def all_public_team_counts() -> list[TeamCounts]:
    """Return the members and organizations of every public team, up to ten seconds old, with its
    next meeting, and its goals prefetched."""
    counts = public_team_counts(ActionTeam.objects.public().prefetch_related("goals"))
    meetings = next_public_meeting_by_team()
    for each in counts:
        each.next_meeting = meetings.get(each.team.pk)
    return counts


def _count_all_teams() -> dict[int, tuple[int, int]]:
    teams = count_teams(ActionTeam.objects.all())
    return {counts.team.pk: (counts.members, counts.organizations) for counts in teams}


def portal_counts() -> PortalCounts:
    """Return how many members, recognized organizations and goals there are, up to ten seconds
    old."""
    return cached_fragment("portal-counts", _count_portal, COUNT_CACHE_SECONDS)


def _count_portal() -> PortalCounts:
    reached = Count("pk", filter=Q(state=Goal.State.REACHED))
    return PortalCounts(
        members=Membership.objects.active().values("member").distinct().count(),
        organizations=Organization.objects.recognized().count(),
        **Goal.objects.public().aggregate(goals=Count("pk"), goals_reached=reached),
    )


def recognized_counts() -> dict[int, int]:
    """Return how many recognized organizations have an active member in each public team, by its
    key, up to ten seconds old."""
    return cached_fragment("recognized-counts", _count_recognized, COUNT_CACHE_SECONDS)


def _count_recognized() -> dict[int, int]:
    counts = Organization.objects.recognized().aggregate(
        **{
            str(team.pk): Count("pk", filter=Exists(active_members_subquery([team])))
            for team in ActionTeam.objects.public()
        }
    )
    return {int(pk): number for pk, number in counts.items()}


def organization_names(team: ActionTeam, limit: int) -> list[str]:
    """Return the names of the first `limit` recognized organizations with an active member in
    `team`, up to ten seconds old."""

    def query() -> list[str]:
        return list(recognized_on_teams([team]).values_list("name", flat=True)[:limit])

    key = f"organization-names-{team.pk}-{limit}"
    return cached_fragment(key, query, COUNT_CACHE_SECONDS)


def teams_of_organizations(
    organizations: Iterable[Organization], teams: Iterable[ActionTeam]
) -> dict[int, list[ActionTeam]]:
    """Return which of `teams` have an active member of each of `organizations`, by the key of the
    organization; nothing for those without. One query."""
    members = (
        Membership.objects.active()
        .filter(member__organization__in=[organization.pk for organization in organizations])
        .order_by()
        .values_list("member__organization", "team")
        .distinct()
    )
    pairs = set(members)
    teams_of: dict[int, list[ActionTeam]] = defaultdict(list)
    for team in teams:
        for organization_id in {organization for organization, pk in pairs if pk == team.pk}:
            teams_of[organization_id].append(team)
    return teams_of


def kind_counts() -> list[tuple[str, str, int]]:
    """Return each kind of organization, with its label and how many recognized ones are of it, up
    to ten seconds old; last, without a value, those of which nobody has said."""
    numbers = cached_fragment("kind-counts", _count_kinds, COUNT_CACHE_SECONDS)
    kinds = [*Organization.Kind.choices, ("", "Not known")]
    return [(value, str(label), numbers.get(value, 0)) for value, label in kinds]


def _count_kinds() -> dict[str, int]:
    recognized = Organization.objects.recognized().order_by()
    return dict(recognized.values_list("kind").annotate(number=Count("pk")))
