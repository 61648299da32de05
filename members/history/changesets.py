"""What is being changed right now, and how it came about.

`members.history.saving` and `members.emails` note here what they change and queue, so that a
decision can be previewed and undone. Nothing of ours is imported: the history tables of
`members.models` take their source from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models


class ChangeSource(models.TextChoices):
    """How a change came about."""

    HAND = "hand", "by hand"
    BULK = "bulk", "in bulk"
    IMPORT = "import", "by import"
    AUTOMATIC = "automatic", "automatically"


@dataclass(frozen=True)
class ChangeSet:
    """The changes and the emails of one decision, and where they come from.

    A change is {"model": label, "pk": key, "old": {field: value}, "new": {field: value}}, for a
    new object without "old"; the values are ready for JSON.
    """

    source: str = ChangeSource.HAND
    is_captured: bool = False
    # Emails wait in the queue until then.
    hold_until: datetime | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    # Of emails that are in the queue.
    email_keys: list[int] = field(default_factory=list)
    # Emails that are to be stored together, or not at all; None: each is stored at once.
    unsaved_emails: list[Any] | None = None

    def add_change(self, instance: models.Model, **sides: dict[str, Any]) -> None:
        """Note that `instance` changed; `sides` are `old` and `new`."""
        if self.is_captured:
            label = instance._meta.label_lower
            self.changes.append({"model": label, "pk": instance.pk, **sides})

    def add_emails(self, keys: Iterable[int]) -> None:
        """Note that the emails with these keys were queued."""
        if self.is_captured:
            self.email_keys.extend(keys)


# Nothing is added to the default: it is not captured.
_change_set: ContextVar[ChangeSet] = ContextVar("change_set", default=ChangeSet())  # noqa: B039


def current_change_set() -> ChangeSet:
    """Return the change set that is open."""
    return _change_set.get()


def current_change_source() -> str:
    """Return how the changes that are being made right now come about."""
    return _change_set.get().source


@contextmanager
def _open(change_set: ChangeSet) -> Iterator[ChangeSet]:
    token = _change_set.set(change_set)
    try:
        yield change_set
    finally:
        _change_set.reset(token)


@contextmanager
def capture_changes(hold_until: datetime | None = None) -> Iterator[ChangeSet]:
    """Yield a change set of what is done inside; its emails wait until `hold_until`."""
    captured = replace(
        current_change_set(), is_captured=True, hold_until=hold_until, changes=[], email_keys=[]
    )
    with _open(captured):
        yield captured


@contextmanager
def change_source(source: str) -> Iterator[None]:
    """Write `source` into the history of everything that is changed inside."""
    with _open(replace(current_change_set(), source=source)):
        yield


@contextmanager
def collect_unsaved_emails() -> Iterator[list[Any]]:
    """Yield the list of the emails that are written inside, none of which is stored."""
    collected: list[Any] = []
    with _open(replace(current_change_set(), unsaved_emails=collected)):
        yield collected


def serialize_fields(instance: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of these fields of `instance`, ready for JSON; the fields' to_python()
    reads them back."""
    values = {}
    for name in names:
        column: Any = instance._meta.get_field(name)
        value = getattr(instance, column.attname)
        if isinstance(value, date | datetime):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = str(value)
        values[name] = value
    return values
