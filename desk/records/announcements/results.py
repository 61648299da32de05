"""What became of an announcement, person by person: names that the reader may see, others
counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Q, QuerySet, When

from members.models import Member
from teams.models import Announcement, AnnouncementRecipient
from teams.services import visible_members
from teams.services.team_emails import Reason

PEOPLE_PER_PAGE = 100
Outcome = AnnouncementRecipient.Outcome
# What needs attention first.
ORDER = [Outcome.BOUNCED, Outcome.FAILED, Outcome.SKIPPED, Outcome.QUEUED, Outcome.SENT]
# What the announcement keeps when its people are no longer stored.
RETAINED = [each for each in ORDER if each != Outcome.QUEUED]


@dataclass(frozen=True)
class Results:
    """The counts of an announcement by outcome, each with the address of its list; a page of
    people with the chosen outcome (empty: all), and how many others there are of it."""

    counts: list[tuple[str, str, int]]
    chosen: str
    page: Page[AnnouncementRecipient]
    others: int
    total: int
    # So old that only the counts are left.
    is_erased: bool


def results_of(announcement: Announcement, staff: Member, chosen: str, page: str) -> Results:
    """Return what became of `announcement`, for `staff`; four queries for any number of people."""
    counts = outcome_counts([announcement])[announcement.pk]
    if chosen not in counts:
        chosen = ""
    people = announcement.recipients.all()
    if chosen:
        people = people.filter(outcome=chosen)
    visible = _visible(people, staff).select_related("member", "guest")
    places = [When(outcome=outcome, then=place) for place, outcome in enumerate(ORDER)]
    name = F("member__full_name").asc(nulls_last=True)
    ordered = visible.order_by(Case(*places), name, "guest__guest_name", "pk")
    current = Paginator(ordered, PEOPLE_PER_PAGE).get_page(page)
    total = counts.get(chosen, 0) if chosen else sum(counts.values())
    return Results(
        [(each.value, each.label, counts[each]) for each in ORDER if counts.get(each)],
        chosen,
        current,
        total - current.paginator.count,
        sum(counts.values()),
        is_erased=bool(counts) and not announcement.recipients.exists(),
    )


def _visible(
    people: QuerySet[AnnouncementRecipient], staff: Member
) -> QuerySet[AnnouncementRecipient]:
    """Return those of `people` whom `staff` sees. Who writes to a meeting also sees its guests. Who
    has stopped these emails is nobody's business: they are counted."""
    people = people.exclude(reason__in=[Reason.STOPPED, Reason.MONTHLY])
    if staff.is_superuser:
        return people
    seen = visible_members(staff).order_by().values("pk")
    return people.filter(Q(member__in=seen) | Q(guest__isnull=False))


def outcome_counts(announcements: Iterable[Announcement]) -> dict[int, dict[str, int]]:
    """Return how many people of each of `announcements`, by key, have each outcome: one query for
    any number. Of old ones, of which people are no longer stored, the announcement has it."""
    counts: dict[int, dict[str, int]] = {}
    for each in announcements:
        retained = {outcome.value: getattr(each, f"{outcome}_number") for outcome in RETAINED}
        counts[each.pk] = {outcome: number for outcome, number in retained.items() if number}
    rows = AnnouncementRecipient.objects.filter(announcement__in=list(counts))
    counted = rows.values_list("announcement", "outcome").annotate(number=Count("pk")).order_by()
    for key, outcome, number in counted:
        counts[key][outcome] = number
    return counts


def with_counts(announcements: QuerySet[Announcement]) -> QuerySet[Announcement]:
    """Add how many people have each outcome, such as `sent_count`, to a whole list."""
    live = {
        f"{each}_count": Count("recipients", filter=Q(recipients__outcome=each)) for each in ORDER
    }
    retained = {f"{each}_count": live[f"{each}_count"] + F(f"{each}_number") for each in RETAINED}
    return announcements.annotate(**(live | retained))


def counts_in_words(counts: dict[str, int]) -> str:
    """Return the counts in one line: "38 sent, 2 waiting to be sent"."""
    parts = [
        f"{counts[each]} {each.label[0].lower()}{each.label[1:]}"
        for each in reversed(ORDER)
        if counts.get(each)
    ]
    return ", ".join(parts)
