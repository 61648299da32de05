"""Topics as everyone reads them, proposing one without an account, and "matters to us"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import Case, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import get_text_list
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.rate_limits import TooManyRequestsError, rate_limited, too_many_requests
from members.decorators import post_only
from members.models import Member
from members.services import Refused
from members.wording import counted
from teams.forms import TopicForm
from teams.models import (
    ActionTeam,
    Goal,
    Meeting,
    Resource,
    Topic,
    TopicQuerySet,
    TopicStep,
    TopicSupport,
)
from teams.public_teams import public_teams
from teams.services.topics import propose_topic, support_topic, supporting_organization
from teams.services.topics import withdraw_support as take_back_support
from teams.views.meetings import FilterLink

TOPICS_PER_PAGE = 50
PROPOSE_TEMPLATE = "teams/topic_propose.html"
# In the order of the work; what each is called in a sentence about several.
SHOWN_STATES = {
    Topic.State.PROPOSED: "proposed",
    Topic.State.STUDIED: "being studied",
    Topic.State.CLASSIFIED: "classified into a focus area",
    Topic.State.IN_FOCUS: "in focus now",
    Topic.State.SET_ASIDE: "set aside",
}
# On the list: what is worked on now comes first.
LIST_ORDER = (
    Topic.State.IN_FOCUS,
    Topic.State.CLASSIFIED,
    Topic.State.STUDIED,
    Topic.State.PROPOSED,
    Topic.State.SET_ASIDE,
)


@dataclass(frozen=True)
class TopicFilter:
    """Which topics the list shows: of a state, in the focus area of a team."""

    state: Topic.State | None = None
    team: ActionTeam | None = None

    def apply(self, topics: TopicQuerySet) -> TopicQuerySet:
        """Return those of `topics` that it lets through."""
        if self.state:
            topics = topics.filter(state=self.state)
        return topics.filter(team=self.team) if self.team else topics

    def url(self, **changes: object) -> str:
        """Return the address of the list with this filter but for `changes`."""
        chosen = {
            "state": self.state or "",
            "team": self.team.slug if self.team else "",
            **changes,
        }
        query = urlencode({name: value for name, value in chosen.items() if value})
        return reverse("topic_list") + (f"?{query}" if query else "")

    @property
    def is_empty(self) -> bool:
        """Whether it lets all through."""
        return not (self.state or self.team)

    @property
    def words(self) -> str:
        """What the list shows: "Topics being studied", "Topics of Hiring, in focus now"."""
        team = f" of {self.team}" if self.team else ""
        state = f"{', ' if team else ' '}{SHOWN_STATES[self.state]}" if self.state else ""
        return f"Topics{team}{state}"


@login_not_required
@require_safe
def topic_list(request: HttpRequest) -> HttpResponse:
    """Show the public topics, those in focus first, with how many are in which state and focus
    area; `?state=` and `?team=` narrow them, `?page=` turns pages."""
    teams = public_teams()
    chosen = _chosen_filter(request, teams)
    public = Topic.objects.public()
    numbers = Counter(dict(public.order_by().values_list("pk", "state")).values())
    by_team = Counter(public.exclude(team=None).order_by().values_list("team", flat=True))
    page = _turn_page(chosen, request, chosen.apply(public))
    context = {
        "chosen": chosen,
        "page": page,
        "previous_url": chosen.url(page=page.previous_page_number()) if page.has_previous() else "",
        "next_url": chosen.url(page=page.next_page_number()) if page.has_next() else "",
        "number_in_words": counted(page.paginator.count, "topic", "topics"),
        "funnel": funnel_in_words(numbers),
        "total": sum(numbers.values()),
        "state_links": _state_links(chosen, numbers),
        "team_links": _team_links(chosen, by_team, teams),
        "teams": teams,
    }
    return render(request, "teams/topic_list.html", context)


def funnel_in_words(numbers: Counter[str]) -> str:
    """Return how many topics of `numbers` are in which state, in a sentence: "9 topics so far: 4
    proposed, 3 being studied and 2 in focus now."; empty without any."""
    total = sum(numbers.values())
    if not total:
        return ""
    parts = [f"{numbers[state]} {words}" for state, words in SHOWN_STATES.items() if numbers[state]]
    return f"{counted(total, 'topic', 'topics')} so far: {get_text_list(parts, 'and')}."


def _chosen_filter(request: HttpRequest, teams: Sequence[ActionTeam]) -> TopicFilter:
    """Return what the address asks for; 404 for what no link leads to."""
    state, slug = request.GET.get("state", ""), request.GET.get("team", "")
    # Compared here: PostgreSQL refuses a zero character in a query.
    team = next((team for team in teams if team.slug == slug), None)
    if (state and state not in SHOWN_STATES) or (slug and not team):
        raise Http404
    return TopicFilter(Topic.State(state) if state else None, team)


def _state_links(chosen: TopicFilter, numbers: Counter[str]) -> list[FilterLink]:
    """Return a link for each state that a topic is in, with how many of all are."""
    links = [
        FilterLink(state.label, chosen.url(state=state.value), state == chosen.state,
                   number=numbers[state])
        for state in SHOWN_STATES
        if numbers[state] or state == chosen.state
    ]  # fmt: skip
    every = FilterLink("All topics", chosen.url(state=""), not chosen.state)
    return [every, *links] if len(links) > 1 or chosen.state else []


def _team_links(
    chosen: TopicFilter, numbers: Counter[int], teams: Sequence[ActionTeam]
) -> list[FilterLink]:
    """Return a link for each focus area that has topics, with how many."""
    links = [
        FilterLink(
            team.name, chosen.url(team=team.slug), team == chosen.team, team.color, numbers[team.pk]
        )
        for team in teams
        if numbers[team.pk] or team == chosen.team
    ]
    every = FilterLink("All focus areas", chosen.url(team=""), not chosen.team)
    return [every, *links] if links else []


def _turn_page(chosen: TopicFilter, request: HttpRequest, topics: TopicQuerySet) -> Page[Topic]:
    """Return the page of `topics` that the address asks for, what is in focus first."""
    place = Case(
        *(When(state=state, then=Value(place)) for place, state in enumerate(LIST_ORDER)),
        default=Value(len(LIST_ORDER)),
    )
    listed = topics.select_related("team").with_support().order_by(place, "title", "pk")
    return Paginator(listed, TOPICS_PER_PAGE).get_page(request.GET.get("page"))


@login_not_required
@require_safe
def topic_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a topic with the steps that led to where it is, and those of its goals, meetings and
    resources that the reader may see; to a person for whom it does not exist, a 404."""
    person = request.user
    visible = Topic.objects.visible_to(person).select_related("team").with_support()
    topic = get_object_or_404(visible, slug=slug)
    support = _support_of(topic, person)
    context = {
        "topic": topic,
        "steps": _steps(topic, person),
        "goals": topic.goals.filter(pk__in=Goal.objects.visible_to(person)).select_related("team"),
        "meetings": topic.meetings.filter(
            pk__in=Meeting.objects.visible_to(person).order_by().values("pk")
        ).order_by("-starts_at"),
        "resources": topic.resources.filter(
            pk__in=Resource.objects.visible_to(person).order_by().values("pk")
        ).with_teams().newest_first(),
        "shows_support": bool(topic.shown_support)
        or (isinstance(person, Member) and person.is_staff),
        "desk_url": reverse("admin:teams_topic_change", args=[topic.pk])
        if isinstance(person, Member) and person.is_staff
        else "",
        **support,
    }  # fmt: skip
    return render(request, "teams/topic_detail.html", context)


def _steps(topic: Topic, person: Member | AnonymousUser) -> Iterable[TopicStep]:
    """Return the steps of `topic`, the newest first; draft teams are named to those alone who may
    know of them."""
    steps = list(topic.steps.select_related("team").order_by("-taken_at", "-pk"))
    if any(step.team and step.team.state == ActionTeam.State.DRAFT for step in steps):
        known = set(ActionTeam.objects.visible_to(person).values_list("pk", flat=True))
        for step in steps:
            if step.team_id not in known:
                step.team = None
    return steps


def _support_of(topic: Topic, person: Member | AnonymousUser) -> dict[str, object]:
    """Return for which organization `person` can say that `topic` matters, and whether it does
    already."""
    organization = supporting_organization(person)
    if organization is None:
        return {"organization": None, "is_supported": False}
    given = TopicSupport.objects.filter(topic=topic, organization=organization)
    return {"organization": organization, "is_supported": given.exists()}


@never_cache
@post_only("topic_detail")
def topic_support(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that the topic matters to the member's organization, or with `withdraw` that it no longer
    does; return to its page."""
    topic = get_object_or_404(Topic.objects.visible_to(request.user), slug=slug)
    member = request.user
    if not isinstance(member, Member):
        raise Http404
    try:
        if "withdraw" in request.POST:
            organization = take_back_support(topic, by=member)
            messages.success(request, f"Taken back: {topic} no longer counts for {organization}.")
        else:
            organization = support_topic(topic, by=member)
            messages.success(request, f"Thank you. {topic} matters to {organization}.")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(topic)


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def topic_propose(request: HttpRequest) -> HttpResponse:
    """Take a topic and why it matters; an account is not needed. A topic of this title that is
    public is named instead. `?title=` is what was searched for."""
    if request.method != "POST":
        email = request.user.email if isinstance(request.user, Member) else ""
        form = TopicForm(initial={"email": email, "title": request.GET.get("title", "")})
        return render(request, PROPOSE_TEMPLATE, {"form": form})
    form = TopicForm(request.POST)
    if not form.is_valid():
        return render(request, PROPOSE_TEMPLATE, {"form": form})
    entered = form.cleaned_data
    known = Topic.objects.public().filter(title__iexact=entered["title"]).first()
    if known:
        return render(request, PROPOSE_TEMPLATE, {"form": form, "known": known})
    try:
        with rate_limited(request, "topic"):
            propose_topic(entered["title"], entered["summary"], entered["email"])
    except TooManyRequestsError as refused:
        return too_many_requests(request, refused, PROPOSE_TEMPLATE, {"form": form})
    return redirect(reverse("topic_proposed") + ("?email=1" if entered["email"] else ""))


@login_not_required
@require_safe
def topic_proposed(request: HttpRequest) -> HttpResponse:
    """Say that the proposal arrived and what comes next; `?email=1`: an email tells of it."""
    return render(request, "teams/topic_proposed.html", {"by_email": "email" in request.GET})
