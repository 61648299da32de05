"""Decisions of the desk: previewed, processed item by item, undone within two minutes.

What a decision does to one record is a *step*: a function that takes the key of the record, calls
the services, and returns in words what happened. Each item has its own transaction: a process that
is killed leaves every record either decided, logged and emailed, or as it was, and the next
process continues with the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from post_office.models import STATUS, Email

from members.batches import BATCH_SIZE, batched
from members.history.changesets import (
    ChangeSource,
    capture_changes,
    change_source,
    serialize_fields,
)
from members.history.saving import (
    Refused,
    delete_with_history,
    save_with_history,
)
from members.models import (
    UNDO_WINDOW,
    Decision,
    DecisionItem,
    Member,
    Organization,
)
from members.models.decisions import CLOCK_SKEW_ALLOWANCE

Step = Callable[[int], str]

# The emails of an unfinished decision are held longer than processing it takes.
PROCESSING_HOLD = timedelta(hours=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UndoRules:
    """What only the apps above know about undoing an item; each is asked by the person who undoes,
    inside the transaction of the item."""

    # Called first, with the key of the record: raises Refused where that person may no longer
    # decide about it.
    check_record: Callable[[int, Member], None]
    # Called when members and organizations are as they were before the decision of that time:
    # raises Refused where something was built on the decision since.
    check_built_upon: Callable[[list[Member], list[Organization], datetime, Member], None]
    # Returns what text for that person calls a record.
    describe: Callable[[models.Model, Member], str]
    # Called last for all changes of one of these models, by label and newest first, with who
    # undoes it and the line of history: restores what still can be.
    revert: Mapping[str, Callable[[list[dict[str, Any]], Member, str], None]] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class Preview:
    """What a decision would do; `changes` are as in `ChangeSet`."""

    changes: list[dict[str, Any]]
    emails: list[Email]
    refusals: list[str]

    def keys(self, label: str, field: str, value: Any) -> set[int]:
        """Return the keys of the records of the model `label` whose `field` becomes `value`."""
        return {
            change["pk"]
            for change in self.changes
            if change["model"] == label and change.get("new", {}).get(field) == value
        }

    def count(self, label: str, field: str, value: Any) -> int:
        """Return how many records of the model `label` get `value` as their `field`."""
        return len(self.keys(label, field, value))

    @property
    def confirmed_count(self) -> int:
        """Return how many members get their affiliation confirmed."""
        return len(
            {
                change["pk"]
                for change in self.changes
                if change["model"] == "members.member"
                and change.get("new", {}).get("affiliation_confirmed_at")
            }
        )


def preview_action(step: Step, keys: Sequence[int]) -> Preview:
    """Return what `step` does to the records with these `keys`, and roll all of it back.

    The rules themselves say what would happen, so the preview cannot differ from the decision.
    Nothing is stored and no email is sent.
    """
    refusals: list[str] = []
    with capture_changes() as change_set, transaction.atomic():
        for key in keys:
            before = len(change_set.changes), len(change_set.email_keys)
            try:
                with transaction.atomic():
                    step(key)
            except Refused as refusal:
                refusals.append(str(refusal))
                del change_set.changes[before[0] :], change_set.email_keys[before[1] :]
        emails = list(Email.objects.filter(pk__in=change_set.email_keys).order_by("pk"))
        transaction.set_rollback(True)
    return Preview(change_set.changes, emails, refusals)


def create_decision(
    model: type[models.Model],
    action: str,
    *,
    title: str,
    keys: Sequence[int],
    form_data: dict[str, Any],
    can_be_undone: bool,
    by: Member,
) -> Decision:
    """Return a new decision of `by`: the `action` on the records of `model` with these `keys`.

    Nothing is done yet; `process_items` does it.
    """
    with transaction.atomic():
        decision = Decision.objects.create(
            by=by,
            model_label=model._meta.label_lower,
            action=action,
            title=title[:400],
            form_data=form_data,
            can_be_undone=can_be_undone,
        )
        DecisionItem.objects.bulk_create(
            [DecisionItem(decision=decision, object_id=key) for key in dict.fromkeys(keys)],
            batch_size=BATCH_SIZE,
        )
    return decision


def process_items(decision: Decision, step: Step, *, seconds: float, undo_rules: UndoRules) -> bool:
    """Process or undo items of `decision` for about `seconds`; return whether all are finished.

    Any number of processes may call this at the same time: each item is processed by one of them.
    """
    deadline = time.monotonic() + seconds
    is_bulk = decision.items.count() > 1
    source = ChangeSource.BULK if is_bulk else ChangeSource.HAND
    # After a single item there is nothing to look for.
    while _process_next_item(decision, step, source, undo_rules) and is_bulk:
        if time.monotonic() > deadline:
            return False
    return _finish(decision)


def _process_next_item(decision: Decision, step: Step, source: str, undo_rules: UndoRules) -> bool:
    """Process or undo one item that no other process holds; return False if there is none."""
    with transaction.atomic():
        current = Decision.objects.get(pk=decision.pk)
        is_undo = current.undo_requested_at is not None
        order = F("pk").desc() if is_undo else F("pk").asc()
        open_items = decision.items.filter(outcome=_open_outcome(current)).order_by(order)
        item = open_items.select_for_update(skip_locked=True, no_key=True).first()
        if item is None:
            return False
        with change_source(source):
            if is_undo:
                _undo_item(item, current, undo_rules)
            else:
                _process_item(item, current, step)
        item.save()
    return True


def _open_outcome(decision: Decision) -> str:
    """Return the outcome of items with something left to do: to process, or to undo."""
    outcomes = DecisionItem.Outcome
    return outcomes.DONE if decision.undo_requested_at else outcomes.WAITING


def _process_item(item: DecisionItem, decision: Decision, step: Step) -> None:
    hold_until = timezone.now() + PROCESSING_HOLD if decision.can_be_undone else None
    try:
        with capture_changes(hold_until) as change_set, transaction.atomic():
            item.result_message = step(item.object_id)
    except Refused as refusal:
        item.outcome, item.result_message = DecisionItem.Outcome.REFUSED, str(refusal)
    except Exception:
        # One record that breaks must not stop the others, nor be retried forever.
        log.exception("Decision %s, object %s", decision.pk, item.object_id)
        item.outcome = DecisionItem.Outcome.REFUSED
        item.result_message = "This did not work and nothing was changed. The error is in the log."
    else:
        item.outcome = DecisionItem.Outcome.DONE
        item.changes, item.email_ids = change_set.changes, change_set.email_keys


def _finish(decision: Decision) -> bool:
    """Return whether no item is left; if so, schedule the emails to leave in two minutes."""
    with transaction.atomic():
        current = Decision.objects.select_for_update(no_key=True).get(pk=decision.pk)
        if current.items.filter(outcome=_open_outcome(current)).exists():
            # Another process still works on them.
            return False
        if current.finished_at is None:
            current.finished_at = timezone.now()
            done = current.items.filter(outcome=DecisionItem.Outcome.DONE)
            is_undo = current.undo_requested_at is not None
            current.can_be_undone = current.can_be_undone and (is_undo or done.exists())
            current.save(update_fields=["finished_at", "can_be_undone"])
            if current.can_be_undone:
                # After an undo: of the items that it refused.
                _hold_emails(current, current.finished_at + UNDO_WINDOW + CLOCK_SKEW_ALLOWANCE)
    decision.refresh_from_db()
    return True


def _hold_emails(decision: Decision, until: datetime) -> None:
    """Let the emails of `decision` that are still in the queue leave at `until`, not before."""
    keys = [
        key for email_ids in decision.items.values_list("email_ids", flat=True) for key in email_ids
    ]
    for batch in batched(keys):
        Email.objects.filter(pk__in=batch, status=STATUS.queued).update(scheduled_time=until)


def undo_decision(decision: Decision, *, by: Member) -> None:
    """Begin to undo `decision`: hold its emails and drop the items that were not processed yet.

    `process_items` undoes the others. Refuses when the two minutes are over, and the decision of
    another person unless `by` is an administrator.
    """
    with transaction.atomic():
        current = Decision.objects.select_for_update(no_key=True).get(pk=decision.pk)
        if current.by_id != by.pk and not by.is_superuser:
            raise Refused(f"Only {current.by.name_for_staff(by)} can undo this.")
        if current.undo_requested_at:
            raise Refused("This is undone already.")
        if not current.is_undoable:
            raise Refused("It is too late to undo this: its emails have gone out.")
        current.undo_requested_at, current.finished_at = timezone.now(), None
        current.undo_requested_by = by
        current.save(update_fields=["undo_requested_at", "undo_requested_by", "finished_at"])
        current.items.filter(outcome=DecisionItem.Outcome.WAITING).update(
            outcome=DecisionItem.Outcome.UNDONE,
            result_message="Not decided: you took it back before.",
        )
        _hold_emails(current, timezone.now() + PROCESSING_HOLD)
    decision.refresh_from_db()


def _undo_item(item: DecisionItem, decision: Decision, rules: UndoRules) -> None:
    """Restore what one item changed and drop its emails; keep it where something changed since."""
    try:
        with transaction.atomic():
            rules.check_record(item.object_id, decision.undoer)
            if not item.changes:
                raise Refused("an account that it was about is closed.")
            _revert_all(item.changes, decision, rules)
            changed = _unconfirmed_and_organizations(item.changes)
            rules.check_built_upon(*changed, decision.created_at, decision.undoer)
            dropped, _ = Email.objects.filter(pk__in=item.email_ids, status=STATUS.queued).delete()
    except (Refused, IntegrityError, models.ProtectedError) as error:
        item.outcome = DecisionItem.Outcome.UNDO_REFUSED
        why = str(error) if isinstance(error, Refused) else "something was built on it since."
        item.result_message = f"{item.result_message} Not undone: {why}"
        return
    item.outcome, item.changes, item.email_ids = DecisionItem.Outcome.UNDONE, [], []
    no_email = ", and no email was sent" if dropped else ""
    item.result_message = f"Undone{no_email}. What was undone: {item.result_message}"


def erase_items(model: type[models.Model], keys: Iterable[int]) -> None:
    """Erase what decisions of the last days said and changed about the records of `model` with
    these keys, and the reasons that were given. They can no longer be undone."""
    decisions = Decision.objects.filter(model_label=model._meta.label_lower)
    items = DecisionItem.objects.filter(decision__in=decisions)
    for batch in batched(sorted(keys)):
        about = items.filter(object_id__in=batch)
        # What is still to be processed needs its reason.
        finished = decisions.exclude(finished_at=None)
        finished.filter(pk__in=about.values("decision")).update(form_data={})
        about.update(changes=[], result_message="")


def _unconfirmed_and_organizations(
    changes: list[dict[str, Any]],
) -> tuple[list[Member], list[Organization]]:
    """Return the changed members without a confirmed affiliation, and the changed organizations."""
    keys: dict[str, set[int]] = {"members.member": set(), "members.organization": set()}
    for change in changes:
        if change["model"] in keys:
            keys[change["model"]].add(change["pk"])
    members = Member.objects.filter(affiliation_confirmed_at=None, pk__in=keys["members.member"])
    organizations = Organization.objects.filter(pk__in=keys["members.organization"])
    return list(members), list(organizations)


def _revert_all(changes: list[dict[str, Any]], decision: Decision, rules: UndoRules) -> None:
    newest_first = changes[::-1]
    for change in newest_first:
        if change["model"] not in rules.revert:
            _revert(change, decision, rules)
    for label, revert in rules.revert.items():
        if own := [change for change in newest_first if change["model"] == label]:
            revert(own, decision.undoer, _why_undone(decision))


def _why_undone(decision: Decision) -> str:
    return f"undone: {decision.title}"


def _revert(change: dict[str, Any], decision: Decision, rules: UndoRules) -> None:
    """Undo one change, with a line of history; refuses a record that has changed since."""
    model = apps.get_model(change["model"])
    by, why = decision.undoer, _why_undone(decision)
    # What was created and has been removed since is no longer there, even if its row is.
    manager = model._base_manager if "old" in change else model._default_manager
    record = manager.filter(pk=change["pk"]).select_for_update(no_key=True).first()
    if record is None:
        raise Refused("it is no longer there.")
    if "old" not in change:
        delete_with_history(record, by, why)
        return
    if serialize_fields(record, change["new"]) != change["new"]:
        raise Refused(f"{rules.describe(record, by)} has changed in the meantime.")
    save_with_history(record, by, why, **deserialize_fields(model, change["old"]))


def deserialize_fields(model: type[models.Model], serialized: dict[str, Any]) -> dict[str, Any]:
    """Return the values that `serialize_fields` wrote, by the attribute names of `model`."""
    values = {}
    for name, value in serialized.items():
        column: Any = model._meta.get_field(name)
        values[column.attname] = column.to_python(value)
    return values
