"""Signing in by code or by a hospital, signing out, and what members say about themselves."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from members import services
from members.auth.account_pages import account_inactive
from members.auth.backends import current_member
from members.auth.email_codes import (
    CodeResult,
    EmailVerification,
    Purpose,
    is_second_step_pending,
    remember_verified,
    sign_in,
    verified_email_of,
)
from members.auth.rate_limits import TooManyRequestsError, count_or_raise, too_many_requests
from members.auth.sso_providers import Provider
from members.decorators import post_only
from members.forms import CodeForm, SignInForm
from members.models import Member, Move, SiteIdentity

if TYPE_CHECKING:
    from members.auth.sso import Problem, VerifiedIdentity


def _requested_page(request: HttpRequest) -> str:
    """Return the page after signing in: `next` if it is one of this portal, else empty."""
    target = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if is_ours else ""


def _page_of_member(request: HttpRequest) -> str:
    """Return the requested page for a member who is signed in already, else where they land."""
    return _requested_page(request) or str(get_adapter().get_login_redirect_url(request))


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_login(request: HttpRequest) -> HttpResponse:
    """Ask for the address and send it a code; the response is the same for every address."""
    if isinstance(request.user, Member):
        return redirect(_page_of_member(request))
    verification = EmailVerification.resume(request, Purpose.SIGN_IN)
    initial = {"email": verification.email if verification else ""}
    form = SignInForm(request.POST or None, initial=initial)
    context = {"form": form, "next": _requested_page(request)}
    if request.method == "POST" and form.is_valid():
        pending_form = {"next": _requested_page(request)}
        try:
            EmailVerification.begin(
                request, Purpose.SIGN_IN, form.cleaned_data["email"], pending_form
            )
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, "members/account_login.html", context)
        return redirect("account_login_code")
    return render(request, "members/account_login.html", context)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_login_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; sign in a member, and show a newcomer the way to join."""
    verification = EmailVerification.resume(request, Purpose.SIGN_IN)
    if verification is None:
        is_member = isinstance(request.user, Member)
        fallback = _page_of_member(request) if is_member else "account_login"
        return after_second_press(request, fallback)
    next_page = urlencode({"next": verification.pending_form["next"]})
    return code_page(
        request,
        verification,
        "members/account_login_code.html",
        accept=partial(_sign_in_or_join, request, verification),
        already_used=f"{reverse('account_login_code')}?{next_page}",
    )


def _sign_in_or_join(request: HttpRequest, verification: EmailVerification) -> HttpResponse:
    """Sign in the member whose address was just verified, or redirect a newcomer to joining."""
    member = Member.objects.account_of(verification.email)
    if member is None:
        email = verification.email
        no_code = "Join here; no second code is needed."
        if Move.objects.at_former_address(email):
            messages.info(request, f"{moved_message(email)} {no_code}")
        else:
            messages.info(request, f"Nobody has joined with {email} yet. {no_code}")
        return redirect("join")
    if not member.is_active:
        return account_inactive(request, member)
    return sign_in(request, member, verification.pending_form["next"])


def moved_message(email: str) -> str:
    """Return what is said to who has proven `email`, a former address: its account is another
    person's, or theirs under the new address."""
    return (
        f"The account that had {email} has moved to another address. If it is yours, sign in with "
        "the new one. Are you new to this mailbox?"
    )


def after_second_press(request: HttpRequest, fallback: str) -> HttpResponse:
    """Return where the first press of a button led that used the code; for a second one, which
    finds no code to wait for. Without a first one, redirect to `fallback`."""
    if is_second_step_pending(request):
        return redirect("mfa_authenticate")
    if email := verified_email_of(request):
        member = Member.objects.account_of(email)
        is_closed = member is not None and not member.is_active
        return account_inactive(request, member) if is_closed else redirect("join")
    return redirect(fallback)


@login_not_required
@post_only("account_login_code")
def account_login_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    return send_new_code(request, Purpose.SIGN_IN, "account_login", "account_login_code")


@login_not_required
@post_only("account_login_code")
def account_login_code_correct(request: HttpRequest) -> HttpResponse:
    """Send a code to the address that was probably meant instead."""
    return send_to_suggestion(request, Purpose.SIGN_IN, "account_login", "account_login_code")


def code_page(
    request: HttpRequest,
    verification: EmailVerification,
    template: str,
    *,
    accept: Callable[[], HttpResponse],
    already_used: str,
    **context: Any,
) -> HttpResponse:
    """Return the page that asks for the code of `verification`; for the right one what `accept`
    returns, in one transaction with using it up. Where another request has used it up, redirect
    to `already_used`."""
    form = CodeForm(request.POST or None)
    context |= {"form": form, "verification": verification}
    if request.method == "POST" and form.is_valid():
        try:
            with verification.accept_code(form) as result:
                if result is CodeResult.CORRECT:
                    return accept()
        except TooManyRequestsError as refused:
            return too_many_requests(request, refused, template, context)
        if result is CodeResult.ALREADY_USED:
            return redirect(already_used)
    return render(request, template, context)


def send_new_code(
    request: HttpRequest, purpose: Purpose, form_page: str, code_page: str
) -> HttpResponse:
    """Send another code to the address of this browser's verification, and redirect to
    `code_page`; where nothing is verified, to `form_page`. Raises TooManyRequestsError."""
    verification = EmailVerification.resume(request, purpose)
    if verification is None:
        return redirect(form_page)
    verification.send_code()
    messages.success(
        request, f"We sent a new code to {verification.email}. Only the newest one works."
    )
    return redirect(code_page)


def send_to_suggestion(
    request: HttpRequest, purpose: Purpose, form_page: str, code_page: str
) -> HttpResponse:
    """Send a code to the address that was probably meant instead, and redirect as `send_new_code`.
    Nothing else changes. Raises TooManyRequestsError."""
    verification = EmailVerification.resume(request, purpose)
    if verification is None:
        return redirect(form_page)
    email = verification.accept_suggestion().email
    messages.success(request, f"We sent a code to {email}.")
    return redirect(code_page)


def _provider(key: str) -> Provider:
    """Return the sign-in service with this key; one that is not in the settings is a 404."""
    if key not in settings.SSO_PROVIDERS:
        raise Http404
    provider: Provider = settings.SSO_PROVIDERS[key]
    return provider


@login_not_required
@post_only("account_login", with_args=False)
def sso_start(request: HttpRequest, key: str) -> HttpResponse:
    """Send the browser to the sign-in service of a hospital."""
    provider = _provider(key)
    from members.auth import sso  # noqa: PLC0415  # loaded only where a provider is set

    if isinstance(request.user, Member):
        return redirect(_page_of_member(request))
    count_or_raise(request, "sso")
    try:
        return sso.begin(request, provider, _requested_page(request))
    except sso.SsoError as error:
        return _sso_failed(request, provider, error.problem)


@login_not_required
@require_GET
def sso_callback(request: HttpRequest, key: str) -> HttpResponse:
    """Come back from a hospital's service: sign in a member, show a newcomer the way to join."""
    provider = _provider(key)
    from members.auth import sso  # noqa: PLC0415  # loaded only where a provider is set

    if isinstance(request.user, Member):
        return redirect(_page_of_member(request))
    try:
        identity = sso.finish(request, provider)
    except sso.SsoError as error:
        return _sso_failed(request, provider, error.problem)
    member = Member.objects.account_of(identity.email)
    if member is None:
        return _redirect_to_join(request, provider, identity)
    if not member.is_active:
        return account_inactive(request, member)
    return sign_in(request, member, identity.next_url, method="sso")


def _redirect_to_join(
    request: HttpRequest, provider: Provider, identity: "VerifiedIdentity"
) -> HttpResponse:
    """Redirect to the join form, which begins with what the service says of the person."""
    details = {"full_name": identity.name, "organization": provider.name}
    remember_verified(request, identity.email, details)
    if Move.objects.at_former_address(identity.email):
        messages.info(request, f"{moved_message(identity.email)} Join here; no code is needed.")
    else:
        messages.info(
            request, f"Nobody has joined with {identity.email} yet. Join here; no code is needed."
        )
    came_from_join = urlsplit(identity.next_url).path == reverse("join")
    return redirect(identity.next_url if came_from_join else "join")


def _sso_failed(request: HttpRequest, provider: Provider, problem: "Problem") -> HttpResponse:
    """Say why nobody was signed in by `provider`, and show the way in by code."""
    status = {"DENIED": 403, "EXPIRED": 400, "UNAVAILABLE": 502, "UNTRUSTED": 403}[problem.name]
    context = {"provider": provider, "problem": problem.name}
    return render(request, "members/sso_failed.html", context, status=status)


@login_not_required
@post_only("home")
def account_logout(request: HttpRequest) -> HttpResponse:
    """Sign out; a page that was left open may ask for it a second time."""
    if isinstance(request.user, Member):
        services.end_sessions(request.user, session_key=str(request.session.session_key))
    # Where no session was found, the cookie may be a newer one.
    if not request.session.is_empty():
        logout(request)
    messages.success(request, "You have signed out.")
    return redirect("home")


@login_not_required
@require_safe
def site_logo(request: HttpRequest, digest: str) -> HttpResponse:
    """Return the logo of the site; another one has another address."""
    identity = get_object_or_404(SiteIdentity.objects.exclude(logo_digest=""), logo_digest=digest)
    return HttpResponse(
        bytes(identity.logo),
        content_type="image/png",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@require_safe
def my_sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in, this browser first; each other one can be signed out."""
    sessions = [
        {
            "pk": session.pk,
            "browser": services.describe_browser(session.user_agent),
            "last_used_at": session.last_seen_at,
            "is_current": session.session_key == request.session.session_key,
        }
        for session in services.active_sessions(current_member(request))
    ]
    sessions.sort(key=lambda session: not session["is_current"])
    return render(request, "members/my_sessions.html", {"sessions": sessions})


@post_only("my_sessions", with_args=False)
def my_session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign one other browser of mine out; a session that is not mine, or is this one, is a 404."""
    member = current_member(request)
    others = services.active_sessions(member).exclude(session_key=request.session.session_key)
    session = get_object_or_404(others, pk=pk)
    services.end_sessions(member, session_key=session.session_key)
    browser = services.describe_browser(session.user_agent)
    messages.success(request, f"{browser} is signed out.")
    return redirect("my_sessions")


@post_only("my_sessions")
def my_sessions_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    services.end_sessions(current_member(request), except_key=str(request.session.session_key))
    messages.success(request, "You are signed out everywhere else.")
    return redirect("my_sessions")


@post_only("my_sessions")
def my_sessions_end_all(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere, including here."""
    services.end_sessions(current_member(request))
    logout(request)
    messages.success(request, "You have signed out everywhere.")
    return redirect("home")
