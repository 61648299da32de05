"""Where people are signed in."""

from __future__ import annotations

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from members.models.people import Member


class SessionQuerySet(models.QuerySet["Session"]):
    def of(self, member: Member) -> SessionQuerySet:
        """Where `member` is signed in, the browser that was used last first."""
        living = self.filter(member=member, expire_date__gt=timezone.now())
        return living.order_by("-last_used_at", "session_key")


class Session(AbstractBaseSession):
    """What one browser has begun here; with a member, once somebody is signed in there."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, null=True, editable=False, related_name="sessions"
    )
    browser = models.CharField(max_length=60, editable=False)  # "Firefox on Windows"
    last_used_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment,misc]  # saving is the store's

    class Meta(AbstractBaseSession.Meta):
        constraints = [  # noqa: RUF012
            models.CheckConstraint(
                name="members_session_browser_of_a_member",
                condition=models.Q(member__isnull=False) | models.Q(browser=""),
            )
        ]
