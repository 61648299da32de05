"""Who waits for an organization, as far as a facilitator may see them."""

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

# Of one organization; the others are counted.
MAX_MEMBERS_NAMED = 20


@dataclass
class WaitingSummary:
    """The people who wait for one organization, and what they asked for."""

    total: int = 0
    # Those who asked for a team of the facilitator, and those who asked for other teams only.
    visible: int = 0
    other_teams: int = 0
    requests: int = 0
    requests_to_open_teams: int = 0
    members: list[Member] = field(default_factory=list)
    domains: Counter[str] = field(default_factory=Counter)

    @property
    def people_in_words(self) -> str:
        return counted(self.total, "person waits", "people wait") if self.total else "nobody waits"

    @property
    def requests_in_words(self) -> str:
        return counted(self.requests, "request", "requests")

    @property
    def by_domain(self) -> list[tuple[str, int]]:
        return self.domains.most_common()

    @property
    def unnamed(self) -> list[str]:
        """Who waits besides the named `members`: how many, and what they asked for."""
        numbers = (
            (self.visible - len(self.members), "of your teams"),
            (self.other_teams, "who asked for other teams"),
            (self.total - self.visible - self.other_teams, "without a request"),
        )
        more = "more " if self.members else ""
        return [f"{number} {more}{who}" for number, who in numbers if number > 0]


def waiting_by_organization(
    organizations: Sequence[Organization], staff: Member
) -> dict[int, WaitingSummary]:
    """Return, by the key of each organization, who waits for it; nobody for a declined one.

    Named are only the people whose requests `staff` may see.
    """
    summaries: dict[int, WaitingSummary] = defaultdict(WaitingSummary)
    undeclined = [
        organization.pk
        for organization in organizations
        if organization.status != Organization.Status.DECLINED
    ]
    people = Member.objects.unconfirmed().filter(organization__in=undeclined)
    waiting = Membership.objects.waiting()
    has_request = Exists(waiting.filter(member=OuterRef("pk")))
    has_visible_request = Exists(waiting.visible_to(staff).filter(member=OuterRef("pk")))
    flagged = people.annotate(asks=has_request, is_visible=has_visible_request)
    for pk, email, asks, is_visible in flagged.values_list(
        "organization", "email", "asks", "is_visible"
    ):
        summary = summaries[pk]
        summary.total += 1
        summary.visible += is_visible
        summary.other_teams += asks and not is_visible
        summary.domains[email_domain(email)] += 1
    requests = waiting.filter(member__in=people)
    for pk, policy in requests.values_list("member__organization", "team__join_policy"):
        summaries[pk].requests += 1
        summaries[pk].requests_to_open_teams += policy == ActionTeam.JoinPolicy.OPEN
    position = Window(
        RowNumber(), partition_by=F("organization"), order_by=[F("date_joined"), F("pk")]
    )
    first = people.filter(has_visible_request).annotate(position=position)
    for member in first.filter(position__lte=MAX_MEMBERS_NAMED).order_by("date_joined", "pk"):
        summaries[member.organization_id].members.append(member)
    return summaries
