"""Codes that were sent to an email address, as long as they may be entered."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

MAX_CODE_TRIES = 5


class SentCodeQuerySet(models.QuerySet["SentCode"]):
    def count_try(self) -> bool:
        """Count one more try, and return whether there was one left.

        One statement, which the database carries out for one request at a time: neither a session
        nor a cache could count requests that come together.
        """
        return bool(self.filter(tries__lt=MAX_CODE_TRIES).update(tries=F("tries") + 1))

    def use(self) -> bool:
        """Delete the code, and return whether nobody has used it before."""
        deleted, _ = self.delete()
        return bool(deleted)


class SentCode(models.Model):
    """One code. It names nobody: only the session of the browser that asked for it has its key."""

    # Of the code and its address: who reads the table learns no code.
    digest = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)
    # Whether the domain of its address is a recognized organization's.
    is_recognized = models.BooleanField(db_default=False)

    objects = SentCodeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="members_sent_code_tries_bounded",
                condition=Q(tries__lte=MAX_CODE_TRIES),
                violation_error_message="The code was tried too often.",
            )
        ]

    def __str__(self) -> str:
        return f"code {self.pk}"
