"""Saving with history: who, why and how; and the one way in which a rule refuses."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.db import models

from members.batches import BATCH_SIZE, batched
from members.history.changesets import (
    ChangeSource,
    change_source,
    current_change_set,
    current_change_source,
    serialize_fields,
)
from members.models import Member

Instance = TypeVar("Instance", bound=models.Model)


class Refused(Exception):  # noqa: N818  # a refusal by the rules, not an error of the program
    """A step that the rules do not allow now; the text says why, for the person who tried."""


def save_with_history(
    instance: models.Model, by: Member | None, why: str, /, **changes: Any
) -> None:
    """Save `changes` to `instance` with a line of history: who (None: nobody), why, and how."""
    change_set, is_new = current_change_set(), instance.pk is None
    old = serialize_fields(instance, changes) if change_set.is_captured else {}
    for name, value in changes.items():
        setattr(instance, name, value)
    explain_change(instance, by, why)
    with _source_of_changes(by):
        instance.save(update_fields=None if is_new else list(changes))
    if is_new:
        change_set.add_change(instance, new={})
    elif changes and change_set.is_captured:
        change_set.add_change(instance, old=old, new=serialize_fields(instance, changes))


def bulk_save_with_history(
    instances: Sequence[Instance], by: Member | None, why: str, /, **changes: Any
) -> None:
    """Save the same `changes` to all `instances`, in a few queries for any number of them.

    Only for fields from which no other field follows: `save()` is not called.
    """
    if not instances:
        return
    change_set = current_change_set()
    for instance in instances:
        old = serialize_fields(instance, changes) if change_set.is_captured else {}
        for name, value in changes.items():
            setattr(instance, name, value)
        explain_change(instance, by, why)
        if change_set.is_captured:
            change_set.add_change(instance, old=old, new=serialize_fields(instance, changes))
    model: Any = type(instances[0])
    for batch in batched(instances):
        keys = [instance.pk for instance in batch]
        model._base_manager.filter(pk__in=keys).update(**changes)
    with _source_of_changes(by):
        model.history.bulk_history_create(instances, update=True, batch_size=BATCH_SIZE)


def delete_with_history(instance: models.Model, by: Member, why: str) -> None:
    """Delete `instance` with a line of history that says who and why."""
    explain_change(instance, by, why)
    instance.delete()


def _source_of_changes(by: Member | None) -> AbstractContextManager[None]:
    """Return the context in which history is written: what nobody did came about automatically."""
    source = current_change_source()
    automatic = by is None and source == ChangeSource.HAND
    return change_source(ChangeSource.AUTOMATIC if automatic else source)


def explain_change(instance: Any, by: Member | None, why: str) -> None:
    """Set who changes `instance` and why, for its next line of history."""
    # django-simple-history reads these.
    instance._history_user = by
    instance._change_reason = why


def lock_open_account(member: Member) -> Member:
    """Return the stored row of `member`, locked until the transaction ends. Refuses a closed
    account, and one on hold."""
    stored: Member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if not stored.is_active:
        raise Refused(f"This account is {stored.inactive_reason}.")
    return stored


def lock_records(model: type[Instance], keys: Iterable[int]) -> dict[int, Instance]:
    """Return the records with these keys, in their order, locked until the transaction ends."""
    locked: dict[int, Instance] = {}
    for batch in batched(sorted(keys)):
        records = model._default_manager.filter(pk__in=batch).order_by("pk")
        locked.update({record.pk: record for record in records.select_for_update(no_key=True)})
    return locked
