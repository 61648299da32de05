"""Who is signed in."""

from allauth.account.auth_backends import AuthenticationBackend as AccountBackend
from django.http import HttpRequest

from members.models import Member


class AuthenticationBackend(AccountBackend):
    """allauth's, and the organization comes along: nearly every page for members needs it."""

    def get_user(self, user_id: int) -> Member | None:
        """Return the member with this key, or None where the account is closed."""
        try:
            member = Member.objects.select_related("organization").get(pk=user_id)
        except Member.DoesNotExist:
            return None
        return member if self.user_can_authenticate(member) else None


def current_member(request: HttpRequest) -> Member:
    """Return who is signed in; LoginRequiredMiddleware lets nobody else in."""
    assert isinstance(request.user, Member)  # noqa: S101  # for the type checker
    return request.user
