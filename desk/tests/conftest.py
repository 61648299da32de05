"""Decisions at the desk, and many requests to decide."""

import pytest

from conftest import make_member, make_membership
from desk.actions import base
from desk.imports.workbook_process import answer_to
from members.models import Decision, Member
from members.tests.decisions import decide
from teams.actions import process_decision
from teams.models import Membership


def approve(request: Membership, by: Member) -> Decision:
    """Return the decision of `by` to approve a request, as one press of its button leaves it."""
    decision = decide(by, Membership, [request.pk], "approve")
    process_decision(decision, seconds=60)
    return decision


@pytest.fixture
def approved(approver, requests) -> Decision:
    """One request that the approver has just approved."""
    return approve(requests[0], approver)


@pytest.fixture
def many_requests(organization, approval_team, monkeypatch) -> list[Membership]:
    """Requests of five people, too many to name each in a message."""
    monkeypatch.setattr(base, "MAX_RESULT_MESSAGES", 3)
    return [
        make_membership(
            make_member(f"p{number:03}@rush.example", organization, f"Person {number:03}"),
            approval_team,
            Membership.Status.REQUESTED,
        )
        for number in range(5)
    ]


@pytest.fixture(autouse=True)
def _today_without_charts(request, monkeypatch) -> None:
    """The first page of the desk has its charts, which take a third of its time, only in tests
    with `today_charts`."""
    if "today_charts" not in request.fixturenames:
        monkeypatch.setattr("desk.site.reports.dashboard_charts", lambda request, waiting: [])


@pytest.fixture
def today_charts() -> None:
    """The first page of the desk shows how it goes."""


@pytest.fixture
def workbooks_here(monkeypatch) -> None:
    """Workbooks that are meant well are read in this process, by the function that the program
    calls: its start takes most of the time. test_imports_hostile.py starts the program."""
    monkeypatch.setattr("desk.imports.workbook.run_program", answer_to)
