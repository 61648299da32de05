"""The desk's navigation: every list that the person may open, with what waits for them there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from django.contrib.admin import AdminSite
from django.core.cache import caches
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from post_office.models import Email

from desk.changelist import is_administrator, require_staff
from desk.models import Export, Import
from members.models import Bounce, Decision, EmailDomain, Member, Move, Organization, SiteIdentity
from teams.models import (
    ActionTeam,
    Announcement,
    FaqEntry,
    Goal,
    Invitation,
    Meeting,
    Membership,
    Notice,
    Question,
    Resource,
    ResourceSuggestion,
    Review,
    SiteText,
    SynonymGroup,
    TargetArea,
    Topic,
    UnemploymentSurvey,
)
from teams.services.waiting import Waiting, waiting_for

# So old the numbers may be on other pages than the first one, which counts them itself.
COUNTS_SECONDS = 20

# The list, its label, its icon, and the kind of `waiting_for` that waits there.
ListEntry = tuple[type[Model], str, str, str]
PEOPLE: list[ListEntry] = [
    (Organization, "Organizations", "building", "organizations"),
    (Member, "Members", "people", "affiliations"),
    (Membership, "Memberships", "check", "requests"),
    (Move, "Moves", "arrow", "moves"),
    (Bounce, "Returned emails", "returned", "bounces"),
    (Question, "Questions", "ask", "questions"),
    (ResourceSuggestion, "Suggestions", "bulb", "suggestions"),
    (Topic, "Topics", "talk", "topics"),
]
WORK: list[ListEntry] = [
    (Meeting, "Meetings", "calendar", "meetings"),
    (Announcement, "Announcements", "horn", ""),
    (Goal, "Goals", "flag", "goals"),
    (Resource, "Resources", "file", "resources"),
    (ActionTeam, "Teams", "table", ""),
    (TargetArea, "Target areas", "target", ""),
    (FaqEntry, "FAQ entries", "book", ""),
]
RECORDS: list[ListEntry] = [
    (Review, "Since last meeting", "clock", ""),
    (Decision, "Decisions", "undo", ""),
    (Invitation, "Invitations", "person_plus", ""),
]
# What is set up once and rarely opened.
SETUP_HEADING = "Set up"
SETUP: list[ListEntry] = [
    (SiteText, "Texts of the site", "form", ""),
    (Notice, "Notices", "info", ""),
    (SiteIdentity, "Name and logo", "wave", ""),
    (SynonymGroup, "Synonyms", "search", ""),
    (UnemploymentSurvey, "Area figures", "map", ""),
    (EmailDomain, "Email domains", "at", ""),
    (Import, "Imports", "upload", ""),
    (Export, "Exports", "download", ""),
    (Email, "Emails", "email", ""),
]


@dataclass(frozen=True)
class Link:
    """A page of the desk; `icon` is the template of its icon, `waiting` what waits there."""

    label: str
    url: str
    icon: str
    is_current: bool
    waiting: Waiting | None = None


class Group(NamedTuple):
    """Links of the rail, below their heading."""

    heading: str
    links: list[Link]

    @property
    def is_foldable(self) -> bool:
        """Whether only its heading shows, until a press on it or one of its pages is open."""
        return self.heading == SETUP_HEADING

    @property
    def has_current(self) -> bool:
        return any(link.is_current for link in self.links)


def rail(
    site: AdminSite,
    request: HttpRequest,
    undoable: Iterable[Decision] = (),
    waiting: dict[str, Waiting] | None = None,
) -> list[Group]:
    """Return the groups of links, each with its heading; only lists that the person may open.

    `undoable` are the decisions that the person can still undo: a number that was counted before
    one of them is not shown. `waiting` are the numbers, if the page has counted them already.
    """
    if waiting is None:
        waiting = _recent_counts(require_staff(request), undoable)
    total = Waiting(
        sum(count.number for count in waiting.values()),
        sum(count.late for count in waiting.values()),
    )
    index = reverse("admin:index")
    today = Link("Today", index, "icons/inbox.svg", request.path == index, total)
    pages = [
        _link(request, "Coverage", "admin:coverage", "grid"),
        _link(request, "Report", "admin:report", "bars"),
        *_lists(site, request, RECORDS, waiting),
    ]
    if is_administrator(request):
        pages.append(_link(request, "Status", "status", "gear"))
    return [
        Group("", [today]),
        Group("Waits and people", _lists(site, request, PEOPLE, waiting)),
        Group("The work of the teams", _lists(site, request, WORK, waiting)),
        Group("Look back", pages),
        Group(SETUP_HEADING, _lists(site, request, SETUP, waiting)),
    ]


def _recent_counts(staff: Member, undoable: Iterable[Decision]) -> dict[str, Waiting]:
    """Return what waits for `staff`, counted within the last seconds and after their decisions."""
    decided = "-".join(str(decision.pk) for decision in undoable)
    key = f"waiting-{staff.pk}-{decided}"
    counts: dict[str, Waiting] | None = caches["desk_counts"].get(key)
    if counts is None:
        counts = waiting_for(staff)
        caches["desk_counts"].set(key, counts, COUNTS_SECONDS)
    return counts


def _lists(
    site: AdminSite,
    request: HttpRequest,
    entries: list[ListEntry],
    waiting: dict[str, Waiting],
) -> list[Link]:
    links = []
    for model, label, icon, kind in entries:
        if site.get_model_admin(model).has_view_permission(request):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            links.append(_link(request, label, name, icon, waiting.get(kind)))
    return links


def _link(
    request: HttpRequest, label: str, name: str, icon: str, waiting: Waiting | None = None
) -> Link:
    url = _address_of(name)
    return Link(label, url, f"icons/{icon}.svg", request.path.startswith(url), waiting)


@cache
def _address_of(name: str) -> str:
    """Return the address of a page; each page of the desk has the same in its rail."""
    return reverse(name)
