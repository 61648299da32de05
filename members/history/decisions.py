"""Decisions at the desk: worked off row by row, told beforehand, undone within two minutes.

What a decision does to a row is a *step*: a function that takes the key of the row, calls the
services and says in words what came of it. Each row has its own transaction: a process that is
killed leaves every row either decided, told and emailed, or as it was, and whoever works next
goes on with the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from post_office.models import STATUS, Email

from members.batches import BATCH_SIZE, batched
from members.history.changesets import capture_changes, plain
from members.history.saving import Refused, delete_with_history, save_with_history
from members.models import (
    UNDO_WINDOW,
    ChangeSource,
    Decision,
    DecisionItem,
    Member,
    Organization,
    change_source,
)
from members.models.decisions import SAFE
from members.services.affiliations import refuse_what_was_built_on

Step = Callable[[int], str]
PROCESSING_HOLD = timedelta(
    hours=1
)  # the emails of an unfinished decision wait longer than it takes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preview:
    """What a decision would do."""

    changes: list[dict[str, Any]]  # as in Trail
    mails: list[Email]
    refusals: list[str]

    def keys(self, label: str, field: str, value: Any) -> set[int]:
        """The rows of the model `label` whose `field` becomes `value`."""
        return {
            change["pk"]
            for change in self.changes
            if change["model"] == label and change.get("new", {}).get(field) == value
        }

    def count(self, label: str, field: str, value: Any) -> int:
        """How many rows of the model `label` get `value` as their `field`."""
        return len(self.keys(label, field, value))

    @property
    def confirmed(self) -> int:
        """How many people's affiliation is confirmed."""
        return len(
            {
                change["pk"]
                for change in self.changes
                if change["model"] == "members.member"
                and change.get("new", {}).get("affiliation_confirmed_at")
            }
        )


def preview_action(step: Step, keys: Sequence[int]) -> Preview:
    """Take `step` for the rows with these `keys`, tell what it did, and take all of it back.

    The rules themselves say what would happen, so nothing can be told that would not. Nothing
    is stored and no email goes out: the transaction is rolled back.
    """
    refusals: list[str] = []
    with capture_changes() as trail, transaction.atomic():
        for key in keys:
            seen = len(trail.changes), len(trail.mails)
            try:
                with transaction.atomic():
                    step(key)
            except Refused as refusal:
                refusals.append(str(refusal))
                del trail.changes[seen[0] :], trail.mails[seen[1] :]
        mails = list(Email.objects.filter(pk__in=trail.mails).order_by("pk"))
        transaction.set_rollback(True)
    return Preview(trail.changes, mails, refusals)


def create_decision(
    about: type[models.Model],
    name: str,
    *,
    title: str,
    keys: Sequence[int],
    answers: dict[str, Any],
    can_be_undone: bool,
    by: Member,
) -> Decision:
    """Store that `by` decided `name` about the rows with these keys; `process_decision` does it."""
    with transaction.atomic():
        decision = Decision.objects.create(
            by=by,
            about=about._meta.label_lower,
            name=name,
            title=title[:400],
            answers=answers,
            can_be_undone=can_be_undone,
        )
        DecisionItem.objects.bulk_create(
            [DecisionItem(decision=decision, object_id=key) for key in dict.fromkeys(keys)],
            batch_size=BATCH_SIZE,
        )
    return decision


def process_decision(decision: Decision, step: Step, *, seconds: float) -> bool:
    """Go on with `decision` for about `seconds`; returns whether it is finished.

    Any number of processes may call this at the same time: a row is taken by one of them.
    """
    until = time.monotonic() + seconds
    many = decision.rows.count() > 1
    how = ChangeSource.BULK if many else ChangeSource.HAND
    while _work_one(decision, step, how):
        if time.monotonic() > until:
            return False
    return _finish(decision)


def _work_one(decision: Decision, step: Step, how: str) -> bool:
    """Decide about one row that nobody has taken yet, or undo it; False if there is none."""
    with transaction.atomic():
        fresh = Decision.objects.get(pk=decision.pk)
        undoing = fresh.undo_asked_at is not None
        wanted = DecisionItem.Outcome.DONE if undoing else DecisionItem.Outcome.WAITING
        order = F("pk").desc() if undoing else F("pk").asc()
        open_rows = decision.rows.filter(outcome=wanted).order_by(order)
        row = open_rows.select_for_update(skip_locked=True, no_key=True).first()
        if row is None:
            return False
        with change_source(how):
            if undoing:
                _undo_one(row, fresh)
            else:
                _take_one(row, fresh, step)
        row.save()
    return True


def _take_one(row: DecisionItem, decision: Decision, step: Step) -> None:
    now = timezone.now()
    hold_until = now + PROCESSING_HOLD if decision.can_be_undone else None
    try:
        with capture_changes(hold_until) as trail, transaction.atomic():
            row.told = step(row.object_id)
    except Refused as refusal:
        row.outcome, row.told = DecisionItem.Outcome.REFUSED, str(refusal)
    except Exception:
        # One row that breaks must not stop the others, nor be tried for ever.
        log.exception("Decision %s, row %s", decision.pk, row.object_id)
        row.outcome = DecisionItem.Outcome.REFUSED
        row.told = "This did not work and nothing was changed. The error is in the log."
    else:
        row.outcome = DecisionItem.Outcome.DONE
        row.changes, row.mails = trail.changes, trail.mails


def _finish(decision: Decision) -> bool:
    """Let the emails go in two minutes, once no row is left; returns whether none is."""
    with transaction.atomic():
        fresh = Decision.objects.select_for_update(no_key=True).get(pk=decision.pk)
        undoing = fresh.undo_asked_at is not None
        open_rows = fresh.rows.filter(
            outcome=DecisionItem.Outcome.DONE if undoing else DecisionItem.Outcome.WAITING
        )
        if open_rows.exists():
            return False  # another process still works on them
        if fresh.finished_at is None:
            fresh.finished_at = timezone.now()
            done = fresh.rows.filter(outcome=DecisionItem.Outcome.DONE)
            fresh.can_be_undone = fresh.can_be_undone and (undoing or done.exists())
            fresh.save(update_fields=["finished_at", "can_be_undone"])
            if fresh.can_be_undone:  # the emails of what was not undone wait once more
                _hold_mails(fresh, fresh.finished_at + UNDO_WINDOW + SAFE)
    decision.refresh_from_db()
    return True


def _hold_mails(decision: Decision, until: Any) -> None:
    """Let the emails of `decision` that have not left go out at `until`, not before."""
    keys = [key for mails in decision.rows.values_list("mails", flat=True) for key in mails]
    for batch in batched(keys):
        Email.objects.filter(pk__in=batch, status=STATUS.queued).update(scheduled_time=until)


def undo_decision(decision: Decision, *, by: Member) -> None:
    """Begin to undo `decision`: its emails stay where they are, and rows that were not decided
    yet are not any more; `process_decision` does the rest. Refuses when the two minutes are over,
    and the decision of somebody else unless `by` is an administrator."""
    with transaction.atomic():
        row = Decision.objects.select_for_update(no_key=True).get(pk=decision.pk)
        if row.by_id != by.pk and not by.is_superuser:
            raise Refused(f"Only {row.by} can undo this.")
        if row.undo_asked_at:
            raise Refused("This is undone already.")
        if not row.is_undoable:
            raise Refused("It is too late to undo this: its emails have gone out.")
        row.undo_asked_at, row.finished_at = timezone.now(), None
        row.save(update_fields=["undo_asked_at", "finished_at"])
        row.rows.filter(outcome=DecisionItem.Outcome.WAITING).update(
            outcome=DecisionItem.Outcome.UNDONE, told="Not decided: you took it back before."
        )
        _hold_mails(row, timezone.now() + PROCESSING_HOLD)
    decision.refresh_from_db()


def _undo_one(row: DecisionItem, decision: Decision) -> None:
    """Put back what one row changed, and drop its emails; unless something changed since."""
    try:
        with transaction.atomic():
            if not row.changes:
                raise Refused("an account that it was about is closed.")
            for change in reversed(row.changes):
                _take_back(change, decision)
            _refuse_if_built_on(row.changes, decision)
            dropped, _ = Email.objects.filter(pk__in=row.mails, status=STATUS.queued).delete()
    except (Refused, IntegrityError, models.ProtectedError) as refusal:
        row.outcome = DecisionItem.Outcome.KEPT
        why = str(refusal) if isinstance(refusal, Refused) else "something was built on it since."
        row.told = f"{row.told} Not undone: {why}"
        return
    row.outcome, row.changes, row.mails = DecisionItem.Outcome.UNDONE, [], []
    mails = ", and no email was sent" if dropped else ""
    row.told = f"Undone{mails}: {row.told}"


def _refuse_if_built_on(changes: list[dict[str, Any]], decision: Decision) -> None:
    """Refuse to undo what somebody's membership or affiliation rests on by now."""
    keys: dict[str, set[int]] = {"members.member": set(), "members.organization": set()}
    for change in changes:
        if change["model"] in keys:
            keys[change["model"]].add(change["pk"])
    people = Member.objects.filter(affiliation_confirmed_at=None, pk__in=keys["members.member"])
    organizations = Organization.objects.filter(pk__in=keys["members.organization"])
    refuse_what_was_built_on(list(people), list(organizations), decision.taken_at)


def _take_back(change: dict[str, Any], decision: Decision) -> None:
    model = apps.get_model(change["model"])
    why = f"undone: {decision.title}"
    if "new" not in change:
        returned = model(pk=change["pk"], **_values(model, change["old"]))
        _bring_back(returned, decision.by, why)
        return
    found = model._base_manager.filter(pk=change["pk"])
    row = found.select_for_update(no_key=True).first()
    if row is None:
        raise Refused("it is not there any more.")
    if "old" not in change:
        delete_with_history(row, decision.by, why)
        return
    if plain(row, list(change["new"])) != change["new"]:
        raise Refused(f"{row} has changed meanwhile.")
    save_with_history(row, decision.by, why, **_values(model, change["old"]))


def _bring_back(row: models.Model, by: Member, why: str) -> None:
    """Store a removed row again, under its old key."""
    row._history_user, row._change_reason = by, why  # type: ignore[attr-defined]
    row.save(force_insert=True)


def _values(model: type[models.Model], plain_values: dict[str, Any]) -> dict[str, Any]:
    """The fields of `model` with the values that `plain` made plain."""
    values = {}
    for name, value in plain_values.items():
        column: Any = model._meta.get_field(name)
        values[column.attname] = column.to_python(value)
    return values
