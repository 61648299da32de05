"""What anyone sends without an account, and facilitators decide: questions, suggested resources and
proposed topics."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import models

from teams.workdays import is_late

S = TypeVar("S", bound="Submission")
WAITING = "waiting"


class SubmissionQuerySet(models.QuerySet[S]):
    def waiting(self) -> SubmissionQuerySet[S]:
        """Those about which nobody has decided."""
        return self.filter(**{self.model.STATUS: WAITING})

    def oldest_first(self) -> SubmissionQuerySet[S]:
        return self.order_by(self.model.SENT_AT, "pk")


class Submission(models.Model):
    """Something that a visitor sent; all facilitators share it, and one of them decides."""

    # The columns with the address of who sent it, which nobody has proven and which is erased some
    # time after the decision; when they did; and what became of it.
    EMAIL: ClassVar[str] = "email"
    SENT_AT: ClassVar[str]
    STATUS: ClassVar[str] = "status"
    # The glyphs and colors of the statuses, as `{% badge %}` knows them; of others: "closed".
    BADGES: ClassVar[dict[str, str]] = {
        "waiting": "waiting", "answered": "confirmed", "published": "confirmed",
    }  # fmt: skip

    decided_at = models.DateTimeField("decided", null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True

    @property
    def sent_at(self) -> datetime:
        sent_at: datetime = getattr(self, self.SENT_AT)
        return sent_at

    @property
    def status_in_words(self) -> str:
        words: Any = getattr(self, f"get_{self.STATUS}_display")()
        return str(words)

    @property
    def badge(self) -> str:
        return self.BADGES.get(getattr(self, self.STATUS), "closed")

    @property
    def is_waiting(self) -> bool:
        is_waiting: bool = getattr(self, self.STATUS) == WAITING
        return is_waiting

    @property
    def is_late(self) -> bool:
        """Whether it waits for longer than was promised."""
        return self.is_waiting and is_late(self.sent_at)
