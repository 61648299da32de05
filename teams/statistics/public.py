"""The numbers and names on public pages: exact while counting is cheap, else counted now and then.

Counting a million memberships takes half a second. A count that took longer than
`EXACT_SECONDS` is kept in the shared cache for `PAUSE` times as long as it took, so that counting
never costs more than a twentieth of one core, however often a page is asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.core.cache import cache
from django.db.models import Exists

from members.models import Organization
from teams.models import ActionTeam, Membership
from teams.statistics.counts import TeamNow, members_of_organization, teams_now

EXACT_SECONDS = 0.025
PAUSE = 20
T = TypeVar("T")

_long: set[str] = set()  # what took long to count when this process counted it last


def counted_teams(teams: Iterable[ActionTeam]) -> list[TeamNow]:
    """`teams`, each with its members and their organizations."""
    teams = list(teams)

    def count() -> dict[int, tuple[int, int]]:
        return {row.team.pk: (row.members, row.organizations) for row in teams_now(teams)}

    numbers = _now_or_lately(f"teams-{'-'.join(str(team.pk) for team in teams)}", count)
    return [TeamNow(team, *numbers[team.pk]) for team in teams]


def counted_people() -> tuple[int, int]:
    """How many people are in the teams, and how many organizations are recognized."""
    return _now_or_lately("people", _people)


def _people() -> tuple[int, int]:
    people = Membership.objects.active().values("member").distinct().count()
    return people, Organization.objects.recognized().count()


def organizations_in(team: ActionTeam, most: int) -> list[str]:
    """The names of recognized organizations with people in `team`: the first `most`."""

    def named() -> list[str]:
        seats = members_of_organization().filter(team=team)
        found = Organization.objects.recognized().filter(Exists(seats))
        return list(found.order_by("name").values_list("name", flat=True)[:most])

    return _now_or_lately(f"organizations-{team.pk}-{most}", named)


def _now_or_lately(name: str, count: Callable[[], T]) -> T:
    """What `count` returns now or, where counting takes long, what it returned lately."""
    key = f"public-figures-{name}"
    if name in _long:
        kept: T | None = cache.get(key)
        if kept is not None:
            return kept
    started = time.monotonic()
    numbers = count()
    took = time.monotonic() - started
    if took > EXACT_SECONDS:
        _long.add(name)
        cache.set(key, numbers, math.ceil(took * PAUSE))
    else:
        _long.discard(name)
    return numbers
