"""Who is signed in: fetched once for each request, together with whom they work for."""

from allauth.account.auth_backends import AuthenticationBackend as AccountBackend
from django.http import HttpRequest

from members.models import Member


class AuthenticationBackend(AccountBackend):  # type: ignore[misc]  # allauth is untyped
    """allauth's, and the organization comes along: nearly every page for members needs it."""

    def get_user(self, user_id: int) -> Member | None:
        """The member with this key, while their account is open."""
        member: Member | None = (
            Member.objects.select_related("organization").filter(pk=user_id).first()
        )
        return member if member and self.user_can_authenticate(member) else None


def me(request: HttpRequest) -> Member:
    """Who is signed in; LoginRequiredMiddleware lets nobody else in."""
    assert isinstance(request.user, Member)  # noqa: S101  # for the type checker
    return request.user
