"""What every line of history keeps besides who, when and why: how it came about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import models


class How(models.TextChoices):
    """How a change came about."""

    HAND = "hand", "by hand"
    BULK = "bulk", "in bulk"
    IMPORT = "import", "by import"
    AUTOMATIC = "automatic", "automatically"


_how: ContextVar[str] = ContextVar("how", default=How.HAND.value)


def current_how() -> str:
    """How the changes that are being made right now come about."""
    return _how.get()


@contextmanager
def changing(how: str) -> Iterator[None]:
    """Let the history say `how` for every change made inside."""
    token = _how.set(how)
    try:
        yield
    finally:
        _how.reset(token)


class Told(models.Model):
    """The base of all history tables: `HistoricalRecords(bases=[Told])`."""

    how = models.CharField(max_length=9, choices=How.choices, default=current_how, editable=False)

    class Meta:
        abstract = True
