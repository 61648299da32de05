"""What one step changes, kept while it runs, so that it can be told beforehand and undone after.

`members.services.record` and `members.emails.queue` write into the trail that is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models


@dataclass
class ChangeSet:
    """The changes and the emails of one step.

    A change is {"model": label, "pk": key, "old": {field: value}, "new": {field: value}}, for a
    new row without "old", for a removed one without "new"; values are plain enough for JSON.
    """

    hold_until: datetime | None = None  # the emails wait so long in the queue
    changes: list[dict[str, Any]] = field(default_factory=list)
    mails: list[int] = field(default_factory=list)  # keys

    def changed(self, row: models.Model, **sides: dict[str, Any]) -> None:
        """Note that `row` changed; `sides` are `old` and `new`."""
        self.changes.append({"model": row._meta.label_lower, "pk": row.pk, **sides})


_trail: ContextVar[ChangeSet | None] = ContextVar("trail", default=None)


def current_change_set() -> ChangeSet | None:
    """The trail that is open, if any."""
    return _trail.get()


@contextmanager
def capture_changes(hold_until: datetime | None = None) -> Iterator[ChangeSet]:
    """Open a trail for what is done inside; its emails wait until `hold_until`."""
    trail = ChangeSet(hold_until)
    token = _trail.set(trail)
    try:
        yield trail
    finally:
        _trail.reset(token)


def plain(row: models.Model, names: Iterator[str] | list[str]) -> dict[str, Any]:
    """The values of these fields of `row`, plain enough for JSON; to_python() reads them back."""
    values = {}
    for name in names:
        column = row._meta.get_field(name)
        value = getattr(row, column.attname)  # type: ignore[union-attr]  # concrete fields only
        if isinstance(value, (date, datetime)):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = str(value)
        values[name] = value
    return values
