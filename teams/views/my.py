"""What members see and do: their teams, teammates, data."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.decorators import post_only
from members.forms import ProfileForm
from members.models import Member, Organization
from members.services import Refused
from teams.models import ActionTeam, Membership
from teams.services import (
    Outcome,
    change_profile,
    close_account,
    join_teams,
    leave_team,
    personal_data,
    withdraw_request,
)


@never_cache
@require_safe
def my_teams(request: HttpRequest) -> HttpResponse:
    """My teams, what waits and for what, what is over, and what else I can join."""
    member = current_member(request)
    stays = list(Membership.objects.of(member))
    teams = {team.pk: team for team in ActionTeam.objects.all()}
    for stay in stays:
        stay.member, stay.team = member, teams[stay.team_id]  # known: no query for each row
    current = [stay for stay in stays if stay.status in Membership.CURRENT]
    newest = {stay.team_id: stay for stay in reversed(stays)}.values()
    declined = [stay for stay in newest if stay.status == Membership.Status.DECLINED]
    taken = {stay.team_id for stay in current}
    return render(
        request,
        "teams/my_teams.html",
        {
            "member": member,
            "active": [stay for stay in current if stay.is_active],
            "waiting": [stay for stay in current if stay.is_waiting],
            "declined": declined,
            "past": [stay for stay in stays if stay not in current and stay not in declined],
            "facilitated": member.facilitated_teams.all() if member.is_staff else [],
            "others": [row for row in teams.values() if not (row.is_closed or row.pk in taken)],
        },
    )


@post_only("team_detail")
def team_join(request: HttpRequest, slug: str) -> HttpResponse:
    """One press: join another team, nothing is asked again."""
    team = get_object_or_404(ActionTeam, slug=slug)
    member = current_member(request)
    if member.organization is None:
        messages.info(request, "Tell us first which organization you work for.")
        return redirect("my_profile")
    try:
        (told,) = join_teams(member, [team])
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect("my_teams")
    say = {
        Outcome.JOINED: f"You have joined {team}.",
        Outcome.WAITING: f"We have your request for {team}. Below you see what happens next.",
        Outcome.ALREADY_ACTIVE: f"You are a member of {team} already.",
        Outcome.ALREADY_WAITING: f"Your request for {team} waits already.",
        Outcome.CLOSED: f"{team} takes no new members now. Nothing was changed.",
    }
    messages.success(request, say[told.outcome])
    return redirect("my_teams")


@require_http_methods(["GET", "HEAD", "POST"])
def team_leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask once, then leave."""
    stay = _stay(request, slug)
    if request.method != "POST" and stay.is_active:
        return render(request, "teams/team_leave.html", {"membership": stay})
    try:
        leave_team(stay)
        messages.success(request, f"You have left {stay.team}. You can join again at any time.")
    except Refused as refused:
        messages.info(request, str(refused))
    return redirect("my_teams")


@post_only("team_detail")
def team_withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a request back."""
    stay = _stay(request, slug)
    try:
        withdraw_request(stay)
        messages.success(request, f"Your request for {stay.team} is withdrawn.")
    except Refused as refused:
        messages.info(request, str(refused))
    return redirect("my_teams")


def _stay(request: HttpRequest, slug: str) -> Membership:
    """The person's newest stay in the team; a team they never asked to join is a 404."""
    stays = (
        Membership.objects.of(current_member(request))
        .filter(team__slug=slug)
        .select_related("team")
    )
    stay = stays.order_by("-pk").first()
    if stay is None:
        raise Http404
    return stay


@never_cache
@require_safe
def team_roster(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is in the team, for its active members and its facilitators; others get a 404."""
    team = get_object_or_404(ActionTeam, slug=slug)
    if not team.roster_visible_to(current_member(request)):
        raise Http404
    members = (
        Member.objects.filter(memberships__in=Membership.objects.active().filter(team=team))
        .select_related("organization")
        .order_by("full_name", "pk")
    )
    return render(
        request,
        "teams/team_roster.html",
        {
            "team": team,
            "members": members,
            "facilitators": team.facilitators.select_related("organization"),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def my_profile(request: HttpRequest) -> HttpResponse:
    """Name, job title, what teammates see; the organization while it is unconfirmed."""
    member = current_member(request)
    form = ProfileForm(request.POST or None, member=member)
    if request.method == "POST" and form.is_valid():
        try:
            change_profile(member, **form.cleaned_data)
            messages.success(request, "Your details are saved.")
        except Refused as refused:
            messages.warning(request, str(refused))
        return redirect("my_teams")
    return render(
        request,
        "members/my_profile.html",
        {"form": form, "member": member, "organizations": Organization.objects.suggested()},
    )


@never_cache
@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """Where I get my data, and close my account."""
    return render(request, "teams/my_data.html", {"member": current_member(request)})


@never_cache
@require_safe
def my_data_download(request: HttpRequest) -> HttpResponse:
    """Everything about me, as a JSON file."""
    response = JsonResponse(
        personal_data(current_member(request)),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
    )
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def my_account_close(request: HttpRequest) -> HttpResponse:
    """Say what closing means, then close."""
    member = current_member(request)
    if request.method == "POST":
        try:
            close_account(member)
        except Refused as refused:
            messages.warning(request, str(refused))
            return redirect("my_data")
        logout(request)
        messages.success(request, "Your account is closed and your details are erased.")
        return redirect("home")
    current = Membership.objects.of(member).current().select_related("team")
    return render(request, "teams/my_account_close.html", {"current": current})
