"""What everybody reads: teams, questions, organizations. No token, no cookie, no person's name."""

from collections import defaultdict
from itertools import groupby

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from members.auth.rate_limits import count_or_raise
from members.decorators import post_only
from members.email_domains import email_domain, is_mailbox_provider
from members.forms import DomainCheckForm
from members.models import EmailDomain, Member, Organization
from teams.cache_versions import cache_versions
from teams.forms import FaqSearchForm
from teams.models import ActionTeam, FaqEntry, Membership
from teams.statistics import counted_teams, organizations_in

ORGANIZATIONS_A_PAGE = 100


@login_not_required
@require_safe
def team_list(request: HttpRequest) -> HttpResponse:
    """The teams, each with its members and their organizations."""
    teams = SimpleLazyObject(lambda: counted_teams(ActionTeam.objects.all()))
    return render(
        request, "teams/team_list.html", {"teams": teams, "cache_versions": cache_versions()}
    )


@login_not_required
@require_safe
def team_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One team: purpose, goals, organizations, questions; for a member, also where they stand."""
    team = get_object_or_404(ActionTeam, slug=slug)
    member = request.user if isinstance(request.user, Member) else None
    stay = Membership.objects.of(member).current().filter(team=team).first() if member else None
    named = SimpleLazyObject(lambda: organizations_in(team, ORGANIZATIONS_A_PAGE + 1))
    return render(
        request,
        "teams/team_detail.html",
        {
            "team": team,
            "now": SimpleLazyObject(lambda: counted_teams([team])[0]),
            "goals": team.goals.prefetch_related("updates"),
            "organizations": SimpleLazyObject(lambda: named[:ORGANIZATIONS_A_PAGE]),
            "has_more_organizations": SimpleLazyObject(lambda: len(named) > ORGANIZATIONS_A_PAGE),
            "team_entries": FaqEntry.objects.published().filter(team=team),
            "general_entries": FaqEntry.objects.published().general(),
            "membership": stay,
            "facilitators": team.facilitators.select_related("organization") if member else [],
            "cache_versions": cache_versions(),
            "sees_roster": bool(member and team.roster_visible_to(member)),
        },
    )


@login_not_required
@require_safe
def faq_list(request: HttpRequest) -> HttpResponse:
    """All questions by topic, or those that contain every word of `?q=`; `?all=1` opens all."""
    form = FaqSearchForm(request.GET)
    query = " ".join(form.cleaned_data["q"].split()) if form.is_valid() else ""
    found = FaqEntry.objects.published().select_related("team").matching(query)
    entries = SimpleLazyObject(lambda: sorted(found, key=_section_order))
    return render(
        request,
        "teams/faq_list.html",
        {
            "form": form,
            "query": query,
            "count": len(entries) if query else None,
            "sections": SimpleLazyObject(
                lambda: [(name, list(group)) for name, group in groupby(entries, _section_name)]
            ),
            "entries": entries,
            "opened": "all" in request.GET,
            "cache_versions": cache_versions(),
        },
    )


def _section_order(entry: FaqEntry) -> tuple[int, int, int]:
    topics = FaqEntry.Topic.values
    if entry.team:
        return (len(topics), entry.team.position, entry.position)
    return (topics.index(entry.topic), 0, entry.position)


def _section_name(entry: FaqEntry) -> str:
    return entry.team.name if entry.team else entry.get_topic_display()


@login_not_required
@require_safe
def faq_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One question with its answer open, for browsers that do not open it by its fragment."""
    entry = get_object_or_404(FaqEntry.objects.published().select_related("team"), slug=slug)
    return render(request, "teams/faq_detail.html", {"entry": entry})


@login_not_required
@require_safe
def organization_list(request: HttpRequest) -> HttpResponse:
    """The recognized organizations with the teams they sit on, and the “can I join?” check."""
    return render(
        request,
        "teams/organization_list.html",
        {"form": DomainCheckForm(), **_organizations(request)},
    )


@csrf_exempt  # changes and keeps nothing; a token would set a cookie on a page for everybody
@login_not_required
@post_only("organization_list")
def organization_check(request: HttpRequest) -> HttpResponse:
    """Say whether the domain of an address is a recognized organization's; nothing about people."""
    count_or_raise(request, "check")
    form = DomainCheckForm(request.POST)
    context: dict[str, object] = {"form": form, **_organizations(request)}
    if form.is_valid():
        domain = email_domain(form.cleaned_data["email"])
        owner = EmailDomain.objects.owner_of(domain)
        if owner and owner.is_recognized:
            context |= {"answer": "yes", "found": owner}
        else:
            context["answer"] = "personal" if is_mailbox_provider(domain) else "not_yet"
        context["domain"] = domain
    return render(request, "teams/organization_list.html", context)


def _organizations(request: HttpRequest) -> dict[str, object]:
    """One page of recognized organizations, each with the names of its teams, for as long as
    nobody comes or goes."""
    number = request.GET.get("page", "")
    listed = SimpleLazyObject(lambda: _listed(number))
    return {"listed": listed, "page_number": number, "cache_versions": cache_versions()}


def _listed(number: str) -> dict[str, object]:
    paginator = Paginator(Organization.objects.recognized().order_by("name"), ORGANIZATIONS_A_PAGE)
    page = paginator.get_page(number)
    sits_on: dict[int, list[str]] = defaultdict(list)
    seats = (
        Membership.objects.active()
        .filter(member__organization__in=[row.pk for row in page])
        .order_by("team__position", "team__name")
        .values_list("member__organization", "team__name")
        .distinct()
    )
    for organization_id, team_name in seats:
        sits_on[organization_id].append(team_name)
    return {"page": page, "rows": [(row, sits_on[row.pk]) for row in page]}
