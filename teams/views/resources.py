"""Resources as visitors and members find them: the list with its filters, and each one's page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.models import Member
from members.wording import counted
from teams.models import ActionTeam, Resource, ResourceQuerySet, Topic, team_keys
from teams.models.resources import language_name
from teams.public_teams import public_teams
from teams.views.meetings import FilterLink

RESOURCES_PER_PAGE = 20
# Of BCP 47, as far as the database has room for it.
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,6})?", re.IGNORECASE)
PLURALS = {
    Resource.Kind.ORGANIZATION: "Organizations",
    Resource.Kind.PUBLICATION: "Publications",
    Resource.Kind.TOOLKIT: "Toolkits",
    Resource.Kind.RECORDING: "Recordings",
    Resource.Kind.SLIDES: "Slides",
    Resource.Kind.DOCUMENT: "Documents",
    Resource.Kind.NOTES: "Notes",
    Resource.Kind.OTHER: "Other resources",
}


@dataclass(frozen=True)
class ResourceFilter:
    """Which resources the list shows: of a kind, for a team with those for all teams, in a
    language."""

    kind: Resource.Kind | None = None
    team: ActionTeam | None = None
    language: str = ""

    def apply(self, resources: ResourceQuerySet, *, but: str = "") -> ResourceQuerySet:
        """Return those of `resources` that it lets through; `but` names a part that does not
        count, to say how many each of its values would have."""
        if self.kind and but != "kind":
            resources = resources.filter(kind=self.kind)
        if self.team and but != "team":
            resources = resources.of_teams([self.team.pk])
        if self.language and but != "language":
            resources = resources.filter(language=self.language)
        return resources

    def url(self, **changes: object) -> str:
        """Return the address of the list with this filter but for `changes`."""
        chosen = {
            "kind": self.kind or "",
            "team": self.team.slug if self.team else "",
            "language": self.language,
            **changes,
        }
        query = urlencode({name: value for name, value in chosen.items() if value})
        return reverse("resource_list") + (f"?{query}" if query else "")

    @property
    def is_empty(self) -> bool:
        """Whether it lets all through."""
        return not (self.kind or self.team or self.language)

    @property
    def words(self) -> str:
        """What the list shows: "Toolkits for Hiring in Spanish"."""
        kinds = PLURALS[self.kind] if self.kind else "Resources"
        team = f" for {self.team}" if self.team else ""
        language = f" in {language_name(self.language)}" if self.language else ""
        return f"{kinds}{team}{language}"


@dataclass(frozen=True)
class ResourcePage:
    """A page of the list, and the addresses of those beside it, empty where there is none."""

    resources: Page[Resource]
    previous_url: str
    next_url: str


@login_not_required
@require_safe
def resource_list(request: HttpRequest) -> HttpResponse:
    """Show the resources that exist for this person, the newest first; `?kind=`, `?team=` and
    `?language=` narrow them, `?page=` turns pages."""
    person = request.user
    keys = team_keys(person) if isinstance(person, Member) else []
    visible = Resource.objects.visible_to(person, keys)
    teams = public_teams()
    chosen = _chosen_filter(request, teams)
    page = _turn_page(chosen, request, chosen.apply(visible))
    context = {
        "chosen": chosen,
        "page": page,
        "number_in_words": counted(page.resources.paginator.count, "resource", "resources"),
        "kind_links": _kind_links(chosen, visible),
        "team_links": _team_links(chosen, visible, teams),
        "language_links": _language_links(chosen, visible),
    }
    return render(request, "teams/resource_list.html", context)


def _chosen_filter(request: HttpRequest, teams: Sequence[ActionTeam]) -> ResourceFilter:
    """Return what the address asks for; 404 for what no link leads to."""
    kind, slug, language = (request.GET.get(name, "") for name in ("kind", "team", "language"))
    # Compared here: PostgreSQL refuses a zero character in a query.
    team = next((team for team in teams if team.slug == slug), None)
    is_language = not language or LANGUAGE_CODE.fullmatch(language)
    if (kind and kind not in Resource.Kind.values) or (slug and not team) or not is_language:
        raise Http404
    return ResourceFilter(Resource.Kind(kind) if kind else None, team, language)


def _kind_links(chosen: ResourceFilter, visible: ResourceQuerySet) -> list[FilterLink]:
    """Return a link for each kind that something is of, with how many; none where all are of one
    kind."""
    kinds = chosen.apply(visible, but="kind").order_by().values_list("kind")
    numbers = dict(kinds.annotate(number=Count("pk")))
    links = [
        FilterLink(
            words, chosen.url(kind=kind.value), kind == chosen.kind, number=numbers.get(kind)
        )
        for kind, words in PLURALS.items()
        if kind in numbers or kind == chosen.kind
    ]
    every = FilterLink(
        "All kinds", chosen.url(kind=""), not chosen.kind, number=sum(numbers.values())
    )
    return [every, *links] if len(links) > 1 or chosen.kind else []


def _team_links(
    chosen: ResourceFilter, visible: ResourceQuerySet, teams: Sequence[ActionTeam]
) -> list[FilterLink]:
    """Return a link for each team that has resources, with how many; those for all teams are every
    team's."""
    among = chosen.apply(visible, but="team")
    numbers = among.count_by_team(teams)
    links = [
        FilterLink(
            team.name,
            chosen.url(team=team.slug),
            team == chosen.team,
            team.color,
            numbers[team.pk],
        )
        for team in teams
        if numbers[team.pk] or team == chosen.team
    ]
    every = FilterLink("All teams", chosen.url(team=""), not chosen.team)
    return [every, *links] if links else []


def _language_links(chosen: ResourceFilter, visible: ResourceQuerySet) -> list[FilterLink]:
    """Return a link for each language that something is in, with how many; none where all are in
    one language."""
    languages = chosen.apply(visible, but="language").order_by().values_list("language")
    numbers = dict(languages.annotate(number=Count("pk")))
    codes = {*numbers, chosen.language} - {""}
    links = [
        FilterLink(
            language_name(code),
            chosen.url(language=code),
            code == chosen.language,
            number=numbers.get(code),
        )
        for code in codes
    ]
    links.sort(key=lambda link: link.words)
    every = FilterLink("All languages", chosen.url(language=""), not chosen.language)
    return [every, *links] if len(links) > 1 or chosen.language else []


def _turn_page(
    chosen: ResourceFilter, request: HttpRequest, resources: ResourceQuerySet
) -> ResourcePage:
    """Return the page of `resources` that the address asks for, the newest first."""
    listed = resources.newest_first().with_teams()
    page = Paginator(listed, RESOURCES_PER_PAGE).get_page(request.GET.get("page"))
    return ResourcePage(
        page,
        chosen.url(page=page.previous_page_number()) if page.has_previous() else "",
        chosen.url(page=page.next_page_number()) if page.has_next() else "",
    )


@login_not_required
@require_safe
def resource_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what is known of a resource, and the link to it: to those for whom it does not exist,
    a 404."""
    visible = Resource.objects.visible_to(request.user).with_teams()
    resource = get_object_or_404(visible, slug=slug)
    page = settings.SITE_URL + resource.get_absolute_url()
    report = urlencode({"text": f"The link for “{resource}” is broken: {page}"})
    context = {
        "resource": resource,
        "topics": Topic.objects.visible_to(request.user).filter(resources=resource),
        "report_url": f"{reverse('question_ask')}?{report}",
        "desk_url": _desk_url(resource, request.user),
    }
    return render(request, "teams/resource_detail.html", context)


def _desk_url(resource: Resource, person: Member | AnonymousUser) -> str:
    """Return where `person` can change `resource`; empty if they may not."""
    if not isinstance(person, Member):
        return ""
    if not Resource.objects.editable_by(person).contains(resource):
        return ""
    return reverse("admin:teams_resource_change", args=[resource.pk])
