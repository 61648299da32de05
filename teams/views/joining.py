"""The way in: one form, one code, done; one more page where the address shows no employer."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.account_pages import account_inactive
from members.auth.backends import current_member
from members.auth.email_codes import (
    EmailVerification,
    Purpose,
    details_from_provider,
    is_verified,
    sign_in,
    verified_email_of,
)
from members.auth.rate_limits import TooManyRequestsError, too_many_requests
from members.decorators import post_only
from members.email_domains import email_domain, is_mailbox_provider
from members.forms import EmployerForm
from members.models import Member, Organization
from members.normalize import normalize_organization_name
from members.services import EmployerUnknownError, Refused
from members.views import after_second_press, code_page, send_new_code, send_to_suggestion
from members.wording import end_sentence
from teams.forms import JoinForm
from teams.models import ActionTeam, Invitation, Membership
from teams.services import Outcome, complete_join
from teams.services.my_meetings import MyMeeting, my_meetings

# In the session: the form whose address is verified, while the employer is asked for.
PENDING_JOIN_SESSION_KEY = "pending_join"
OLD_INVITATION = "This invitation no longer works: it was used, was cancelled or has expired."


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """The join form. `?team=<slug>` ticks that team; with `?invitation=<token>` it is for the
    invited address, and teams are optional. What was sent before is still there.

    A valid form sends a code to the address, known or not, and changes nothing else.
    """
    token = request.GET.get("invitation", "")
    invitation = Invitation.objects.of_staff().with_token(token) if token else None
    if isinstance(request.user, Member) and not invitation:
        if token:
            messages.info(request, OLD_INVITATION)
        return redirect("my_teams")
    return _join_page(
        request, invitation=invitation, has_old_invitation=bool(token) and invitation is None
    )


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """The join form, filled in as a colleague has invited; it proves nothing, and all of it can be
    changed. The plain form if the invitation no longer works. A member joins on My teams."""
    invitation = Invitation.objects.of_colleagues().with_token(token)
    if isinstance(request.user, Member):
        words = _invitation_to_member(invitation) if invitation else OLD_INVITATION
        messages.info(request, words)
        return redirect("my_teams")
    return _join_page(request, colleague=invitation, has_old_invitation=invitation is None)


def _invitation_to_member(invitation: Invitation) -> str:
    teams = end_sentence(invitation.team_names)
    return f"{invitation.inviter_name} invites you to {teams} Join with one press."


def _join_page(
    request: HttpRequest,
    *,
    invitation: Invitation | None = None,
    colleague: Invitation | None = None,
    has_old_invitation: bool = False,
) -> HttpResponse:
    """Show the join form, or take it. `invitation` is one of staff, and `colleague` that of a
    colleague."""
    teams = list(ActionTeam.objects.public())
    came_from = next((team for team in teams if team.slug == request.GET.get("team")), None)
    initial = _initial(request, came_from)
    if invitation:
        initial["email"] = invitation.email
    elif colleague:
        initial = _filled_in_by(colleague, request, initial)
    form = JoinForm(
        request.POST or None,
        open_teams=[team for team in teams if not team.is_closed],
        initial=initial,
        has_verified_email=bool(details_from_provider(request)) and not invitation,
        is_invited=invitation is not None,
    )
    context = {
        "form": form,
        "came_from": came_from,
        "invitation": invitation,
        "colleague": colleague,
        "has_old_invitation": has_old_invitation,
        "is_verified": is_verified(request, form["email"].value() or ""),
        "closed_teams": [team for team in teams if team.is_closed],
    }
    if request.method == "POST" and form.is_valid():
        email, pending_form = form.cleaned_data["email"], _pending_form(request, form, colleague)
        if is_verified(request, email):
            return apply_join_form(request, email, pending_form)
        try:
            EmailVerification.begin(request, Purpose.JOIN, email, pending_form)
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/join.html", context)
        return redirect("join_code")
    return render(request, "teams/join.html", context)


def _initial(request: HttpRequest, came_from: ActionTeam | None) -> dict[str, Any]:
    """Return what the form begins with: what this browser has sent before, the address that was
    verified or checked in it, and the team whose page led here."""
    initial = _sent_before(request)
    if email := verified_email_of(request) or request.GET.get("email"):
        initial["email"] = email
    initial = details_from_provider(request) | initial
    if came_from and not came_from.is_closed:
        initial["teams"] = [*initial.get("teams", []), came_from.slug]
    return initial


def _filled_in_by(
    colleague: Invitation, request: HttpRequest, initial: dict[str, Any]
) -> dict[str, Any]:
    """Return what the form of an invited person begins with: the address and the teams of the
    invitation, but for an address that a sign-in service has verified, and what this browser has
    sent of the same form before."""
    if _sent_before(request).get("invitation") == colleague.pk:
        return initial
    filled_in: dict[str, Any] = {
        "teams": [team.slug for team in colleague.teams.all() if not team.is_closed]
    }
    if not details_from_provider(request):
        filled_in["email"] = colleague.email
    return initial | filled_in


def _sent_before(request: HttpRequest) -> dict[str, Any]:
    """Return what this browser has sent and what is not applied yet, with the address."""
    if verification := EmailVerification.resume(request, Purpose.JOIN):
        return {**verification.pending_form, "email": verification.email}
    pending = _pending_join(request)
    return {**pending["form"], "email": pending["email"]} if pending else {}


def _pending_form(
    request: HttpRequest, form: JoinForm, colleague: Invitation | None
) -> dict[str, Any]:
    """Return what the valid `form` says, without the address, as a session can keep it; with the
    employer, if that was named before, and the invitation of a colleague that led here."""
    names = ("full_name", "job_title")
    values: dict[str, Any] = {name: form.cleaned_data[name] for name in names}
    # Not asked where no team is by approval.
    values["reason"] = form.cleaned_data.get("reason", "")
    before = _sent_before(request)
    values["organization"] = before.get("organization", "")
    values["invitation"] = colleague.pk if colleague else before.get("invitation")
    values["teams"] = [team.slug for team in form.cleaned_data["teams"]]
    return values


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; the right one joins the teams and signs in, or leads to one more page."""
    verification = EmailVerification.resume(request, Purpose.JOIN)
    if verification is None:
        if _pending_join(request):
            return redirect("join_organization")
        is_member = isinstance(request.user, Member)
        return after_second_press(request, "join_done" if is_member else "join")
    return code_page(
        request,
        verification,
        "teams/join_code.html",
        accept=partial(apply_join_form, request, verification.email, verification.pending_form),
        already_used="join_code",
    )


@login_not_required
@post_only("join_code")
def join_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    return send_new_code(request, Purpose.JOIN, "join", "join_code")


@login_not_required
@post_only("join_code")
def join_code_correct(request: HttpRequest) -> HttpResponse:
    """Send a code to the address that was probably meant instead; nothing else changes."""
    return send_to_suggestion(request, Purpose.JOIN, "join", "join_code")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join_organization(request: HttpRequest) -> HttpResponse:
    """Ask where a person works whose verified address does not show it; the answer joins."""
    pending = _pending_join(request)
    if pending is None:
        return redirect("my_teams" if isinstance(request.user, Member) else "join")
    email, named = pending["email"], pending["form"]["organization"]
    named = named or details_from_provider(request).get("organization", "")
    form = EmployerForm(request.POST or None, initial={"organization": named})
    context = {
        "form": form,
        "email": email,
        "domain": email_domain(email),
        "is_personal": is_mailbox_provider(email_domain(email)),
        "declined": _declined_employer(email),
        "organizations": Organization.objects.suggested(),
    }
    if request.method == "POST" and form.is_valid():
        pending["form"] |= form.cleaned_data
        if isinstance(request.user, Member) or is_verified(request, email):
            return apply_join_form(request, email, pending["form"])
        # Too long ago: the address is verified again, and nothing is asked twice.
        try:
            EmailVerification.begin(request, Purpose.JOIN, email, pending["form"])
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/join_organization.html", context)
        return redirect("join_code")
    return render(request, "teams/join_organization.html", context)


def _pending_join(request: HttpRequest) -> dict[str, Any] | None:
    """Return the form that waits for the employer, with its verified address, or None. Not that of
    another person than the one who is signed in."""
    pending: dict[str, Any] | None = request.session.get(PENDING_JOIN_SESSION_KEY)
    if pending and isinstance(request.user, Member) and pending["email"] != request.user.email:
        return None
    return pending


def _ask_for_employer(
    request: HttpRequest, email: str, pending_form: dict[str, Any]
) -> HttpResponse:
    """Keep `pending_form` of the verified address `email`, and return the redirect to the page
    that asks where the person works."""
    request.session[PENDING_JOIN_SESSION_KEY] = {"email": email, "form": pending_form}
    # Now, in the transaction that uses up the code: a process that is killed loses both or none.
    request.session.save()
    return redirect("join_organization")


def _declined_employer(email: str) -> Organization | None:
    """Return the organization of the account of `email`, which is verified, if it was declined."""
    member = Member.objects.account_of(email)
    employer = member.organization if member else None
    return employer if employer and employer.is_declined else None


def apply_join_form(request: HttpRequest, email: str, pending_form: dict[str, Any]) -> HttpResponse:
    """Apply `pending_form` for the verified address `email`, and sign in; where nothing shows who
    employs the person, ask first."""
    # They were public when the form was sent; one that is a draft now is closed, and said to be.
    teams = ActionTeam.objects.filter(slug__in=pending_form["teams"])
    try:
        member, outcomes = complete_join(
            email,
            full_name=pending_form["full_name"],
            job_title=pending_form["job_title"],
            organization=pending_form["organization"],
            reason=pending_form["reason"],
            team_ids=list(teams.values_list("pk", flat=True)),
            # Not in what was sent to an earlier version, or on a page without a form.
            invitation=pending_form.get("invitation"),
        )
    except EmployerUnknownError:
        return _ask_for_employer(request, email, pending_form)
    except Refused:
        return account_inactive(request, Member.objects.account_of(email))
    request.session.pop(PENDING_JOIN_SESSION_KEY, None)
    # Without a team, it was an invitation that was accepted.
    next_url = reverse("join_done" if outcomes or not member.is_staff else "admin:index")
    if request.user == member:
        response: HttpResponse = redirect(next_url)
    else:
        response = sign_in(request, member, next_url)
    request.session["join_result"] = {
        "outcomes": [(each.team.pk, each.outcome.value) for each in outcomes],
        "entered": {name: pending_form[name] for name in ("full_name", "organization")},
    }
    return response


def _overridden(member: Member, entered: dict[str, str]) -> dict[str, str]:
    """Return what was entered and not used, since the account has another value: by field."""
    overridden = {}
    stored_name = member.organization.name if member.organization else ""
    named = Organization.objects.named(entered["organization"]).select_related("merged_into")
    organization = named.first()
    entered_name = organization.canonical.name if organization else entered["organization"]
    is_other = normalize_organization_name(entered_name) != normalize_organization_name(stored_name)
    if entered["organization"] and is_other:
        overridden["organization"] = entered["organization"]
    if entered["full_name"].split() != member.full_name.split():
        overridden["full_name"] = entered["full_name"]
    return overridden


@require_safe
def join_done(request: HttpRequest) -> HttpResponse:
    """What became of the join, team by team, and what comes next. It can be read again."""
    join_result = request.session.get("join_result")
    if not join_result:
        return redirect("my_teams")
    member = current_member(request)
    outcomes = join_result["outcomes"]
    teams = ActionTeam.objects.in_bulk([team_id for team_id, _ in outcomes])
    current = Membership.objects.of(member).current().select_related("member__organization")
    memberships = {membership.team_id: membership for membership in current}
    results = [
        {"team": teams[pk], "outcome": outcome, "membership": memberships.get(pk)}
        for pk, outcome in outcomes
        if pk in teams
    ]
    joined = [each for each in results if each["outcome"] == Outcome.JOINED]
    return render(
        request,
        "teams/join_done.html",
        {
            "member": member,
            # The page can be read again after leaving.
            "first_meeting": _first_meeting(
                member,
                [each["team"].pk for each in joined if _is_active(each["membership"])],
            ),
            "overridden": _overridden(member, join_result["entered"]),
            "results": results,
            "joined": joined,
            "waiting": [each for each in results if each["outcome"] == Outcome.WAITING],
        },
    )


def _is_active(membership: Membership | None) -> bool:
    return membership is not None and membership.is_active


def _first_meeting(member: Member, keys: Sequence[int]) -> MyMeeting | None:
    """Return the next meeting of the teams with these keys, in which `member` is active."""
    meetings = my_meetings(member, keys)
    return next((each for each in meetings if not each.meeting.is_cancelled), None)
