"""The secret addresses of members' own calendars."""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.db import models
from django.utils import timezone

CALENDAR_SALT = "teams.models.meetings.CalendarKey"


class CalendarKeyQuerySet(models.QuerySet["CalendarKey"]):
    def of_secret(self, secret: str) -> CalendarKey | None:
        """Return the key whose calendar has the address with this `secret`; None for one that was
        replaced, and for those of accounts to which nobody signs in."""
        try:
            nonce = CalendarKey.signer().unsign(secret)
        except signing.BadSignature:
            return None
        key = self.select_related("member").filter(nonce=nonce, member__is_active=True)
        return key.first()


class CalendarKey(models.Model):
    """What the address of a member's own calendar holds; a new one ends the old address."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_key"
    )
    # Signed with SECRET_KEY in the address: the record alone opens nothing.
    nonce = models.CharField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_on = models.DateField(null=True)

    objects = CalendarKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Calendar of {self.member}"

    @staticmethod
    def signer() -> signing.Signer:
        # A dot: some calendar apps fail on a colon in an address.
        return signing.Signer(salt=CALENDAR_SALT, sep=".")

    @property
    def secret(self) -> str:
        """What stands in the address: it opens the calendar without signing in."""
        return self.signer().sign(self.nonce)
