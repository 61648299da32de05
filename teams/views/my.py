"""What members see and do: their teams, teammates and data."""

from collections.abc import Sequence
from functools import partial

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.decorators import post_only
from members.forms import ProfileForm
from members.models import Member, Organization
from members.services import Refused, bounce_to_show, settle_own_bounces
from members.wording import end_sentence
from teams.forms import JoinTeamForm
from teams.models import ActionTeam, GoalUpdate, Membership
from teams.public_teams import public_teams
from teams.services import (
    Outcome,
    change_profile,
    close_account,
    join_teams,
    leave_team,
    personal_data,
    withdraw_request,
)
from teams.services.my_announcements import announcements_for, newest_of_team
from teams.services.my_meetings import my_meetings, next_by_team
from teams.views.data_file import NAME, data_archive
from teams.views.joining import apply_join_form

NEWS_SHOWN = 3
# Of those that wait for an answer, and of the others.
MEETINGS_SHOWN = 5
JOIN_MESSAGES = {
    Outcome.JOINED: "You have joined {team}.",
    Outcome.WAITING: "We have your request for {team}. Below you see what happens next.",
    Outcome.ALREADY_ACTIVE: "You are a member of {team} already.",
    Outcome.ALREADY_WAITING: "Your request for {team} waits already.",
    Outcome.CLOSED: "{team} is not taking new members right now. Nothing was changed.",
}


@require_safe
def my_teams(request: HttpRequest) -> HttpResponse:
    """Show my next meetings, my teams, requests and what they wait for, what is over, what else I
    can join, and what happened in my teams."""
    member = current_member(request)
    memberships = list(Membership.objects.of(member))
    teams = {team.pk: team for team in public_teams()}
    if any(membership.team_id not in teams for membership in memberships):
        # One of them is a draft.
        teams = {team.pk: team for team in ActionTeam.objects.all()}
    for membership in memberships:
        # Known already: without this, each would be queried.
        membership.member, membership.team = member, teams[membership.team_id]
    by_team = {each.team_id: each for each in memberships if each.status in Membership.CURRENT}
    # In the order of the teams, as on every other page.
    current = [by_team[pk] for pk in teams if pk in by_team]
    active = [membership for membership in current if membership.is_active]
    facilitated = list(member.facilitated_teams.all()) if member.is_staff else []
    keys = {*(each.team_id for each in active), *(team.pk for team in facilitated)}
    meetings = my_meetings(member, keys, teams.values())
    meeting_of = next_by_team(meetings, keys)
    declined = _last_declined(memberships)
    return render(
        request,
        "teams/my_teams.html",
        {
            "member": member,
            "bounce": bounce_to_show(member),
            "active": active,
            "active_with_meetings": [(each, meeting_of.get(each.team_id)) for each in active],
            "unanswered": [each for each in meetings if each.waits_for_answer][:MEETINGS_SHOWN],
            "meetings": [each for each in meetings if not each.waits_for_answer][:MEETINGS_SHOWN],
            "next_meeting": next(
                (each.meeting for each in meetings if not each.meeting.is_cancelled), None
            ),
            "waiting": [membership for membership in current if membership.is_waiting],
            "declined": declined,
            "past": [each for each in memberships if each not in current and each not in declined],
            "facilitated": facilitated,
            "announcements": announcements_for(member, keys),
            "other_teams": [
                team for team in teams.values() if not team.is_closed and team.pk not in by_team
            ],
            # The same for all members of the same teams, so the template keeps it for a second.
            "news_of": sorted(membership.team_id for membership in active),
            "get_news": partial(_news, [membership.team for membership in active]),
        },
    )


def _news(teams: Sequence[ActionTeam]) -> list[GoalUpdate]:
    """Return what was last reported about the goals of `teams`, newest first."""
    if not teams:
        return []
    by_key = {team.pk: team for team in teams}
    updates = list(
        GoalUpdate.objects.filter(goal__team__in=by_key).select_related("goal")[:NEWS_SHOWN]
    )
    for update in updates:
        # Known already: without this, each would be queried.
        update.goal.team = by_key[update.goal.team_id]
    return updates


def _last_declined(memberships: Sequence[Membership]) -> list[Membership]:
    """Return the declined requests after which nothing happened in the team. `memberships` begin
    with the newest."""
    newest = {membership.team_id: membership for membership in reversed(memberships)}
    return [each for each in newest.values() if each.status == Membership.Status.DECLINED]


@post_only("my_teams", with_args=False)
def my_address_works(request: HttpRequest) -> HttpResponse:
    """Say that emails to my address arrive, although some came back."""
    member = current_member(request)
    settle_own_bounces(member)
    messages.success(request, f"Thank you. We will send emails to {member.email} again.")
    return redirect("my_teams")


@post_only("team_detail")
def team_join(request: HttpRequest, slug: str) -> HttpResponse:
    """Join another team, or request it with a reason if one is given, with one click: nothing is
    asked again."""
    member = current_member(request)
    team = get_object_or_404(ActionTeam.objects.visible_to(member), slug=slug)
    form = JoinTeamForm(request.POST)
    if not form.is_valid():
        return render(request, "teams/team_join.html", {"team": team, "form": form})
    reason = form.cleaned_data["reason"]
    if member.organization is None:
        entered = {"full_name": member.full_name, "job_title": member.job_title, "reason": reason}
        pending_form = {**entered, "organization": "", "teams": [team.slug]}
        return apply_join_form(request, member.email, pending_form)
    try:
        (result,) = join_teams(member, [team], reason=reason)
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, JOIN_MESSAGES[result.outcome].format(team=team))
    return redirect("my_teams")


@require_http_methods(["GET", "HEAD", "POST"])
def team_leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask once, then leave."""
    membership = _newest_membership(request, slug)
    if request.method != "POST" and membership.is_active:
        return render(request, "teams/team_leave.html", {"membership": membership})
    try:
        leave_team(membership)
    except Refused as refused:
        messages.info(request, str(refused))
    else:
        team = membership.team
        messages.success(
            request, f"You have left {end_sentence(team)} You can join again at any time."
        )
    return redirect("my_teams")


@post_only("team_detail")
def team_withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Withdraw a request."""
    membership = _newest_membership(request, slug)
    try:
        withdraw_request(membership)
    except Refused as refused:
        messages.info(request, str(refused))
    else:
        messages.success(request, f"Your request for {membership.team} is withdrawn.")
    return redirect("my_teams")


def _newest_membership(request: HttpRequest, slug: str) -> Membership:
    """Return the member's newest membership or request in the team; without any it is a 404."""
    memberships = Membership.objects.of(current_member(request)).filter(team__slug=slug)
    newest = memberships.select_related("team").order_by("-pk").first()
    if newest is None:
        raise Http404
    return newest


@require_safe
def team_roster(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who is in the team to its active members and its facilitators; others get a 404."""
    team = get_object_or_404(ActionTeam, slug=slug)
    member = current_member(request)
    if not team.roster_visible_to(member):
        raise Http404
    active = Membership.objects.active().filter(team=team)
    members = Member.objects.filter(memberships__in=active).order_by("full_name", "pk")
    facilitators = list(team.facilitators.select_related("organization"))
    return render(
        request,
        "teams/team_roster.html",
        {
            "team": team,
            "members": members.select_related("organization"),
            "facilitators": facilitators,
            "can_write": member.is_staff and (member.is_superuser or member in facilitators),
            "announcements": newest_of_team(team),
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


@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """Show where I get my data, and close my account."""
    return render(request, "teams/my_data.html")


@require_safe
def my_data_download(request: HttpRequest) -> HttpResponse:
    """Return everything about me: a page to read and a file for programs, in one ZIP."""
    archive = data_archive(request, personal_data(current_member(request)))
    response = HttpResponse(archive, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{NAME}.zip"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def my_account_close(request: HttpRequest) -> HttpResponse:
    """Say what closing means, then close the account."""
    member = current_member(request)
    if request.method != "POST":
        current = Membership.objects.of(member).current().select_related("team")
        return render(request, "teams/my_account_close.html", {"current": current})
    try:
        close_account(member)
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect("my_data")
    logout(request)
    messages.success(request, "Your account is closed and your details are erased.")
    return redirect("home")
