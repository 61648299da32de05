"""What waits for whom at the desk: which rows, oldest first, how many, and how many are late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, DateTimeField, F, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from members.models import Member, Organization
from teams.models import ActionTeam, Goal, Membership, MembershipQuerySet, Question
from teams.workdays import late_before


@dataclass(frozen=True)
class Waiting:
    """How much of one kind waits, and how much of it for longer than was promised."""

    number: int
    late: int = 0


def organizations_waiting() -> QuerySet[Organization]:
    """Organizations to recognize. Adds `asked_at`: the oldest request that waits for it, of
    whatever team; without a request, when it was proposed."""
    requests = Membership.objects.waiting().filter(member__organization=OuterRef("pk"))
    oldest = requests.order_by("requested_at").values("requested_at")[:1]
    asked = Coalesce(Subquery(oldest), F("created_at"), output_field=DateTimeField())
    return Organization.objects.to_decide().annotate(asked_at=asked).order_by("asked_at", "pk")


def affiliations_waiting(desk: Member) -> QuerySet[Membership, Any]:
    """People to confirm, by the key `member`, with `asked_at`, their oldest request."""
    requests = Membership.objects.visible_to(desk).to_confirm().order_by()
    people = requests.values("member").annotate(asked_at=Min("requested_at"))
    return people.order_by("asked_at", "member")


def requests_waiting(desk: Member) -> MembershipQuerySet:
    """Requests that wait for nothing but a yes or no of `desk`."""
    return Membership.objects.visible_to(desk).to_decide().order_by("requested_at", "pk")


def questions_waiting() -> QuerySet[Question]:
    """Questions of visitors that nobody has answered."""
    return Question.objects.waiting().order_by("asked_at", "pk")


def goals_waiting(desk: Member) -> QuerySet[Goal]:
    """Open goals of one's own teams without an update for long; those without any come first."""
    goals = Goal.objects.stale().filter(team__in=ActionTeam.objects.facilitated_by(desk))
    return goals.order_by(F("reported_on").asc(nulls_first=True), "pk")


def waiting_for(facilitator: Member) -> dict[str, Waiting]:
    """How much waits for `facilitator`: organizations and questions (shared by all);
    affiliations, requests and goals of their teams."""
    before = late_before()
    people = Membership.objects.visible_to(facilitator).to_confirm()
    return {
        "organizations": _counted(organizations_waiting(), "pk", Q(asked_at__lt=before)),
        "affiliations": _counted(people, "member", Q(requested_at__lt=before)),
        "requests": _counted(requests_waiting(facilitator), "pk", Q(requested_at__lt=before)),
        "questions": _counted(questions_waiting(), "pk", Q(asked_at__lt=before)),
        "goals": Waiting(goals_waiting(facilitator).count()),
    }


def _counted(rows: QuerySet[Any], key: str, late: Q) -> Waiting:
    numbers = rows.order_by().aggregate(
        number=Count(key, distinct=True), late=Count(key, distinct=True, filter=late)
    )
    return Waiting(**numbers)
