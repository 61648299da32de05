"""Signing in by code, signing out, and what members say of themselves."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from members import services
from members.forms import CodeForm, ProfileForm, SignInForm
from members.models import Member, Organization
from members.posting import only_posted
from members.proving import SIGN_IN, AddressProof, sign_in


def _safe_next(request: HttpRequest) -> str:
    """Where to go after signing in: `next` if it is a page of this portal, else My teams."""
    target = request.GET.get("next", "")
    host = {request.get_host()}
    if target and url_has_allowed_host_and_scheme(target, host, request.is_secure()):
        return target
    return reverse("my_teams")


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_login(request: HttpRequest) -> HttpResponse:
    """Ask for the address and send it a code; the answer is the same for every address."""
    if isinstance(request.user, Member):
        return redirect(_safe_next(request))
    proof = AddressProof.resume(request, SIGN_IN)
    form = SignInForm(request.POST or None, initial={"email": proof.email if proof else ""})
    if request.method == "POST" and form.is_valid():
        AddressProof.begin(
            request, SIGN_IN, form.cleaned_data["email"], {"next": _safe_next(request)}
        )
        return redirect("account_login_code")
    return render(request, "members/account_login.html", {"form": form})


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_login_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; sign in who is known, and show a newcomer the way to join."""
    proof = AddressProof.resume(request, SIGN_IN)
    if proof is None:
        return redirect("account_login")
    form = CodeForm(request.POST or None, proof=proof)
    if request.method == "POST" and form.is_valid():
        proof.finish()
        member = Member.objects.account_of(proof.email)
        if member is None:
            messages.info(
                request,
                f"Nobody has joined with {proof.email} yet. Join here; no second code is needed.",
            )
            return redirect("join")
        if not member.is_active:
            return account_inactive(request)
        return sign_in(request, member, proof.journey["next"])
    return render(request, "members/account_login_code.html", {"form": form, "proof": proof})


@login_not_required
@only_posted(otherwise="account_login_code")
def account_login_code_new(request: HttpRequest) -> HttpResponse:
    """Send another code to the same address."""
    proof = AddressProof.resume(request, SIGN_IN)
    if proof is None:
        return redirect("account_login")
    proof.send()
    messages.success(request, f"We sent a new code to {proof.email}. Only the newest one works.")
    return redirect("account_login_code")


def account_inactive(request: HttpRequest) -> HttpResponse:
    """Tell someone who proved the address that the account behind it was closed."""
    return render(request, "members/account_inactive.html", status=403)


@login_not_required
@only_posted(otherwise="home")
def account_logout(request: HttpRequest) -> HttpResponse:
    """Sign out, also whoever is signed out already."""
    logout(request)
    messages.success(request, "You have signed out.")
    return redirect("home")


@require_http_methods(["GET", "HEAD", "POST"])
def my_profile(request: HttpRequest) -> HttpResponse:
    """Name, job title, what teammates see; the organization while it is unconfirmed."""
    member = Member.objects.select_related("organization").get(pk=request.user.pk)
    form = ProfileForm(request.POST or None, member=member)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_profile(member, **form.cleaned_data)
            messages.success(request, "Your details are saved.")
        except services.Refused as refused:
            messages.warning(request, str(refused))
        return redirect("my_teams")
    return render(
        request,
        "members/my_profile.html",
        {"form": form, "member": member, "organizations": Organization.objects.suggested()},
    )
