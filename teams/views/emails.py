"""Which emails of their teams members get: their page, and the link of an email."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from members.auth.backends import current_member
from members.services import Refused, bounce_to_show
from teams.forms import EmailChoicesForm
from teams.models import ActionTeam, Membership
from teams.services.email_choices import (
    OFFERED,
    Wants,
    choices_of,
    choose_emails,
    stop_all_emails,
    stop_link,
)

# What an email program sends when its user presses "Unsubscribe" in it (RFC 8058, 3.1).
ONE_CLICK = ("List-Unsubscribe", "One-Click")
STOPPED_ALL = "You no longer get emails from your teams. You can turn some back on below."


@require_http_methods(["GET", "HEAD", "POST"])
def my_emails(request: HttpRequest) -> HttpResponse:
    """Show which emails I get from my teams, and store what I choose, or that I want none."""
    member = current_member(request)
    active = Membership.objects.of(member).active()
    teams = list(ActionTeam.objects.filter(memberships__in=active))
    stops_all = "stop_all" in request.POST
    form = EmailChoicesForm(
        None if stops_all else request.POST or None,
        teams=teams,
        offered=OFFERED,
        chosen=choices_of(member),
    )
    if teams and (stops_all or form.is_valid()):
        try:
            if stops_all:
                stop_all_emails(member, teams)
            else:
                choose_emails(member, form.choices)
        except Refused as refused:
            messages.warning(request, str(refused))
        else:
            messages.success(request, STOPPED_ALL if stops_all else "Your choices are saved.")
        return redirect("my_emails")
    context = {"form": form, "member": member, "teams": teams, "bounce": bounce_to_show(member)}
    return render(request, "teams/my_emails.html", context)


@never_cache
@login_not_required
# The link itself proves what it may do, and mail programs have no cookie of ours.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop_emails(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link in an email stops, and stop it, or undo that, with a press. Email
    scanners open links, so opening it changes nothing; an email program that posts stops it."""
    link = stop_link(token)
    if link is None:
        return render(request, "teams/stop_emails_unknown.html", status=404)
    is_one_click = request.POST.get(ONE_CLICK[0]) == ONE_CLICK[1]
    wants = Wants.NONE if is_one_click else request.POST.get("wants", "")
    is_offered = wants in link.offered
    if request.method == "POST" and is_offered:
        link.choose(wants)
        if is_one_click:
            return HttpResponse("You no longer get these emails.\n", content_type="text/plain")
        return redirect("stop_emails", token=token)
    context = {"link": link, "is_refused": request.method == "POST"}
    status = 400 if context["is_refused"] else 200
    return render(request, "teams/stop_emails.html", context, status=status)
