"""Who waits for an organization, as far as the person at the desk may see them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Window
from django.db.models.functions import RowNumber

from desk.changelist import counted
from members.email_domains import email_domain
from members.models import Member, Organization
from teams.models import ActionTeam, Membership

NAMED = 20  # people named for one organization; the others are counted


@dataclass
class WaitingSummary:
    """The people who wait for one organization, and what they asked for."""

    total: int = 0
    visible: int = 0  # those who asked for a team of the person at the desk
    elsewhere: int = 0  # those who asked for other teams only
    requested: int = 0
    opening: int = 0  # requests to open teams
    named: list[Member] = field(default_factory=list)
    domains: Counter[str] = field(default_factory=Counter)

    @property
    def people(self) -> str:
        return counted(self.total, "person waits", "people wait") if self.total else "nobody waits"

    @property
    def requests(self) -> str:
        return counted(self.requested, "request", "requests")

    @property
    def by_domain(self) -> list[tuple[str, int]]:
        return self.domains.most_common()

    @property
    def others(self) -> list[str]:
        """Who waits besides the named: how many, and what they asked for."""
        kinds = (
            (self.visible - len(self.named), "of your teams"),
            (self.elsewhere, "who asked for other teams"),
            (self.total - self.visible - self.elsewhere, "without a request"),
        )
        more = "more " if self.named else ""
        return [f"{number} {more}{what}" for number, what in kinds if number > 0]


def waiting_by_organization(
    rows: Sequence[Organization], desk: Member
) -> dict[int, WaitingSummary]:
    """For each of `rows`, by key: who waits for it. Named are only the people whose requests
    `desk` may see. Nobody waits for one that was declined."""
    found: dict[int, WaitingSummary] = defaultdict(WaitingSummary)
    asked = [row.pk for row in rows if row.status != Organization.Status.DECLINED]
    people = Member.objects.unconfirmed().filter(organization__in=asked)
    waiting = Membership.objects.waiting()
    any_request = Exists(waiting.filter(member=OuterRef("pk")))
    own_request = Exists(waiting.visible_to(desk).filter(member=OuterRef("pk")))
    told = people.annotate(asks=any_request, seen=own_request)
    for pk, email, asks, seen in told.values_list("organization", "email", "asks", "seen"):
        crowd = found[pk]
        crowd.total += 1
        crowd.visible += seen
        crowd.elsewhere += asks and not seen
        crowd.domains[email_domain(email)] += 1
    requests = waiting.filter(member__in=people)
    for pk, policy in requests.values_list("member__organization", "team__join_policy"):
        found[pk].requested += 1
        found[pk].opening += policy == ActionTeam.JoinPolicy.OPEN
    place = Window(
        RowNumber(), partition_by=F("organization"), order_by=[F("date_joined"), F("pk")]
    )
    first = people.filter(own_request).annotate(place=place).filter(place__lte=NAMED)
    for person in first.order_by("date_joined", "pk"):
        found[person.organization_id].named.append(person)
    return found
