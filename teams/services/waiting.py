"""What waits for which facilitator: what, oldest first, how much, and how much of it is late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from members.models import (
    Bounce,
    BounceQuerySet,
    Member,
    MoveQuerySet,
    Organization,
    OrganizationQuerySet,
)
from teams.models import (
    ActionTeam,
    Goal,
    Membership,
    MembershipQuerySet,
    ResourceQuerySet,
)
from teams.services.meetings_due import meetings_due
from teams.services.submissions import SUBMISSIONS
from teams.services.visibility import visible_moves, visible_resources
from teams.workdays import late_before


@dataclass(frozen=True)
class Waiting:
    """How much of one kind waits, and how much of it for longer than was promised."""

    number: int
    late: int = 0


def organizations_waiting() -> OrganizationQuerySet:
    """Return the organizations to recognize. Adds `asked_at`: the oldest request of any team that
    waits for it; without a request, when it was proposed."""
    requests = Membership.objects.waiting().filter(member__organization=OuterRef("pk"))
    # The least, not the first of an order: for that SQLite would read the requests of everyone in
    # order, again for each organization.
    by_organization = requests.order_by().values("member__organization")
    oldest = by_organization.annotate(oldest=Min("requested_at")).values("oldest")
    asked_at = Coalesce(Subquery(oldest), F("created_at"), output_field=DateTimeField())
    return Organization.objects.to_decide().annotate(asked_at=asked_at).order_by("asked_at", "pk")


def affiliations_waiting(
    facilitator: Member, requests: MembershipQuerySet | None = None
) -> QuerySet[Membership, Any]:
    """Return the people to confirm, by the key `member`, with `asked_at`, their oldest request;
    of all `requests` that `facilitator` sees, or of these."""
    if requests is None:
        requests = Membership.objects.visible_to(facilitator).to_confirm()
    members = requests.order_by().values("member").annotate(asked_at=Min("requested_at"))
    return members.order_by("asked_at", "member")


def requests_waiting(facilitator: Member) -> MembershipQuerySet:
    """Return the requests that wait only for the decision of `facilitator`."""
    return Membership.objects.visible_to(facilitator).to_decide().order_by("requested_at", "pk")


def resources_waiting(facilitator: Member) -> ResourceQuerySet:
    """Return the resources of the facilitator with dead links, and those that nobody has checked
    for long. Recordings without captions are in the list of resources: they take time."""
    return visible_resources(facilitator).needing_attention()


def moves_waiting(facilitator: Member) -> MoveQuerySet:
    """Return the accounts on hold, and the moves that were asked for without the old mailbox, of
    people whom the facilitator decides about."""
    return visible_moves(facilitator).waiting()


def bounces_waiting(facilitator: Member) -> BounceQuerySet:
    """Return the addresses from which emails came back, with `asked_at`, of people in the teams of
    `facilitator`, who can say whether they have left; for administrators of all staff as well."""
    current = Membership.objects.visible_to(facilitator).current()
    concerns = Q(Exists(current.filter(member=OuterRef("member"))))
    if facilitator.is_superuser:
        concerns |= Q(member__is_staff=True)
    bounces = Bounce.objects.open().filter(concerns)
    return bounces.annotate(asked_at=F("first_at")).order_by("asked_at", "pk")


def goals_waiting(facilitator: Member) -> QuerySet[Goal]:
    """Return the open goals of one's own teams that have had no update for long; those that never
    had one come first."""
    teams = ActionTeam.objects.facilitated_by(facilitator)
    goals = Goal.objects.stale().filter(team__in=teams)
    return goals.order_by(F("reported_on").asc(nulls_first=True), "pk")


def waiting_for(facilitator: Member) -> dict[str, Waiting]:
    """Return how much waits for `facilitator`: organizations, questions, suggestions and proposed
    topics (shared by all); affiliations, requests, moves, bounces, meetings, goals and resources
    of their teams. One query for all of it, and one for the teams of a facilitator."""
    before = late_before()
    asked, requested = Q(asked_at__lt=before), Q(requested_at__lt=before)
    unconfirmed = Membership.objects.visible_to(facilitator).to_confirm()
    first, *others = [
        _numbers("organizations", organizations_waiting(), "pk", asked),
        _numbers("affiliations", unconfirmed, "member", requested),
        _numbers("requests", requests_waiting(facilitator), "pk", requested),
        _numbers("moves", moves_waiting(facilitator), "pk", asked),
        _numbers("bounces", bounces_waiting(facilitator), "pk"),
        *(
            _numbers(kind, model.objects.waiting(), "pk", Q(**{f"{model.SENT_AT}__lt": before}))
            for kind, model in SUBMISSIONS.items()
        ),
        _numbers("meetings", meetings_due(facilitator), "pk"),
        _numbers("goals", goals_waiting(facilitator), "pk"),
        _numbers("resources", resources_waiting(facilitator), "pk"),
    ]
    # Django 6.1 would order the union as the model says, by columns that it does not have.
    union = first.union(*others, all=True).order_by()
    return {kind: Waiting(number, late) for kind, number, late in union}


def _numbers(kind: str, waiting: QuerySet[Any], key: str, late: Q | None = None) -> QuerySet[Any]:
    """Return a query for one line: `kind`, how many different values of `key` there are in
    `waiting`, and how many of them are late, 0 without `late`."""
    counted = waiting.order_by().values(what=Value(kind))
    one_line: QuerySet[Any] = counted.annotate(
        number=Count(key, distinct=True),
        late=Count(key, distinct=True, filter=late) if late else Value(0),
    ).values_list("what", "number", "late")
    return one_line


def count_waiting(waiting: QuerySet[Any], key: str, late: Q) -> Waiting:
    """Return how many different values of `key` there are in `waiting`, and how many are late."""
    numbers = waiting.order_by().aggregate(
        number=Count(key, distinct=True), late=Count(key, distinct=True, filter=late)
    )
    return Waiting(**numbers)
