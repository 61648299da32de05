"""Where staff need the second factor: outside DEBUG a code from the email alone is not enough."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from members.auth.second_factor import (
    NEXT_PAGE_SESSION_KEY,
    SecondFactorState,
    second_factor_state,
)
from members.models import Member


def second_factor_redirect(request: HttpRequest, *, after_form: str) -> HttpResponse | None:
    """Return the redirect to setting up, or using, the second factor that is still missing.

    None when the page may be shown, to visitors too: the pages themselves ask them to sign in. The
    requested page comes back afterwards; where a form was sent, the page `after_form`.
    """
    member = request.user
    if not (settings.STAFF_SECOND_FACTOR and isinstance(member, Member)):
        return None
    state = second_factor_state(request, member)
    if state is SecondFactorState.VERIFIED:
        request.session.pop(NEXT_PAGE_SESSION_KEY, None)
        return None
    is_form = request.method not in {"GET", "HEAD"}
    next_page = after_form if is_form else request.get_full_path()
    if state is SecondFactorState.NOT_SET_UP:
        request.session[NEXT_PAGE_SESSION_KEY] = next_page
        return redirect("mfa_index")
    preferred_method = get_adapter(request).get_reauthentication_methods(member)[0]
    return redirect(f"{preferred_method['url']}?{urlencode({'next': next_page})}")
