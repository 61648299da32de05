"""Who is signed in: fetched with the session, in one query, together with whom they work for."""

from contextvars import ContextVar

from allauth.account.auth_backends import AuthenticationBackend as AccountBackend
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from members.models import Member

# The session of the request that asks who is signed in, while it asks: Django hands a backend
# nothing but the key.
_asking: ContextVar[SessionBase | None] = ContextVar("asking", default=None)


class AuthenticationBackend(AccountBackend):  # type: ignore[misc]  # allauth is untyped
    """allauth's, and the organization comes along: nearly every page for members needs it."""

    def get_user(self, user_id: int) -> Member | None:
        """The member with this key, while their account is open."""
        member: Member | None = getattr(_asking.get(), "member", None)
        if member is None or member.pk != user_id:
            member = Member.objects.select_related("organization").filter(pk=user_id).first()
        return member if member and self.user_can_authenticate(member) else None


class AuthenticationMiddleware(DjangoMiddleware):
    """Django's, which checks the session as ever; the backend finds the member in it."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _who(request))  # type: ignore[assignment]


def _who(request: HttpRequest) -> Member | AnonymousUser:
    """As Django has it, once for each request."""
    if not hasattr(request, "_cached_user"):
        token = _asking.set(request.session)
        try:
            request._cached_user = auth.get_user(request)  # type: ignore[attr-defined]
        finally:
            _asking.reset(token)
    found: Member | AnonymousUser = request._cached_user  # type: ignore[attr-defined]
    return found


def current_member(request: HttpRequest) -> Member:
    """Who is signed in; LoginRequiredMiddleware lets nobody else in."""
    assert isinstance(request.user, Member)  # noqa: S101  # for the type checker
    return request.user
