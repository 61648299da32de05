"""Decisions at the desk, and many requests to decide."""

import pytest

from conftest import make_member
from desk.actions import base
from desk.imports.workbook_process import answer_to
from desk.tests.action_pages import action_url
from members.models import Decision
from teams.models import Membership
from teams.services import join_teams


@pytest.fixture
def approved(client_for, approver, requests) -> Decision:
    """One request that the approver has just approved."""
    client_for(approver).post(action_url("approve", requests[0]))
    return Decision.objects.get()


@pytest.fixture
def many_requests(organization, approval_team) -> list[Membership]:
    people = [
        make_member(f"p{number:03}@rush.example", organization, f"Person {number:03}")
        for number in range(base.MAX_RESULT_MESSAGES + 2)
    ]
    for person in people:
        join_teams(person, [approval_team])
    return list(Membership.objects.filter(team=approval_team).order_by("pk"))


@pytest.fixture
def workbooks_here(monkeypatch) -> None:
    """Workbooks that are meant well are read in this process, by the function that the program
    calls: its start takes most of the time. test_imports_hostile.py starts the program."""
    monkeypatch.setattr("desk.imports.workbook.run_program", answer_to)
