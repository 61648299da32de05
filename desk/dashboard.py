"""The first page of the desk: what waits for whoever is here, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from desk.changelist import counted, require_staff
from desk.records.organizations.actions import domain_owners, organization_summaries
from desk.records.organizations.waiting import WaitingSummary
from members.models import Member
from teams.models import Membership
from teams.services.waiting import (
    Waiting,
    affiliations_waiting,
    goals_waiting,
    organizations_waiting,
    questions_waiting,
    requests_waiting,
    waiting_for,
)
from teams.workdays import is_late, working_days_since

SHOWN = 10  # rows of one kind


@dataclass
class Line:
    """One thing that waits."""

    row: Any
    age: str
    is_late: bool = False
    told: dict[str, Any] = field(default_factory=dict)  # what is known besides


def today(request: HttpRequest) -> dict[str, Any]:
    """What waits, as numbers and, of each kind, the oldest rows."""
    desk = require_staff(request)
    waiting = waiting_for(desk)
    return {
        "waiting": waiting,
        "total": sum(count.number for count in waiting.values()),
        "late": sum(count.late for count in waiting.values()),
        "organizations": _organizations(desk, waiting["organizations"]),
        "affiliations": _affiliations(desk, waiting["affiliations"]),
        "requests": _requests(desk, waiting["requests"]),
        "questions": _questions(waiting["questions"]),
        "goals": _goals(desk, waiting["goals"]),
    }


def _organizations(desk: Member, waiting: Waiting) -> list[Line]:
    if not waiting.number:
        return []
    rows = list(organizations_waiting()[:SHOWN])
    owners = domain_owners(rows)
    lines = []
    for told in organization_summaries(rows, desk, owners):
        row = told["organization"]
        owner = owners.get(row.suggested_domain)
        told["free_domain"] = "" if owner else row.offered_domain
        told["taken_by"] = owner
        told["foreseen"] = foreseen(told["waiting"])
        lines.append(_line(row, row.asked_at, told))
    return lines


def foreseen(summary: WaitingSummary) -> str:
    """What recognizing does for those who wait, in words."""
    people = counted(summary.total, "person", "people")
    opened = counted(summary.requests_to_open_teams, "membership", "memberships")
    asking = summary.visible + summary.other_teams
    return (
        f"Recognizing confirms {people}, opens up to {opened}, "
        f"sends {counted(asking, 'email', 'emails')}."
    )


def _affiliations(desk: Member, waiting: Waiting) -> list[Line]:
    if not waiting.number:
        return []
    asked = {found["member"]: found["asked_at"] for found in affiliations_waiting(desk)[:SHOWN]}
    requests = Membership.objects.visible_to(desk).to_confirm().filter(member__in=asked)
    of: dict[int, list[Membership]] = {pk: [] for pk in asked}
    for request in requests.select_related("member__organization", "team").order_by("pk"):
        of[request.member_id].append(request)
    return [
        _line(own[0].member, asked[pk], {"teams": ", ".join(stay.team.name for stay in own)})
        for pk, own in of.items()
        if own
    ]


def _requests(desk: Member, waiting: Waiting) -> list[Line]:
    if not waiting.number:
        return []
    rows = requests_waiting(desk).select_related("member__organization", "team")
    return [_line(row, row.requested_at) for row in rows[:SHOWN]]


def _questions(waiting: Waiting) -> list[Line]:
    if not waiting.number:
        return []
    return [_line(row, row.asked_at) for row in questions_waiting()[:SHOWN]]


def _goals(desk: Member, waiting: Waiting) -> list[Line]:
    if not waiting.number:
        return []
    now = timezone.localdate()
    rows = goals_waiting(desk).select_related("team")[:SHOWN]
    return [Line(row, _without_update(row.reported_on, now)) for row in rows]


def _line(row: Any, asked_at: datetime, told: dict[str, Any] | None = None) -> Line:
    days = working_days_since(timezone.localdate(asked_at), timezone.localdate())
    age = f"{counted(days, 'working day', 'working days')} old" if days else "from today"
    return Line(row, age, is_late(asked_at), told or {})


def _without_update(reported: date | None, now: date) -> str:
    if reported is None:
        return "no update yet"
    return f"no update for {(now - reported).days} days"
