"""The first page of the desk: what waits for the facilitator, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from desk.changelist import counted, require_staff
from desk.records.bounces import describe_bounce
from desk.records.organizations.actions import domain_owners, organization_summaries
from desk.records.organizations.waiting import WaitingSummary
from members.email_domains import email_domain, readable_domain
from members.models import EmailDomain, Member
from teams.meeting_times import time_range
from teams.models import Claim, Membership
from teams.services import standing_claims
from teams.services.meetings_due import describe_due, meetings_due
from teams.services.resources import describe_attention
from teams.services.submissions import SUBMISSIONS
from teams.services.waiting import (
    Waiting,
    affiliations_waiting,
    bounces_waiting,
    goals_waiting,
    moves_waiting,
    organizations_waiting,
    requests_waiting,
    resources_waiting,
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


@dataclass(frozen=True)
class WaitingKind:
    """A kind of what waits: how it is called, what is to be done, the list of all of it, and the
    template of an item. `place` is the id of its heading, `key` its name in `waiting_for`."""

    key: str
    place: str
    one: str
    many: str
    task: str
    list_name: str
    list_query: str
    load: Callable[[Member], list[DashboardItem]]
    template: str
    hint: str = ""


@dataclass(frozen=True)
class DashboardSection:
    """What waits of one kind: its numbers, and its oldest items."""

    kind: WaitingKind
    waiting: Waiting
    items: list[DashboardItem]

    @property
    def noun(self) -> str:
        """The word for as many as wait."""
        return self.kind.one if self.waiting.number == 1 else self.kind.many

    @property
    def list_url(self) -> str:
        """The address of the list of all that waits."""
        return f"{reverse(self.kind.list_name)}?{self.kind.list_query}"


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return what waits: the numbers of each kind, and a section for each that is not empty."""
    staff = require_staff(request)
    waiting = waiting_for(staff)
    sections = [
        DashboardSection(kind, waiting[kind.key], kind.load(staff))
        for kind in KINDS
        if waiting[kind.key].number
    ]
    return {"waiting": waiting, "sections": [section for section in sections if section.items]}


def _organizations(staff: Member) -> list[DashboardItem]:
    # The evidence is looked for after the oldest are found: databases compute what they select
    # before they sort, so for all that wait.
    oldest = organizations_waiting().values("pk")[:MAX_ITEMS_OF_A_KIND]
    organizations = list(organizations_waiting().filter(pk__in=oldest).with_domain_evidence())
    owners = domain_owners(organizations)
    items = []
    for details in organization_summaries(organizations, staff, owners):
        organization = details["organization"]
        owner = owners.get(organization.suggested_domain)
        details |= {
            "free_domain": "" if owner else readable_domain(organization.offered_domain),
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


def _affiliations(staff: Member) -> list[DashboardItem]:
    oldest = affiliations_waiting(staff)[:MAX_ITEMS_OF_A_KIND]
    asked_at = {affiliation["member"]: affiliation["asked_at"] for affiliation in oldest}
    requests = Membership.objects.visible_to(staff).to_confirm().filter(member__in=asked_at)
    by_member: dict[int, list[Membership]] = {pk: [] for pk in asked_at}
    for request in requests.select_related("member__organization", "team").order_by("pk"):
        by_member[request.member_id].append(request)
    people = [
        member_requests[0].member for member_requests in by_member.values() if member_requests
    ]
    domains = {member.pk: email_domain(member.email) for member in people}
    probable = EmailDomain.objects.probably_meant_by(domains.values())
    return [
        _item(
            member,
            asked_at[member.pk],
            {
                "teams": ", ".join(request.team.name for request in by_member[member.pk]),
                "domain": domains[member.pk],
                "probable_domain": probable.get(domains[member.pk], ""),
            },
        )
        for member in people
    ]


def _requests(staff: Member) -> list[DashboardItem]:
    requests = list(
        requests_waiting(staff).select_related("member__organization", "team")[:MAX_ITEMS_OF_A_KIND]
    )
    claims = standing_claims(requests)
    return [
        _item(request, request.requested_at, _claim_details(claims.get(request), staff))
        for request in requests
    ]


def _moves(staff: Member) -> list[DashboardItem]:
    moves = moves_waiting(staff).select_related("member")[:MAX_ITEMS_OF_A_KIND]
    return [_item(move, move.waits_since) for move in moves]


def _bounces(staff: Member) -> list[DashboardItem]:
    bounces = bounces_waiting(staff).select_related("member__organization")[:MAX_ITEMS_OF_A_KIND]
    return [
        DashboardItem(bounce, _age(bounce.first_at), details={"since": describe_bounce(bounce)})
        for bounce in bounces
    ]


def _submissions(kind: str, staff: Member) -> list[DashboardItem]:
    waiting = list(SUBMISSIONS[kind].objects.waiting().oldest_first()[:MAX_ITEMS_OF_A_KIND])
    claims = standing_claims(waiting)
    return [_item(each, each.sent_at, _claim_details(claims.get(each), staff)) for each in waiting]


def _resources(staff: Member) -> list[DashboardItem]:
    today = timezone.localdate()
    return [
        DashboardItem(
            resource,
            f"checked {_days_in_words(resource.checked_on, today)}",
            details={"due": describe_attention(resource)},
        )
        for resource in resources_waiting(staff)[:MAX_ITEMS_OF_A_KIND]
    ]


def _claim_details(claim: Claim | None, staff: Member) -> dict[str, str]:
    """Return who takes care of an item, in words."""
    if claim is None:
        return {}
    if claim.claimed_by == staff:
        return {"claim": "You are taking care of this."}
    return {"claim": format_html("<bdi>{}</bdi> is taking care of this.", claim.claimed_by)}


def _goals(staff: Member) -> list[DashboardItem]:
    today = timezone.localdate()
    goals = goals_waiting(staff).select_related("team")[:MAX_ITEMS_OF_A_KIND]
    return [DashboardItem(goal, _time_without_update(goal.reported_on, today)) for goal in goals]


def _meetings(staff: Member) -> list[DashboardItem]:
    today = timezone.localdate()
    return [
        DashboardItem(
            meeting,
            _days_in_words(meeting.day, today),
            details={"when": time_range(meeting), "due": describe_due(meeting)},
        )
        for meeting in meetings_due(staff)[:MAX_ITEMS_OF_A_KIND]
    ]


def _days_in_words(day: date, today: date) -> str:
    """Return how far away `day` is: "in 3 days", "tomorrow", "2 days ago"."""
    days = (day - today).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}
    return near.get(days) or (f"in {days} days" if days > 0 else f"{-days} days ago")


def _item(record: Any, asked_at: datetime, details: dict[str, Any] | None = None) -> DashboardItem:
    return DashboardItem(record, _age(asked_at), is_late(asked_at), details or {})


def _age(asked_at: datetime) -> str:
    """Return how long something has waited, in words."""
    days = working_days_since(timezone.localdate(asked_at), timezone.localdate())
    return f"{counted(days, 'working day', 'working days')} old" if days else "from today"


def _time_without_update(reported_on: date | None, today: date) -> str:
    if reported_on is None:
        return "no update yet"
    return f"no update for {(today - reported_on).days} days"


KINDS = [
    WaitingKind(
        key="organizations",
        place="organizations",
        one="organization",
        many="organizations",
        task="to recognize",
        list_name="admin:members_organization_changelist",
        list_query="waits=decision",
        load=_organizations,
        template="admin/_waiting_organization.html",
        hint="The domain you check confirms everyone who verifies an address there.",
    ),
    WaitingKind(
        key="affiliations",
        place="people",
        one="person",
        many="people",
        task="to confirm",
        list_name="admin:members_member_changelist",
        list_query="affiliation=to_confirm",
        load=_affiliations,
        template="admin/_waiting_person.html",
        hint="Do they work where they say? Confirming opens their requests to open teams.",
    ),
    WaitingKind(
        key="requests",
        place="requests",
        one="request",
        many="requests",
        task="to decide",
        list_name="admin:teams_membership_changelist",
        list_query="waits_for=approval",
        load=_requests,
        template="admin/_waiting_request.html",
    ),
    WaitingKind(
        key="moves",
        place="moves",
        one="account",
        many="accounts",
        task="on hold or to be moved",
        list_name="admin:members_move_changelist",
        list_query="waits=decision",
        load=_moves,
        template="admin/_waiting_move.html",
        hint="Whose account is it? Make sure before you decide.",
    ),
    WaitingKind(
        key="bounces",
        place="bounces",
        one="returned email",
        many="returned emails",
        task="to look into",
        list_name="admin:members_bounce_changelist",
        list_query="waits=answer",
        load=_bounces,
        template="admin/_waiting_bounce.html",
        hint="Has this person left?",
    ),
    WaitingKind(
        key="questions",
        place="questions",
        one="question",
        many="questions",
        task="to answer",
        list_name="admin:teams_question_changelist",
        list_query="waits=answer",
        load=partial(_submissions, "questions"),
        template="admin/_waiting_question.html",
    ),
    WaitingKind(
        key="suggestions",
        place="suggestions",
        one="suggested resource",
        many="suggested resources",
        task="to decide",
        list_name="admin:teams_resourcesuggestion_changelist",
        list_query="waits=decision",
        load=partial(_submissions, "suggestions"),
        template="admin/_waiting_suggestion.html",
    ),
    WaitingKind(
        key="topics",
        place="topics",
        one="proposed topic",
        many="proposed topics",
        task="to decide",
        list_name="admin:teams_topic_changelist",
        list_query="waits=decision",
        load=partial(_submissions, "topics"),
        template="admin/_waiting_topic.html",
        hint="Publish it as proposed, or dismiss it.",
    ),
    WaitingKind(
        key="meetings",
        place="meetings",
        one="meeting",
        many="meetings",
        task="to prepare or finish",
        list_name="admin:teams_meeting_changelist",
        list_query="due=1",
        load=_meetings,
        template="admin/_waiting_meeting.html",
    ),
    WaitingKind(
        key="goals",
        place="goals",
        one="goal",
        many="goals",
        task="without an update for 90 days",
        list_name="admin:teams_goal_changelist",
        list_query="stale=1",
        load=_goals,
        template="admin/_waiting_goal.html",
    ),
    WaitingKind(
        key="resources",
        place="resources",
        one="resource",
        many="resources",
        task="to check",
        list_name="admin:teams_resource_changelist",
        list_query="due=any",
        load=_resources,
        template="admin/_waiting_resource.html",
        hint="Open the page: is it still true and useful?",
    ),
]
