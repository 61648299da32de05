"""The numbers and names on public pages: counted at most every ten seconds by each process."""

import pytest

from conftest import membership_of
from teams.models import ActionTeam
from teams.services import leave_team, recognize_organization
from teams.statistics import (
    PortalCounts,
    organization_names,
    portal_counts,
    public_team_counts,
)

pytestmark = pytest.mark.django_db


def team_numbers() -> list[tuple[str, int, int]]:
    teams = public_team_counts(ActionTeam.objects.order_by("position"))
    return [(counts.team.name, counts.members, counts.organizations) for counts in teams]


def test_public_team_counts_counts_members_and_organizations(
    member, colleague, outsider, team, other_team
):
    assert team_numbers() == [("Education", 2, 1), ("Hiring", 1, 1)]


def test_public_team_counts_of_one_team_are_its_own(member, outsider, team, other_team):
    (counts,) = public_team_counts([other_team])
    assert (counts.team, counts.members) == (other_team, 1)


def test_portal_counts_counts_people_once(member, outsider, goal, proposed_organization):
    goal.state = "reached"
    goal.save()
    assert portal_counts() == PortalCounts(members=2, organizations=2, goals=1, goals_reached=1)


def test_organization_names_are_recognized_ones_up_to_the_limit(
    member, colleague, outsider, applicant, team, administrator
):
    assert organization_names(team, limit=2) == ["Rush Example Hospital"]
    recognize_organization(applicant.organization, by=administrator)
    assert organization_names(team, limit=2) == ["Lakeview Health", "Rush Example Hospital"]
    assert organization_names(team, limit=1) == ["Lakeview Health"]


def test_public_counts_are_new_after_ten_seconds(
    fragment_clock, member, colleague, outsider, team, administrator, django_assert_num_queries
):
    before = team_numbers(), portal_counts(), organization_names(team, limit=9)
    leave_team(membership_of(member, team))
    leave_team(membership_of(colleague, team))
    fragment_clock.advance(9.9)
    assert (team_numbers(), portal_counts(), organization_names(team, limit=9)) == before
    with django_assert_num_queries(0):
        public_team_counts([team]), portal_counts(), organization_names(team, limit=9)
    fragment_clock.advance(0.2)
    assert team_numbers() == [("Education", 0, 0), ("Hiring", 1, 1)]
    assert portal_counts().members == 1
    assert organization_names(team, limit=9) == []


def test_public_team_counts_of_a_team_added_since_are_zero(fragment_clock, member, approval_team):
    public_team_counts([])
    newer = ActionTeam.objects.create(name="Newer", slug="newer", summary="New.")
    assert [counts.members for counts in public_team_counts([newer])] == [0]


def test_public_counts_are_always_exact_in_development(member, team):
    before = team_numbers()
    leave_team(membership_of(member, team))
    assert team_numbers() != before
