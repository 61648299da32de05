"""The way in: one form, one code, done."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.auth.email_codes import (
    JOIN,
    EmailVerification,
    is_proven,
    proven_address,
    sign_in,
    vouched,
)
from members.decorators import post_only
from members.forms import CodeForm
from members.models import Member, Organization
from members.normalize import normalize_organization_name
from members.services import Refused
from members.views import account_inactive
from teams.forms import JoinForm
from teams.models import ActionTeam, Membership
from teams.services import Outcome, complete_join


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """The join form. `?team=<slug>` ticks that team. What was sent before is still there.

    A right form sends a code to the address, known or not, and changes nothing else.
    """
    if isinstance(request.user, Member):
        return redirect("my_teams")
    teams = list(ActionTeam.objects.all())
    came_from = next((team for team in teams if team.slug == request.GET.get("team")), None)
    offered = [team for team in teams if not team.is_closed]
    form = JoinForm(
        request.POST or None,
        offered=offered,
        initial=_typed_before(request, came_from),
        is_vouched=bool(vouched(request)),
    )
    if request.method == "POST" and form.is_valid():
        email, journey = form.cleaned_data["email"], form.journey()
        if is_proven(request, email):
            return _complete(request, email, journey)
        EmailVerification.begin(request, JOIN, email, journey)
        return redirect("join_code")
    return render(
        request,
        "teams/join.html",
        {
            "form": form,
            "came_from": came_from,
            "proven": is_proven(request, form["email"].value() or ""),
            "closed_teams": [team for team in teams if team.is_closed],
            "organizations": Organization.objects.suggested(),
        },
    )


def _typed_before(request: HttpRequest, came_from: ActionTeam | None) -> dict[str, Any]:
    """What this browser has sent and not yet proven, or the address that it has proven."""
    proof = EmailVerification.resume(request, JOIN)
    typed = {**proof.journey, "email": proof.email} if proof else {}
    if proven := proven_address(request):
        typed["email"] = proven
    for field, known in vouched(request).items():
        typed.setdefault(field, known)
    if came_from and not came_from.is_closed:
        typed["teams"] = [*typed.get("teams", []), came_from.slug]
    return typed


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; the right one joins the teams and signs in."""
    proof = EmailVerification.resume(request, JOIN)
    if proof is None:
        return redirect("join")
    form = CodeForm(request.POST or None, proof=proof)
    if request.method == "POST" and form.is_valid():
        proof.finish()
        return _complete(request, proof.email, proof.journey)
    return render(request, "teams/join_code.html", {"form": form, "proof": proof})


@login_not_required
@post_only(otherwise="join_code")
def join_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    proof = EmailVerification.resume(request, JOIN)
    if proof is None:
        return redirect("join")
    proof.send()
    messages.success(request, f"We sent a new code to {proof.email}. Only the newest one works.")
    return redirect("join_code")


def _complete(request: HttpRequest, email: str, journey: dict[str, Any]) -> HttpResponse:
    """Apply what the form said for the proven address `email`, and sign in."""
    wanted = ActionTeam.objects.filter(slug__in=journey["teams"])
    try:
        member, outcomes = complete_join(
            email,
            full_name=journey["full_name"],
            job_title=journey["job_title"],
            organization=journey["organization"],
            team_ids=list(wanted.values_list("pk", flat=True)),
        )
    except Refused:
        return account_inactive(request)
    response = sign_in(request, member, "/join/done/")
    request.session["joined"] = [(told.team.pk, told.outcome.value) for told in outcomes]
    request.session["typed"] = {field: journey[field] for field in ("full_name", "organization")}
    return response


def _kept_instead(member: Member, typed: dict[str, str]) -> dict[str, str]:
    """What was typed and did not count, since the portal knew better: by field."""
    known = member.organization.name if member.organization else ""
    kept = {}
    named = Organization.objects.named(typed["organization"]).select_related("merged_into").first()
    canonical = named.canonical.name if named else typed["organization"]
    if normalize_organization_name(canonical) != normalize_organization_name(known):
        kept["organization"] = typed["organization"]
    if typed["full_name"].split() != member.full_name.split():
        kept["full_name"] = typed["full_name"]
    return kept


@never_cache
@require_safe
def join_done(request: HttpRequest) -> HttpResponse:
    """What became of the join, team by team, and what comes next. It can be read again."""
    told = request.session.get("joined")
    if not told:
        return redirect("my_teams")
    member = current_member(request)
    teams = ActionTeam.objects.in_bulk([team_id for team_id, _ in told])
    stays = {
        stay.team_id: stay
        for stay in Membership.objects.of(member).current().select_related("member__organization")
    }
    results = [
        {"team": teams[pk], "outcome": outcome, "membership": stays.get(pk)}
        for pk, outcome in told
        if pk in teams
    ]
    return render(
        request,
        "teams/join_done.html",
        {
            "member": member,
            "kept": _kept_instead(member, request.session["typed"]),
            "results": results,
            "joined": [row for row in results if row["outcome"] == Outcome.JOINED],
            "waiting": [row for row in results if row["outcome"] == Outcome.WAITING],
        },
    )
