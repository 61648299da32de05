"""Requests for a team that decides by approval, and who decides them."""

import pytest

from conftest import make_member, stay_of
from members.models import DeskDecision, Member
from teams.admin import deciding
from teams.models import Membership
from teams.services import join_teams, set_facilitators


@pytest.fixture
def approver(approval_team, organization, administrator) -> Member:
    person = make_member("abe@rush.example", organization, "Abe Approver")
    set_facilitators(approval_team, [person], by=administrator)
    person.refresh_from_db()
    return person


@pytest.fixture
def requests(member, colleague, approval_team) -> list[Membership]:
    for person in (member, colleague):
        join_teams(person, [approval_team])
    return [stay_of(member, approval_team), stay_of(colleague, approval_team)]


@pytest.fixture
def approved(as_, approver, requests) -> DeskDecision:
    """One request that the approver has just approved."""
    as_(approver).post(f"/admin/teams/membership/approve/?row={requests[0].pk}")
    return DeskDecision.objects.get()


@pytest.fixture
def crowd(organization, approval_team) -> list[Membership]:
    people = [
        make_member(f"p{number:03}@rush.example", organization, f"Person {number:03}")
        for number in range(deciding.TOLD + 2)
    ]
    for person in people:
        join_teams(person, [approval_team])
    return list(Membership.objects.filter(team=approval_team).order_by("pk"))
