"""The base of all history tables: besides who, when and why, each line says how the change came
about. The log hears of every change from here: each leaves a line of history."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache, partial
from typing import Any

from django.db import models, transaction
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords

from members.history.changesets import ChangeSource, current_change_source

ACTIONS = {"+": "added", "~": "changed", "-": "removed"}

change_log = logging.getLogger("portal.changes")


class LoggedHistoryQuerySet(models.QuerySet[Any]):
    """Lines of history, which reach the log when many are stored at once, too."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        versions = super().bulk_create(objs, *args, **options)
        for version in versions:
            version.log_change()
        return versions


class LoggedHistory(models.Model):
    """The base of all history tables."""

    source = models.CharField(
        max_length=9, choices=ChangeSource.choices, default=current_change_source, editable=False
    )

    objects = LoggedHistoryQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Store the version and log the change."""
        is_new = self._state.adding
        super().save(*args, **options)
        if is_new:
            self.log_change()

    def log_change(self) -> None:
        """Write a line into the log after the commit: who did what to which object, all by key.

        Never why: a reason is free text about a person.
        """
        if change_log.isEnabledFor(logging.INFO):
            transaction.on_commit(self._write_log_line, robust=True)

    def _write_log_line(self) -> None:
        # With the fields of django-simple-history.
        version: Any = self
        changed = version.instance_type._meta
        fields = {
            "object": f"{changed.label_lower} {getattr(self, changed.pk.attname)}",
            "action": ACTIONS[version.history_type],
            "state": getattr(self, "status", "") or getattr(self, "state", ""),
            "by": version.history_user_id,
            "source": self.source,
        }
        state = f" ({fields['state']})" if fields["state"] else ""
        message = "%s %s%s, by %s, %s"
        arguments = (fields["object"], fields["action"], state, fields["by"] or "nobody")
        change_log.info(message, *arguments, self.source, extra=fields)


class CachedHistoryManager(HistoryManager):  # type: ignore[misc]  # the library has no types
    """The manager behind `.history`, whose class django-simple-history would put together again
    each time that a version is stored or read: half a millisecond."""

    @classmethod
    @cache
    def from_queryset(cls, queryset_class: type[Any], class_name: str | None = None) -> Any:
        return super().from_queryset(queryset_class, class_name)


# `history = LoggedRecords()` in a model, with the options of HistoricalRecords.
LoggedRecords = partial(
    HistoricalRecords, bases=[LoggedHistory], history_manager=CachedHistoryManager
)
