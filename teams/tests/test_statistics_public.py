"""Numbers on public pages: exact while that is cheap, and never counted without end."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import membership_of
from teams.models import ActionTeam
from teams.services import leave_team
from teams.statistics import counted_people, counted_teams, public

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Each count takes half a second of this clock; what is cheaper is counted each time."""
    now = [0.0]

    def tick() -> float:
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr(public.time, "monotonic", tick)
    monkeypatch.setattr(public, "EXACT_SECONDS", 0.4)
    monkeypatch.setattr(public, "_long", set())
    return now


def numbers() -> list[tuple[str, int, int]]:
    rows = counted_teams(ActionTeam.objects.order_by("position"))
    return [(row.team.name, row.members, row.organizations) for row in rows]


def test_people_and_their_organizations_are_counted_by_team(
    member, colleague, outsider, team, other_team
):
    assert numbers() == [("Education", 2, 1), ("Hiring", 1, 1)]
    assert counted_people() == (3, 2)


def test_cheap_count_is_exact_each_time(member, colleague, team):
    numbers()
    leave_team(membership_of(member, team))
    assert numbers() == [("Education", 1, 1)]
    assert counted_people()[0] == 1


def test_long_count_is_kept_for_a_while_and_for_all_processes(clock, member, colleague, team):
    numbers()
    leave_team(membership_of(member, team))
    with CaptureQueriesContext(connection) as queries:
        assert numbers() == [("Education", 2, 1)]
    assert len(queries) == 1  # the teams themselves; the cache of the tests is in memory


def test_process_that_has_not_counted_yet_counts_once(clock, monkeypatch, member, team):
    numbers()
    leave_team(membership_of(member, team))
    monkeypatch.setattr(public, "_long", set())  # another process
    assert numbers() == [("Education", 0, 0)]


def test_count_is_kept_twenty_times_as_long_as_it_took(clock, monkeypatch, member, team):
    kept = []
    monkeypatch.setattr(public.cache, "set", lambda *given: kept.append(given))
    numbers()
    assert kept == [(f"public-figures-teams-{team.pk}", {team.pk: (1, 1)}, 10)]


def test_count_that_has_become_cheap_is_exact_again(clock, monkeypatch, member, team):
    numbers()
    public.cache.clear()  # its time is over
    monkeypatch.setattr(public, "EXACT_SECONDS", 60)
    numbers()
    leave_team(membership_of(member, team))
    assert numbers() == [("Education", 0, 0)]


def test_numbers_of_some_teams_are_not_those_of_others(clock, member, outsider, team, other_team):
    assert counted_teams([team])[0].members == 1
    assert counted_teams([other_team])[0].members == 1
    assert [row.team for row in counted_teams([other_team])] == [other_team]
