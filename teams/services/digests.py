"""The facilitators' daily email: what waits, once a day, not once per request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from members.models import Bounce, Member
from teams import emails
from teams.emails import DigestItem, DigestSection
from teams.meeting_times import time_range
from teams.models import Claim, Meeting, Membership
from teams.services.claims import CLAIM_NAMES, standing_claims
from teams.services.meetings_due import describe_due, is_due_now, meetings_due
from teams.services.resources import describe_attention
from teams.services.submissions import SUBMISSIONS
from teams.services.waiting import (
    Waiting,
    affiliations_waiting,
    bounces_waiting,
    count_waiting,
    goals_waiting,
    moves_waiting,
    organizations_waiting,
    requests_waiting,
    resources_waiting,
)
from teams.workdays import is_late, is_working_day, late_before

RecordQuerySet = TypeVar("RecordQuerySet", bound=QuerySet[Any])

# What is mailed on the first working day of a week, unless anything else is.
WEEKLY = {"bounces", "meetings", "goals", "resources"}
# Of a kind; how many more there are is said.
MAX_DIGEST_ITEMS = 10


def send_digests(today: date) -> int:
    """Queue the day's digest for each facilitator for whom something waits; return how many.

    Each facilitator gets at most one a day, no matter how often and by how many processes this is
    called. There is none on weekends and holidays, and for goals without an update, meetings and
    resources alone only on the first working day of a week. A day in the future was stored by a
    wrong clock, and holds up nothing.
    """
    if not is_working_day(today):
        return 0
    sent = 0
    due = Member.objects.filter(is_active=True, is_staff=True).exclude(digest_sent_on=today)
    due = due.exclude(Exists(Bounce.objects.open().filter(member=OuterRef("pk"))))
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            facilitator = Member.objects.select_for_update(no_key=True).get(pk=pk)
            if facilitator.digest_sent_on == today:
                continue
            # Not a fact about the person: no line of history.
            Member.objects.filter(pk=pk).update(digest_sent_on=today)
            sections = digest_for(facilitator)
            if _is_worth_an_email(sections, today):
                emails.facilitator_digest(facilitator, sections)
                sent += 1
    return sent


def digest_for(facilitator: Member) -> list[DigestSection]:
    """Return what waits for `facilitator` and nobody else has claimed, by kind, the oldest first;
    no kind of which nothing waits."""
    sections = [
        _organizations(),
        _affiliations(facilitator),
        _requests(facilitator),
        _moves(facilitator),
        _bounces(facilitator),
        *(_submissions(kind, facilitator) for kind in SUBMISSIONS),
        _meetings(facilitator),
        _goals(facilitator),
        _resources(facilitator),
    ]
    return [section for section in sections if section.number]


def _organizations() -> DigestSection:
    organizations: QuerySet[Any] = organizations_waiting()
    items = [
        DigestItem(organization, str(organization), is_late(organization.asked_at))
        for organization in organizations[:MAX_DIGEST_ITEMS]
    ]
    late = Q(asked_at__lt=late_before())
    return _section("organizations", count_waiting(organizations, "pk", late), items)


def _affiliations(facilitator: Member) -> DigestSection:
    requests = _not_claimed_by_others(
        Membership.objects.visible_to(facilitator).to_confirm(), "membership", facilitator
    )
    oldest = list(affiliations_waiting(facilitator, requests)[:MAX_DIGEST_ITEMS])
    members = Member.objects.select_related("organization").in_bulk(
        [affiliation["member"] for affiliation in oldest]
    )
    items = [
        DigestItem(member, _person(member), is_late(affiliation["asked_at"]))
        for affiliation in oldest
        if (member := members.get(affiliation["member"]))
    ]
    late = Q(requested_at__lt=late_before())
    return _section("affiliations", count_waiting(requests, "member", late), items)


def _requests(facilitator: Member) -> DigestSection:
    requests = _not_claimed_by_others(requests_waiting(facilitator), "membership", facilitator)
    oldest = list(requests.select_related("member__organization", "team")[:MAX_DIGEST_ITEMS])
    own = standing_claims(oldest)
    items = [
        DigestItem(request, _request(request), request.is_late, request in own)
        for request in oldest
    ]
    late = Q(requested_at__lt=late_before())
    return _section("requests", count_waiting(requests, "pk", late), items)


def _moves(facilitator: Member) -> DigestSection:
    moves = moves_waiting(facilitator)
    items = [
        DigestItem(
            move,
            f"{move.member}: {'account on hold' if move.is_held else 'asks to move'}",
            is_late(move.waits_since),
        )
        for move in moves.select_related("member")[:MAX_DIGEST_ITEMS]
    ]
    late = Q(asked_at__lt=late_before())
    return _section("moves", count_waiting(moves, "pk", late), items)


def _bounces(facilitator: Member) -> DigestSection:
    bounces = bounces_waiting(facilitator)
    items = [
        DigestItem(bounce, f"{bounce.member}: emails to {bounce.address} came back")
        for bounce in bounces.select_related("member")[:MAX_DIGEST_ITEMS]
    ]
    return _section("bounces", Waiting(bounces.count()), items)


def _submissions(kind: str, facilitator: Member) -> DigestSection:
    model = SUBMISSIONS[kind]
    waiting = _not_claimed_by_others(model.objects.waiting(), CLAIM_NAMES[model], facilitator)
    oldest = list(waiting.oldest_first()[:MAX_DIGEST_ITEMS])
    own = standing_claims(oldest)
    items = [DigestItem(each, str(each), each.is_late, each in own) for each in oldest]
    late = Q(**{f"{model.SENT_AT}__lt": late_before()})
    return _section(kind, count_waiting(waiting, "pk", late), items)


def _meetings(facilitator: Member) -> DigestSection:
    meetings = list(meetings_due(facilitator))
    items = [
        DigestItem(meeting, f"{meeting}, {time_range(meeting)}. {' '.join(describe_due(meeting))}")
        for meeting in meetings[:MAX_DIGEST_ITEMS]
    ]
    return _section("meetings", Waiting(len(meetings)), items)


def _goals(facilitator: Member) -> DigestSection:
    goals = goals_waiting(facilitator).select_related("team")
    items = [DigestItem(goal, f"{goal} ({goal.team})") for goal in goals[:MAX_DIGEST_ITEMS]]
    return _section("goals", Waiting(goals.count()), items)


def _resources(facilitator: Member) -> DigestSection:
    resources = resources_waiting(facilitator)
    items = [
        DigestItem(resource, f"{resource}. {' '.join(describe_attention(resource))}")
        for resource in resources[:MAX_DIGEST_ITEMS]
    ]
    return _section("resources", Waiting(resources.count()), items)


def _section(kind: str, count: Waiting, items: Sequence[DigestItem]) -> DigestSection:
    return DigestSection(kind, count.number, count.late, items)


def _not_claimed_by_others(
    records: RecordQuerySet, name: str, facilitator: Member
) -> RecordQuerySet:
    """Return `records`, each the `name` of claims, without those that another facilitator takes
    care of."""
    others = Claim.objects.of_others(facilitator).filter(**{name: OuterRef("pk")})
    return records.filter(~Exists(others))


def _person(member: Member) -> str:
    return f"{member}, {member.organization}" if member.organization else str(member)


def _request(request: Membership) -> str:
    asked = f"{_person(request.member)}: {request.team.name_with_state}"
    return f"{asked}. “{request.request_reason}”" if request.request_reason else asked


def _is_worth_an_email(sections: Sequence[DigestSection], today: date) -> bool:
    """Return whether anything waits that is not enough once a week, as goals and resources are, and
    meetings but for those of tomorrow and of the last days."""
    monday = today - timedelta(days=today.weekday())
    is_first = not any(
        is_working_day(monday + timedelta(days=days)) for days in range(today.weekday())
    )
    return any(
        is_first or section.kind not in WEEKLY or any(map(_is_urgent, section.items))
        for section in sections
    )


def _is_urgent(item: DigestItem) -> bool:
    return isinstance(item.record, Meeting) and is_due_now(item.record)
