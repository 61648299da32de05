"""What everybody reads: teams, questions, organizations. No token, no cookie, no person's name.

Queries that only a cached part of a page needs are lazy: a queryset, or a function `get_…` that
the template calls. They cost nothing while that part is in the cache.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from members.auth.rate_limits import TooManyRequestsError, count_or_raise, too_many_requests
from members.decorators import post_only
from members.email_domains import email_domain, is_mailbox_provider
from members.forms import DomainCheckForm
from members.models import EmailDomain, Member, Organization
from members.search_words import cut_search_note, used_words
from teams.forms import SearchForm
from teams.models import ActionTeam, FaqEntry, Goal, Membership, Resource, ResourceQuerySet, Topic
from teams.public_teams import public_team
from teams.services import search_faq
from teams.services.my_announcements import newest_of_team
from teams.services.my_meetings import next_meeting_of
from teams.statistics import (
    ORGANIZATIONS_PER_PAGE,
    all_public_team_counts,
    kind_counts,
    next_public_meeting,
    organization_names,
    portal_counts,
    public_team_counts,
    recognized_counts,
    recognized_on_teams,
    recognized_without,
    team_areas,
    teams_of_organizations,
)

RESOURCES_ON_TEAM_PAGE = 3


@login_not_required
@require_safe
def team_list(request: HttpRequest) -> HttpResponse:
    """Show the teams, each with its members and their organizations."""
    return render(request, "teams/team_list.html", {"get_teams": all_public_team_counts})


@login_not_required
@require_safe
def team_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show purpose, goals, organizations and questions of a team; to members, also where they
    stand and who facilitates."""
    team = public_team(slug)
    if team is None:
        # A draft, for those who prepare it.
        team = get_object_or_404(ActionTeam.objects.visible_to(request.user), slug=slug)
    context = {
        "team": team,
        "get_goals": partial(_goals, team),
        "get_counts": partial(public_team_counts, [team]),
        "get_content": partial(_team_content, team),
        "membership": None,
        "facilitators": [],
        "sees_roster": False,
        "get_next_meeting": partial(next_public_meeting, team),
        "get_announcements": partial(newest_of_team, team, only_public=True),
        "get_resources": partial(_newest_resources, team, request.user),
    }
    if isinstance(request.user, Member):
        membership = Membership.objects.of(request.user).current().filter(team=team).first()
        # For members of the team without another query.
        sees_roster = (membership is not None and membership.is_active) or team.roster_visible_to(
            request.user
        )
        context |= {
            "membership": membership,
            "facilitators": team.facilitators.select_related("organization"),
            "sees_roster": sees_roster,
            "next_meeting": next_meeting_of(team, request.user, is_in_team=sees_roster),
            "announcements": newest_of_team(team, only_public=not sees_roster),
            "resources": _newest_resources(team, request.user, is_in_team=sees_roster),
        }
    return render(request, "teams/team_detail.html", context)


def _goals(team: ActionTeam) -> QuerySet[Goal]:
    """Return the goals of `team` with their updates, as `documents` what everyone may open, and as
    `public_topics` their topics: the part of the page that shows them is the same for everybody."""
    public = Resource.objects.visible_to(AnonymousUser())
    documents = Prefetch("resources", queryset=public, to_attr="documents")
    topics = Prefetch("topics", queryset=Topic.objects.public(), to_attr="public_topics")
    return team.goals.prefetch_related("updates", documents, topics)


def _newest_resources(
    team: ActionTeam, person: Member | AnonymousUser, *, is_in_team: bool = False
) -> ResourceQuerySet:
    """Return what `person` sees of the newest resources for `team`, without what is on the pages of
    its meetings; not evaluated yet. What else those in the team are in makes no difference."""
    keys = [team.pk] if is_in_team else None
    resources = Resource.objects.visible_to(person, keys).of_teams([team.pk]).filter(meeting=None)
    return resources.newest_first().with_teams()[:RESOURCES_ON_TEAM_PAGE]


def _team_content(team: ActionTeam) -> dict[str, object]:
    """Return what everybody reads on the page of `team`, for its cached parts."""
    names = organization_names(team, limit=ORGANIZATIONS_PER_PAGE + 1)
    published = FaqEntry.objects.published()
    return {
        "areas": team_areas(team),
        "topics": Topic.objects.of_team(team),
        "organizations": names[:ORGANIZATIONS_PER_PAGE],
        "has_more_organizations": len(names) > ORGANIZATIONS_PER_PAGE,
        "team_entries": published.filter(team=team),
        "general_entries": published.general().filter(topic=FaqEntry.Topic.JOINING),
    }


@login_not_required
@require_safe
def faq_list(request: HttpRequest) -> HttpResponse:
    """Show all questions by section, or what answers `?q=`, the best first; `?all=1` opens all
    answers."""
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"].split() if form.is_valid() else []
    query = " ".join(used_words(words))
    return render(
        request,
        "teams/faq_list.html",
        {
            "entered": " ".join(words),
            "query": query,
            "search_note": cut_search_note(words),
            "results": search_faq(query) if query else None,
            "get_entries": _faq_entries,
            "opened": "all" in request.GET,
        },
    )


def _faq_entries() -> QuerySet[FaqEntry]:
    return FaqEntry.objects.published().by_section().select_related("team")


@login_not_required
@require_safe
def faq_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one question with its answer open, for browsers that do not open it by its fragment."""
    entry = get_object_or_404(FaqEntry.objects.published().select_related("team"), slug=slug)
    return render(request, "teams/faq_detail.html", {"entry": entry})


@login_not_required
@require_safe
def organization_list(request: HttpRequest) -> HttpResponse:
    """Show the recognized organizations with their teams, or those of the team `?team=`, and the
    “can I join?” check."""
    return _render_organizations(request, DomainCheckForm())


# It changes and keeps nothing, and a token would set a cookie on a page for everybody.
@csrf_exempt
@login_not_required
@post_only("organization_list")
def organization_check(request: HttpRequest) -> HttpResponse:
    """Say whether the domain of an address is a recognized organization's; nothing about people."""
    form = DomainCheckForm(request.POST)
    try:
        count_or_raise(request, "check")
    except TooManyRequestsError as refused:
        context = _organizations_context(request, form)
        return too_many_requests(request, refused, "teams/organization_list.html", context)
    if not form.is_valid():
        return _render_organizations(request, form)
    email = form.cleaned_data["email"]
    domain = email_domain(email)
    owner = EmailDomain.objects.owner_of(domain)
    if owner and owner.is_recognized:
        answer = "yes"
    elif is_mailbox_provider(domain):
        answer = "personal"
    else:
        answer = "declined" if Organization.objects.has_declined(domain) else "not_yet"
    suggested_email = EmailDomain.objects.address_probably_meant_by(email)
    context = {"answer": answer, "owner": owner, "suggested_email": suggested_email}
    return _render_organizations(request, form, email=email, domain=domain, **context)


def _render_organizations(
    request: HttpRequest, form: DomainCheckForm, **context: object
) -> HttpResponse:
    context |= _organizations_context(request, form)
    return render(request, "teams/organization_list.html", context)


def _organizations_context(request: HttpRequest, form: DomainCheckForm) -> dict[str, Any]:
    page_number, slug = request.GET.get("page", ""), request.GET.get("team", "")
    team = public_team(slug) if slug else None
    kind = request.GET.get("kind", "")
    if (slug and team is None) or kind not in {"", *Organization.Kind.values}:
        raise Http404
    return {
        "form": form,
        "page_number": page_number,
        "slug": slug,
        "team": team,
        "kind": kind,
        "get_listing": partial(_organization_listing, page_number, team, kind),
    }


@dataclass(frozen=True)
class OrganizationListing:
    """A page of organizations, each of them with its teams; and all teams, each with how many
    organizations are in it."""

    page: Page[Organization]
    rows: list[tuple[Organization, list[ActionTeam]]]
    number: int
    team_numbers: list[tuple[ActionTeam, int]]
    # Only those of which there are any: value, label and number.
    kinds: list[tuple[str, str, int]]


def _organization_listing(
    page_number: str, team: ActionTeam | None, kind: str
) -> OrganizationListing:
    """Return a page of all recognized organizations, or of those with a member in `team`, and of
    one `kind`."""
    organizations = recognized_on_teams([team]) if team else recognized_without(None)
    if kind:
        organizations = organizations.filter(kind=kind)
    page = Paginator(organizations, ORGANIZATIONS_PER_PAGE).get_page(page_number)
    teams = list(ActionTeam.objects.public())
    teams_of = teams_of_organizations(page, teams)
    rows = [(organization, teams_of[organization.pk]) for organization in page]
    numbers = recognized_counts()
    return OrganizationListing(
        page,
        rows,
        portal_counts().organizations,
        [(each, numbers.get(each.pk, 0)) for each in teams],
        [(value, label, number) for value, label, number in kind_counts() if value and number],
    )
