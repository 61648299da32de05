"""Asking a question without an account."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.rate_limits import TooManyRequestsError, rate_limited, too_many_requests
from members.models import Member
from teams.forms import QuestionForm
from teams.services import ask_question


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def question_ask(request: HttpRequest) -> HttpResponse:
    """Take a question; an account is not needed. `?text=` is what was searched for in vain."""
    if request.method != "POST":
        initial = {"text": request.GET.get("text", "")}
        if isinstance(request.user, Member):
            initial["email"] = request.user.email
        form = QuestionForm(initial=initial)
        return render(request, "teams/question_ask.html", {"form": form})
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return render(request, "teams/question_ask.html", {"form": form})
    text, email = form.cleaned_data["text"], form.cleaned_data["email"]
    try:
        with rate_limited(request, "question"):
            ask_question(text, email)
    except TooManyRequestsError as refused:
        return too_many_requests(request, refused, "teams/question_ask.html", {"form": form})
    return redirect(reverse("question_done") + ("?email=1" if email else ""))


@login_not_required
@require_safe
def question_done(request: HttpRequest) -> HttpResponse:
    """Say that the question arrived and what comes next; `?email=1`: the answer comes by email."""
    return render(request, "teams/question_done.html", {"by_email": "email" in request.GET})
