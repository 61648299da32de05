"""The desk opens after a second step: outside DEBUG a code from the email alone is not enough."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from members.auth.second_factor import WANTED, SecondStep, second_step_of
from members.models import Member


def second_factor_redirect(request: HttpRequest) -> HttpResponse | None:
    """The way to set the second step up, or to take it, when whoever is here has yet to.

    None when the page may be shown, to visitors too: the desk itself asks them to sign in. The
    page they wanted comes back afterwards; a form that was sent does not, its desk does.
    """
    person = request.user
    if not (settings.STAFF_SECOND_FACTOR and isinstance(person, Member)):
        return None
    step = second_step_of(request, person)
    if step is SecondStep.TAKEN:
        request.session.pop(WANTED, None)
        return None
    is_read = request.method in {"GET", "HEAD"}
    wanted = request.get_full_path() if is_read else reverse("admin:index")
    if step is SecondStep.MISSING:
        request.session[WANTED] = wanted
        return redirect("mfa_index")
    first = get_adapter(request).get_reauthentication_methods(person)[0]
    return redirect(f"{first['url']}?{urlencode({'next': wanted})}")
