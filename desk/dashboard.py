"""The first page of the desk: what waits for the facilitator, the oldest first."""

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

MAX_ITEMS_OF_A_KIND = 10


@dataclass
class DashboardItem:
    """One record that waits, how long in words, and what its kind shows besides."""

    record: Any
    age: str
    is_late: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return what waits: the numbers of each kind, and its oldest items."""
    staff = require_staff(request)
    waiting = waiting_for(staff)
    return {
        "waiting": waiting,
        "total": sum(count.number for count in waiting.values()),
        "late": sum(count.late for count in waiting.values()),
        "organizations": _organizations(staff, waiting["organizations"]),
        "affiliations": _affiliations(staff, waiting["affiliations"]),
        "requests": _requests(staff, waiting["requests"]),
        "questions": _questions(waiting["questions"]),
        "goals": _goals(staff, waiting["goals"]),
    }


def _organizations(staff: Member, waiting: Waiting) -> list[DashboardItem]:
    if not waiting.number:
        return []
    organizations = list(organizations_waiting()[:MAX_ITEMS_OF_A_KIND])
    owners = domain_owners(organizations)
    items = []
    for details in organization_summaries(organizations, staff, owners):
        organization = details["organization"]
        owner = owners.get(organization.suggested_domain)
        details |= {
            "free_domain": "" if owner else organization.offered_domain,
            "domain_owner": owner,
            "preview": describe_recognition(details["waiting"]),
        }
        items.append(_item(organization, organization.asked_at, details))
    return items


def describe_recognition(waiting: WaitingSummary) -> str:
    """Return a sentence about what recognizing does for the people who wait."""
    people = counted(waiting.total, "person", "people")
    opened = counted(waiting.requests_to_open_teams, "membership", "memberships")
    emails = counted(waiting.visible + waiting.other_teams, "email", "emails")
    return f"Recognizing confirms {people}, opens up to {opened}, sends {emails}."


def _affiliations(staff: Member, waiting: Waiting) -> list[DashboardItem]:
    if not waiting.number:
        return []
    oldest = affiliations_waiting(staff)[:MAX_ITEMS_OF_A_KIND]
    asked_at = {affiliation["member"]: affiliation["asked_at"] for affiliation in oldest}
    requests = Membership.objects.visible_to(staff).to_confirm().filter(member__in=asked_at)
    by_member: dict[int, list[Membership]] = {pk: [] for pk in asked_at}
    for request in requests.select_related("member__organization", "team").order_by("pk"):
        by_member[request.member_id].append(request)
    return [
        _item(
            member_requests[0].member,
            asked_at[pk],
            {"teams": ", ".join(request.team.name for request in member_requests)},
        )
        for pk, member_requests in by_member.items()
        if member_requests
    ]


def _requests(staff: Member, waiting: Waiting) -> list[DashboardItem]:
    if not waiting.number:
        return []
    requests = requests_waiting(staff).select_related("member__organization", "team")
    return [_item(request, request.requested_at) for request in requests[:MAX_ITEMS_OF_A_KIND]]


def _questions(waiting: Waiting) -> list[DashboardItem]:
    if not waiting.number:
        return []
    questions = questions_waiting()[:MAX_ITEMS_OF_A_KIND]
    return [_item(question, question.asked_at) for question in questions]


def _goals(staff: Member, waiting: Waiting) -> list[DashboardItem]:
    if not waiting.number:
        return []
    today = timezone.localdate()
    goals = goals_waiting(staff).select_related("team")[:MAX_ITEMS_OF_A_KIND]
    return [DashboardItem(goal, _time_without_update(goal.reported_on, today)) for goal in goals]


def _item(record: Any, asked_at: datetime, details: dict[str, Any] | None = None) -> DashboardItem:
    days = working_days_since(timezone.localdate(asked_at), timezone.localdate())
    age = f"{counted(days, 'working day', 'working days')} old" if days else "from today"
    return DashboardItem(record, age, is_late(asked_at), details or {})


def _time_without_update(reported_on: date | None, today: date) -> str:
    if reported_on is None:
        return "no update yet"
    return f"no update for {(today - reported_on).days} days"
