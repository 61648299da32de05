"""Pages for people who have proven an address whose account they cannot use."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from members.models import Member


def account_inactive(request: HttpRequest, member: Member | None) -> HttpResponse:
    """Say why nobody signs in to the account of `member`: it was closed, or is on hold until a move
    of its address is decided."""
    is_held = member is not None and member.is_held
    context = {"is_held": is_held, "is_staff": member is not None and member.is_staff}
    return render(request, "members/account_inactive.html", context, status=403)
