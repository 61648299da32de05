"""Moving to another work address: by a code, from the sign-in page, and objecting to it."""

from collections.abc import Sequence
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.auth.email_codes import (
    VERIFIED_EMAIL_SESSION_KEY,
    EmailVerification,
    Purpose,
    is_verified,
    verified_email_of,
)
from members.auth.rate_limits import TooManyRequestsError, count_or_raise, too_many_requests
from members.auth.staff_second_factor import second_factor_redirect
from members.decorators import post_only
from members.forms import EmployerForm
from members.models import Member, Move, Organization
from members.services import Refused
from members.views import code_page, send_new_code, send_to_suggestion
from teams.forms import MoveForm, MoveRequestForm
from teams.models import Membership
from teams.services import move_member, object_to_move, preview_move, request_move

OTHER_ADDRESS = "You have since entered a code for this address. Nothing has changed yet."
HALF_AN_HOUR_OVER = "Enter the new address again. A code that you entered counts for half an hour."


def _missing_second_factor(request: HttpRequest, member: Member) -> HttpResponse | None:
    """Return the redirect to the second factor without which staff do not move."""
    return (
        second_factor_redirect(request, after_form=reverse("my_move")) if member.is_staff else None
    )


@require_http_methods(["GET", "HEAD", "POST"])
def my_move(request: HttpRequest) -> HttpResponse:
    """Ask for the new address and send it a code; the response is the same for every address."""
    member = current_member(request)
    if missing := _missing_second_factor(request, member):
        return missing
    verification = EmailVerification.resume(request, Purpose.MOVE)
    initial = {"email": verification.email if verification else ""}
    form = MoveForm(request.POST or None, initial=initial, member=member)
    context = {"form": form, "member": member}
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if is_verified(request, email):
            return redirect("my_move_confirm")
        try:
            EmailVerification.begin(request, Purpose.MOVE, email, {})
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/my_move.html", context)
        return redirect("my_move_code")
    return render(request, "teams/my_move.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def my_move_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; the right one leads to what follows from the move."""
    current_member(request)
    verification = EmailVerification.resume(request, Purpose.MOVE)
    if verification is None:
        return redirect("my_move_confirm" if verified_email_of(request) else "my_move")
    return code_page(
        request,
        verification,
        "teams/my_move_code.html",
        accept=partial(redirect, "my_move_confirm"),
        already_used="my_move_confirm",
    )


@post_only("my_move_code")
def my_move_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    return send_new_code(request, Purpose.MOVE, "my_move", "my_move_code")


@post_only("my_move_code")
def my_move_code_correct(request: HttpRequest) -> HttpResponse:
    """Send a code to the address that was probably meant instead."""
    return send_to_suggestion(request, Purpose.MOVE, "my_move", "my_move_code")


@require_http_methods(["GET", "HEAD", "POST"])
def my_move_confirm(request: HttpRequest) -> HttpResponse:
    """Say what follows from moving to the address that was just proven, and ask for the employer
    where it shows none; then move."""
    member = current_member(request)
    if missing := _missing_second_factor(request, member):
        return missing
    email = verified_email_of(request)
    if email == member.email or (not email and request.method == "POST"):
        messages.info(request, f"Your address is {member.email}. Nothing more was changed.")
        return redirect("my_teams")
    if not email:
        messages.info(request, HALF_AN_HOUR_OVER)
        return redirect("my_move")
    if request.method == "POST" and request.POST.get("email") != email:
        messages.warning(request, OTHER_ADDRESS)
        return redirect("my_move_confirm")
    if Member.objects.account_of(email) not in {None, member}:
        context = {"email": email, "member": member}
        return render(request, "teams/move_taken.html", context, status=409)
    preview = preview_move(member, email)
    form = EmployerForm(request.POST or None)
    if request.method == "POST" and (form.is_valid() or not preview.asks_employer):
        organization_name = form.cleaned_data["organization"] if preview.asks_employer else ""
        try:
            memberships = move_member(
                member,
                email,
                organization_name=organization_name,
                session_key=str(request.session.session_key),
            )
        except Refused as refused:
            messages.warning(request, str(refused))
            return redirect("my_teams")
        request.session.pop(VERIFIED_EMAIL_SESSION_KEY, None)
        messages.success(request, _moved_message(email, memberships))
        return redirect("my_teams")
    context = {
        "form": form,
        "member": member,
        "email": email,
        "preview": preview,
        "organizations": Organization.objects.suggested(),
    }
    return render(request, "teams/my_move_confirm.html", context)


def _moved_message(email: str, memberships: Sequence[Membership]) -> str:
    message = f"You have moved. Sign in with {email} from now on."
    if any(membership.is_waiting for membership in memberships):
        return f"{message} See below what is waiting."
    if not memberships:
        return message
    return f"{message} {'Your team stays' if len(memberships) == 1 else 'Your teams stay'}."


# Without the old mailbox -------------------------------------------------------------------


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_recover(request: HttpRequest) -> HttpResponse:
    """Ask for the old address and a new one, and send the new one a code; the response is the same
    for every address."""
    if isinstance(request.user, Member):
        return redirect("my_move")
    verification = EmailVerification.resume(request, Purpose.RECOVER)
    initial = {}
    if verification:
        initial = {**verification.pending_form, "email": verification.email}
    form = MoveRequestForm(request.POST or None, initial=initial)
    context = {"form": form, "organizations": Organization.objects.suggested()}
    if request.method == "POST" and form.is_valid():
        pending_form = {**form.cleaned_data}
        email = pending_form.pop("email")
        try:
            EmailVerification.begin(request, Purpose.RECOVER, email, pending_form)
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/account_recover.html", context)
        return redirect("account_recover_code")
    return render(request, "teams/account_recover.html", context)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_recover_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; the right one brings the request to the desk."""
    verification = EmailVerification.resume(request, Purpose.RECOVER)
    if verification is None:
        return redirect("account_recover_done")
    return code_page(
        request,
        verification,
        "teams/account_recover_code.html",
        accept=partial(_request_move, request, verification),
        already_used="account_recover_done",
    )


def _request_move(request: HttpRequest, verification: EmailVerification) -> HttpResponse:
    """Pass on what was asked for with the address that was just proven. Raises
    TooManyRequestsError."""
    count_or_raise(request, "recover")
    if Member.objects.account_of(verification.email):
        context = {"email": verification.email, "member": None}
        return render(request, "teams/move_taken.html", context, status=409)
    entered = verification.pending_form
    request_move(
        entered["old_email"],
        verification.email,
        full_name=entered["full_name"],
        organization_name=entered["organization"],
        note=entered["note"],
    )
    return redirect("account_recover_done")


@login_not_required
@post_only("account_recover_code")
def account_recover_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    return send_new_code(request, Purpose.RECOVER, "account_recover", "account_recover_code")


@login_not_required
@post_only("account_recover_code")
def account_recover_code_correct(request: HttpRequest) -> HttpResponse:
    """Send a code to the address that was probably meant instead."""
    return send_to_suggestion(request, Purpose.RECOVER, "account_recover", "account_recover_code")


@login_not_required
@require_safe
def account_recover_done(request: HttpRequest) -> HttpResponse:
    """Say what happens now, whether the old address has an account or not."""
    return render(request, "teams/account_recover_done.html", {"email": verified_email_of(request)})


# What the former address can do ------------------------------------------------------------


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def move_objection(request: HttpRequest, token: str) -> HttpResponse:
    """Say what objecting to a move does, then put the account on hold. Mail scanners open the link
    in the email to the old address, so opening it changes nothing."""
    move = Move.objects.of_token(token)
    if move is None:
        raise Http404
    if request.method == "POST":
        object_to_move(move)
        return redirect("move_objection", token=token)
    return render(request, "teams/move_objection.html", {"move": move})
