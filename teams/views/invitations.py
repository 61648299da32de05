"""Members invite colleagues; people who do not want that say so."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from members.auth.backends import current_member
from members.auth.rate_limits import TooManyRequestsError, count_or_raise, too_many_requests
from members.decorators import post_only
from members.models import Member
from members.services import Refused
from teams.forms import InviteForm
from teams.models import ActionTeam, Invitation, team_keys
from teams.services.colleague_invitations import (
    cancel_colleague_invitation,
    invitations_of,
    invite_colleague,
    resend_invitation,
    typos_in,
)
from teams.services.invitation_emails import may_invite
from teams.services.invitation_refusals import (
    allow_invitations,
    has_refused,
    hash_in,
    refuse_invitations,
)
from teams.views.emails import ONE_CLICK


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def my_invite(request: HttpRequest) -> HttpResponse:
    """Show the form that invites a colleague with the invitations that I have sent, and send one.
    `?team=<slug>` ticks that team alone; else my own are ticked."""
    member = current_member(request)
    form = _invite_form(request, member)
    context = {
        "form": form,
        "member": member,
        "may_invite": may_invite(member),
        "invitations": list(invitations_of(member).prefetch_related("teams")),
    }
    if request.method == "POST" and context["may_invite"] and _is_valid_and_right(form):
        try:
            count_or_raise(request, "invite")
            invite_colleague(
                form.cleaned_data["email"],
                list(form.cleaned_data["teams"]),
                form.cleaned_data["note"],
                by=member,
            )
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/my_invite.html", context)
        except Refused as refused:
            form.add_error("email", str(refused))
        else:
            email = form.cleaned_data["email"]
            messages.success(request, f"Invited: {email}.")
            return redirect("my_invite")
    return render(request, "teams/my_invite.html", context)


def _is_valid_and_right(form: InviteForm) -> bool:
    """Return whether `form` can be sent. Asks once about an address that is probably a typo."""
    if not form.is_valid():
        return False
    address = form.cleaned_data["email"]
    if doubt := typos_in([address]).get(address):
        form.ask_about(doubt)
    return form.is_valid()


def _invite_form(request: HttpRequest, member: Member) -> InviteForm:
    teams = [team for team in ActionTeam.objects.public() if not team.is_closed]
    own = set(team_keys(member))
    ticked = [team.slug for team in teams if team.slug == request.GET.get("team")]
    initial = ticked or [team.slug for team in teams if team.pk in own]
    return InviteForm(request.POST or None, open_teams=teams, initial={"teams": initial})


@post_only("my_invite", with_args=False)
def my_invite_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one of my invitations again."""
    count_or_raise(request, "invite")
    return _change(request, pk, resend_invitation, "Invited again: {}.")


@post_only("my_invite", with_args=False)
def my_invite_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel one of my invitations: its link leads to the ordinary form from now on."""
    return _change(request, pk, cancel_colleague_invitation, "The invitation to {} is cancelled.")


def _change(
    request: HttpRequest, pk: int, change: Callable[..., None], message: str
) -> HttpResponse:
    """Change one of my own invitations; others are a 404."""
    member = current_member(request)
    invitation = get_object_or_404(Invitation.objects.sent_by(member), pk=pk)
    try:
        change(invitation, by=member)
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, message.format(invitation.email))
    return redirect("my_invite")


@never_cache
@login_not_required
# The link itself proves what it may do, and mail programs have no cookie of ours.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_refuse(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link in an invitation stops, and stop it, or allow it again, with a press.
    Email scanners open links, so opening it changes nothing; an email program that posts stops."""
    address_hash = hash_in(token)
    if address_hash is None:
        return render(request, "teams/invitation_refuse_unknown.html", status=404)
    is_one_click = request.POST.get(ONE_CLICK[0]) == ONE_CLICK[1]
    choice = "stop" if is_one_click else request.POST.get("invitations", "")
    if request.method == "POST" and choice in {"stop", "allow"}:
        (refuse_invitations if choice == "stop" else allow_invitations)(address_hash)
        if is_one_click:
            return HttpResponse("You will not be invited again.\n", content_type="text/plain")
        return redirect("invitation_refuse", token=token)
    is_unclear = request.method == "POST"
    context = {"has_refused": has_refused(address_hash), "is_unclear": is_unclear}
    status = 400 if is_unclear else 200
    return render(request, "teams/invitation_refuse.html", context, status=status)
