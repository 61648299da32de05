"""Meetings as visitors and members read them: what comes up, what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import Count, Prefetch, Q
from django.db.models.functions import ExtractYear
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.models import Member, Organization
from teams.models import ActionTeam, Meeting, MeetingQuerySet, Resource, Topic, team_keys
from teams.public_teams import public_teams
from teams.services.meetings import join_url_for
from teams.views.meeting_answers import answer_panels

MEETINGS_PER_PAGE = 20
PLURALS = {
    Meeting.Kind.QUARTERLY: "Quarterly meetings",
    Meeting.Kind.LEARNING: "Learning events",
    Meeting.Kind.SUMMIT: "Summits",
    Meeting.Kind.TEAM: "Team meetings",
}


@dataclass(frozen=True)
class MeetingFilter:
    """Which meetings the list shows: of a team with the whole Collaborative's, of a kind, and the
    past ones of a year."""

    team: ActionTeam | None = None
    kind: Meeting.Kind | None = None
    year: int | None = None

    def apply(self, meetings: MeetingQuerySet) -> MeetingQuerySet:
        """Return those of `meetings` of the team and kind, of any year."""
        if self.team:
            meetings = meetings.of_team(self.team)
        return meetings.filter(kind=self.kind) if self.kind else meetings

    def url(self, **changes: object) -> str:
        """Return the address of the list with this filter but for `changes`."""
        chosen = {
            "team": self.team.slug if self.team else "",
            "kind": self.kind or "",
            "year": self.year or "",
            **changes,
        }
        query = urlencode({name: value for name, value in chosen.items() if value})
        return reverse("meeting_list") + (f"?{query}" if query else "")

    @property
    def all_url(self) -> str:
        """The address of the list without a filter."""
        return reverse("meeting_list")

    @property
    def words(self) -> str:
        """What the list shows: "Learning events of Hiring"."""
        kinds = PLURALS[self.kind] if self.kind else "Meetings"
        return f"{kinds} of {self.team}" if self.team else kinds


@dataclass(frozen=True)
class FilterLink:
    """A link that filters the list; `color` is a team's."""

    words: str
    url: str
    is_current: bool
    color: str = ""
    number: int | None = None


@dataclass(frozen=True)
class MeetingPage:
    """A page of meetings, and the addresses of those beside it, empty where there is none."""

    meetings: Page[Meeting]
    previous_url: str
    next_url: str


@login_not_required
@require_safe
def meeting_list(request: HttpRequest) -> HttpResponse:
    """Show the meetings that exist for this person: the next ones first, then past ones by year;
    `?team=`, `?kind=` and `?year=` narrow them, `?next=` and `?page=` turn pages."""
    teams = public_teams()
    chosen = _chosen_filter(request, teams)
    keys = _keys_of(request.user)
    meetings = chosen.apply(Meeting.objects.visible_to(request.user, keys))
    listed = _for_list(meetings, request.user, keys)
    years = _count_by_year(meetings.past())
    year = chosen.year or max(years, default=None)
    past_of_year = listed.past().filter(starts_at__year=year) if year in years else listed.none()
    context = {
        "chosen": chosen,
        "is_filtered": bool(chosen.team or chosen.kind),
        "upcoming": _turn_pages(chosen, request, listed.upcoming(), "next", "up"),
        "past": _turn_pages(chosen, request, past_of_year, "page", "past"),
        "past_number": sum(years.values()),
        "year": year,
        "team_links": _team_links(chosen, teams),
        "kind_links": _kind_links(chosen),
        "year_links": _year_links(chosen, years, year),
    }
    return render(request, "teams/meeting_list.html", context)


def _chosen_filter(request: HttpRequest, teams: Sequence[ActionTeam]) -> MeetingFilter:
    """Return what the address asks for; 404 for what no link leads to."""
    slug, kind, year = (request.GET.get(name, "") for name in ("team", "kind", "year"))
    # Compared here: PostgreSQL refuses a zero character in a query.
    team = next((team for team in teams if team.slug == slug), None)
    is_year = len(year) == 4 and year.isascii() and year.isdigit() and "1900" < year < "9999"
    if (slug and not team) or (kind and kind not in Meeting.Kind.values) or (year and not is_year):
        raise Http404
    return MeetingFilter(team, Meeting.Kind(kind) if kind else None, int(year) if is_year else None)


def _keys_of(person: Member | AnonymousUser) -> list[int]:
    return team_keys(person) if isinstance(person, Member) else []


def _for_list(
    meetings: MeetingQuerySet, person: Member | AnonymousUser, keys: Sequence[int]
) -> MeetingQuerySet:
    """Return `meetings` with what a list shows of them: their teams, whether there are minutes
    (`has_minutes`), and which links `person` may open; without the long texts."""
    links = Resource.objects.visible_to(person, keys).only("meeting_id", "kind", "position")
    return (
        meetings.annotate(has_minutes=~Q(minutes=""))
        .defer("agenda", "minutes")
        .prefetch_related("teams", Prefetch("resources", links))
    )


def _count_by_year(meetings: MeetingQuerySet) -> dict[int, int]:
    """Return how many of `meetings` began in each year, the newest first."""
    years = meetings.order_by().values(year=ExtractYear("starts_at"))
    return dict(years.annotate(number=Count("pk")).order_by("-year").values_list("year", "number"))


def _team_links(chosen: MeetingFilter, teams: Sequence[ActionTeam]) -> list[FilterLink]:
    every = FilterLink("All teams", chosen.url(team="", year=""), chosen.team is None)
    return [
        every,
        *(
            FilterLink(
                team.name, chosen.url(team=team.slug, year=""), team == chosen.team, team.color
            )
            for team in teams
        ),
    ]


def _kind_links(chosen: MeetingFilter) -> list[FilterLink]:
    every = FilterLink("All kinds", chosen.url(kind="", year=""), chosen.kind is None)
    return [
        every,
        *(
            FilterLink(words, chosen.url(kind=kind.value, year=""), kind == chosen.kind)
            for kind, words in PLURALS.items()
        ),
    ]


def _year_links(chosen: MeetingFilter, years: dict[int, int], year: int | None) -> list[FilterLink]:
    return [
        FilterLink(str(each), f"{chosen.url(year=each)}#past", each == year, number=number)
        for each, number in years.items()
    ]


def _turn_pages(
    chosen: MeetingFilter, request: HttpRequest, meetings: MeetingQuerySet, name: str, fragment: str
) -> MeetingPage:
    """Return the page of `meetings` that the address asks for under `name`; `fragment` is where it
    stands on the page."""
    page = Paginator(meetings, MEETINGS_PER_PAGE).get_page(request.GET.get(name))

    def url(number: int) -> str:
        return f"{chosen.url(**{name: number})}#{fragment}"

    return MeetingPage(
        page,
        url(page.previous_page_number()) if page.has_previous() else "",
        url(page.next_page_number()) if page.has_next() else "",
    )


@login_not_required
@require_safe
def meeting_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a meeting, before and after it: to those for whom it does not exist, a 404."""
    person = request.user
    keys = _keys_of(person)
    visible = Meeting.objects.visible_to(person, keys).prefetch_related("teams")
    meeting = get_object_or_404(visible, slug=slug)
    teams = list(meeting.teams.all())
    context = {
        "meeting": meeting,
        "teams": teams,
        # Whose color and drawing the page has.
        "team": teams[0] if len(teams) == 1 else None,
        "links": Resource.objects.visible_to(person, keys).filter(meeting=meeting),
        "topics": Topic.objects.visible_to(person).filter(meetings=meeting),
        "join_url": join_url_for(meeting, person),
        "is_member": bool(keys),
        "desk_url": _desk_url(meeting, person),
    }
    if meeting.status == Meeting.Status.ANNOUNCED and not meeting.is_over:
        context["answers"] = answer_panels([meeting], person, keys)[meeting.pk]
    if meeting.is_over:
        context |= {"organizations": _organizations_that_came(meeting)}
        upcoming = Meeting.objects.visible_to(person, keys).takes_place().upcoming()
        of_team = upcoming.of_team(teams[0]) if teams else upcoming
        context |= {"next_meeting": of_team.first()}
    return render(request, "teams/meeting_detail.html", context)


def _desk_url(meeting: Meeting, person: Member | AnonymousUser) -> str:
    """Return where `person` can change `meeting`; empty if they may not."""
    if not isinstance(person, Member):
        return ""
    if not Meeting.objects.editable_by(person).contains(meeting):
        return ""
    return reverse("admin:teams_meeting_change", args=[meeting.pk])


def _organizations_that_came(meeting: Meeting) -> list[Organization]:
    came = meeting.attendances.filter(came=True, organization__isnull=False).with_employer()
    recognized = Organization.objects.recognized()
    return list(recognized.filter(pk__in=came.values("employer")).order_by("name"))
