"""What every step rests on: one lock, one line of history, one way to refuse."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.db import models

from members.batches import BATCH_SIZE, batched
from members.history.changesets import current_change_set, plain
from members.models import ChangeSource, Member, change_source
from members.models.history import current_change_source

Row = TypeVar("Row", bound=models.Model)


class Refused(Exception):  # noqa: N818  # a refusal by the rules, not an error of the program
    """A step that the rules do not allow now; the text says why, for the person who tried."""


def save_with_history(row: models.Model, by: Member | None, why: str, /, **changes: Any) -> None:
    """Save `changes` to `row` with a history line: who (None: by itself), why, and how."""
    trail, is_new = current_change_set(), row.pk is None
    old = plain(row, list(changes)) if trail else {}
    for field, value in changes.items():
        setattr(row, field, value)
    _explain(row, by, why)
    with _told_how(by):
        row.save(update_fields=None if is_new else list(changes))
    if trail and is_new:
        trail.changed(row, new={})
    elif trail and changes:
        trail.changed(row, old=old, new=plain(row, list(changes)))


def bulk_save_with_history(
    rows: Sequence[Row], by: Member | None, why: str, /, **changes: Any
) -> None:
    """Save the same `changes` to all `rows`, in a few queries for any number of them.

    For fields that nothing but the row's own column follows from: `save()` is not called.
    """
    if not rows:
        return
    trail, names = current_change_set(), list(changes)
    for row in rows:
        old = plain(row, names) if trail else {}
        for field, value in changes.items():
            setattr(row, field, value)
        _explain(row, by, why)
        if trail:
            trail.changed(row, old=old, new=plain(row, names))
    model = type(rows[0])
    for batch in batched(rows):
        keys = [row.pk for row in batch]
        model._base_manager.filter(pk__in=keys).update(**changes)
    with _told_how(by):
        history: Any = model.history  # type: ignore[attr-defined]
        history.bulk_history_create(rows, update=True, batch_size=BATCH_SIZE)


def delete_with_history(row: models.Model, by: Member, why: str) -> None:
    """Delete `row` with a history line that says who and why."""
    if trail := current_change_set():
        fields = [field.name for field in row._meta.concrete_fields if not field.primary_key]
        trail.changed(row, old=plain(row, fields))
    _explain(row, by, why)
    row.delete()


def _told_how(by: Member | None) -> AbstractContextManager[None]:
    """What nobody did came about by itself."""
    automatic = by is None and current_change_source() == ChangeSource.HAND
    return change_source(ChangeSource.AUTOMATIC if automatic else current_change_source())


def _explain(row: models.Model, by: Member | None, why: str) -> None:
    row._history_user = by  # type: ignore[attr-defined]  # read by django-simple-history
    row._change_reason = why  # type: ignore[attr-defined]


def one_line(text: str) -> str:
    """`text` with single spaces for any white space: a name cannot add lines to an email."""
    return " ".join(text.split())


def lock_open_account(member: Member) -> Member:
    """The stored row of `member`, locked until the transaction ends. Refuses a closed account."""
    row: Member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if not row.is_active:
        raise Refused("This account is closed.")
    return row
