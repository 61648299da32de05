"""Visitors who come to a public meeting: name, address and a code, as in joining."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.account_pages import account_inactive
from members.auth.email_codes import (
    EmailVerification,
    Purpose,
    is_verified,
    verified_email_of,
)
from members.auth.rate_limits import TooManyRequestsError, too_many_requests
from members.decorators import post_only
from members.models import Member
from members.services import Refused
from members.views import code_page, send_new_code, send_to_suggestion
from teams.forms import GuestForm
from teams.models import Attendance, Meeting
from teams.services.answers import answer_as_guest, counts_of, number_in_line

# In the session: the key of what this browser has answered last.
GUEST_ANSWER_SESSION_KEY = "guest_answer"


def _meeting_for_guests(slug: str) -> Meeting:
    """Return the meeting with this address, if it is public; else it is a 404."""
    return get_object_or_404(Meeting.objects.public(), slug=slug)


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_guest(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a visitor who they are and whether they come; a valid form sends a code to the address,
    known or not, and changes nothing else. Members, and people who are too late, find what
    to do on the meeting page."""
    meeting = _meeting_for_guests(slug)
    is_open = meeting.takes_answers and meeting.is_in_person
    if isinstance(request.user, Member) or not is_open:
        return redirect(meeting)
    form = GuestForm(request.POST or None, initial=_initial(request, slug))
    context = {
        "form": form,
        "meeting": meeting,
        "is_verified": is_verified(request, form["email"].value() or ""),
        "is_full": _is_full(meeting),
    }
    if request.method == "POST" and form.is_valid():
        pending_form = {"meeting": slug, **form.cleaned_data}
        email = pending_form.pop("email")
        if is_verified(request, email):
            return _store_answer(request, meeting, email, pending_form)
        try:
            EmailVerification.begin(request, Purpose.MEETING, email, pending_form)
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "teams/meeting_guest.html", context)
        return redirect("meeting_guest_code", slug)
    return render(request, "teams/meeting_guest.html", context)


def _initial(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Return what the form begins with: what this browser has sent before, for another meeting
    without the answer; else the address that was verified in it."""
    verification = EmailVerification.resume(request, Purpose.MEETING)
    if verification is None:
        email = verified_email_of(request)
        return {"email": email} if email else {}
    initial = {**verification.pending_form, "email": verification.email}
    if initial.pop("meeting") != slug:
        del initial["answer"]
    return initial


def _is_full(meeting: Meeting) -> bool:
    coming = counts_of([meeting.pk])[meeting.pk].coming
    return meeting.places is not None and coming >= meeting.places


def _verification_for(request: HttpRequest, slug: str) -> EmailVerification | None:
    """Return what this browser has begun for the meeting with this address, or None."""
    verification = EmailVerification.resume(request, Purpose.MEETING)
    is_same = verification is not None and verification.pending_form["meeting"] == slug
    return verification if is_same else None


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_guest_code(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the code; the right one stores the answer."""
    meeting = _meeting_for_guests(slug)
    verification = _verification_for(request, slug)
    if verification is None:
        has_answered = GUEST_ANSWER_SESSION_KEY in request.session
        return redirect("meeting_guest_done" if has_answered else "meeting_guest", slug)
    answer = (verification.email, verification.pending_form)
    return code_page(
        request,
        verification,
        "teams/meeting_guest_code.html",
        accept=partial(_store_answer, request, meeting, *answer),
        already_used=reverse("meeting_guest_code", args=[slug]),
        meeting=meeting,
    )


@login_not_required
@post_only("meeting_guest_code")
def meeting_guest_code_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Send another code to the same address."""
    return send_new_code(request, Purpose.MEETING, *_pages(slug))


@login_not_required
@post_only("meeting_guest_code")
def meeting_guest_code_correct(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a code to the address that was probably meant instead; nothing else changes."""
    return send_to_suggestion(request, Purpose.MEETING, *_pages(slug))


def _pages(slug: str) -> tuple[str, str]:
    """Return the addresses of the form and of the page for the code."""
    return reverse("meeting_guest", args=[slug]), reverse("meeting_guest_code", args=[slug])


def _store_answer(
    request: HttpRequest, meeting: Meeting, email: str, pending_form: dict[str, Any]
) -> HttpResponse:
    """Store the answer of the person whose address `email` is verified."""
    account = Member.objects.account_of(email)
    if account and not account.is_active:
        return account_inactive(request, account)
    try:
        answer = answer_as_guest(meeting, pending_form["full_name"], email, pending_form["answer"])
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect(meeting)
    request.session[GUEST_ANSWER_SESSION_KEY] = answer.pk
    return redirect("meeting_guest_done", meeting.slug)


@never_cache
@login_not_required
@require_safe
def meeting_guest_done(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what this browser has answered; it can be read again."""
    key = request.session.get(GUEST_ANSWER_SESSION_KEY)
    answers = Attendance.objects.select_related("meeting").filter(meeting__slug=slug)
    attendance = answers.filter(pk=key).first() if key else None
    if attendance is None:
        return redirect("meeting_guest", slug)
    context = {
        "attendance": attendance,
        "meeting": attendance.meeting,
        "number_in_line": number_in_line(attendance) if attendance.waiting_since else None,
        "can_change": attendance.meeting.takes_answers,
    }
    return render(request, "teams/meeting_guest_done.html", context)
