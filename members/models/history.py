"""What every line of history keeps besides who, when and why: how it came about.

And the one place from where the log hears of every step: each leaves a line of history.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models, transaction


class ChangeSource(models.TextChoices):
    """How a change came about."""

    HAND = "hand", "by hand"
    BULK = "bulk", "in bulk"
    IMPORT = "import", "by import"
    AUTOMATIC = "automatic", "automatically"


KINDS = {"+": "added", "~": "changed", "-": "removed"}

steps = logging.getLogger("portal.steps")
_how: ContextVar[str] = ContextVar("how", default=ChangeSource.HAND.value)


def current_change_source() -> str:
    """How the changes that are being made right now come about."""
    return _how.get()


@contextmanager
def change_source(how: str) -> Iterator[None]:
    """Let the history say `how` for every change made inside."""
    token = _how.set(how)
    try:
        yield
    finally:
        _how.reset(token)


class LoggedHistoryQuerySet(models.QuerySet[Any]):
    """Lines of history, which are told to the log when many are stored at once, too."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        lines = super().bulk_create(objs, *args, **options)
        for line in lines:
            line.tell()
        return lines


class LoggedHistory(models.Model):
    """The base of all history tables: `HistoricalRecords(bases=[LoggedHistory])`."""

    how = models.CharField(
        max_length=9, choices=ChangeSource.choices, default=current_change_source, editable=False
    )

    objects = LoggedHistoryQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Store the line, and tell the log of it."""
        is_new = self._state.adding
        super().save(*args, **options)
        if is_new:
            self.tell()

    def tell(self) -> None:
        """Write the step into the log once it holds: who did what to which row, all by key.

        Never why: a reason is somebody's own words.
        """
        if steps.isEnabledFor(logging.INFO):
            transaction.on_commit(self._tell, robust=True)

    def _tell(self) -> None:
        line: Any = self  # the fields of django-simple-history
        row = line.instance_type._meta
        facts = {
            "row": f"{row.label_lower} {getattr(self, row.pk.attname)}",
            "what": KINDS[line.history_type],
            "state": getattr(self, "status", "") or getattr(self, "state", ""),
            "by": line.history_user_id,
            "how": self.how,
        }
        by = f"by {facts['by']}" if facts["by"] else "by nobody"
        state = f" ({facts['state']})" if facts["state"] else ""
        steps.info("%s %s%s, %s, %s", facts["row"], facts["what"], state, by, self.how, extra=facts)
