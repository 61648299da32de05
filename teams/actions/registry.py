"""The actions that staff can take on records: what each one does, by model and name.

An action is a function without HTTP. It calls one service and returns in words what happened; it
raises Refused where the rules do not allow it. The desk gives each action a page and buttons
(`desk.records`), and the mail worker processes what a request left unfinished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.history.decisions import Step, UndoRules, process_items
from members.models import Decision, Member
from members.services import Refused
from teams import services

FormData = dict[str, Any]
Execute = Callable[[Any, Member, FormData], str]
Record = TypeVar("Record", bound=models.Model)

# Younger unfinished decisions are still being processed by the request that created them.
PENDING_AFTER = timedelta(seconds=10)
# Emails go out between two rounds of the mail worker, so a round is short.
PENDING_SECONDS_PER_DECISION = 1.0
MAX_PENDING_DECISIONS = 5

NOT_ALLOWED = "The person who decided this may no longer do so. Nothing was changed."

# For the preview of an action that writes to many: it shows a few emails, and counts the rest.
MAX_EMAILS = "max_emails"

# Before the key of a team, where a form offers topics and teams in one list.
TEAM_PREFIX = "team-"


@dataclass(frozen=True)
class Action:
    """Something that staff decide about records of `model`; `execute` does it to one of them."""

    model: type[models.Model]
    name: str
    execute: Execute
    can_be_undone: bool = True
    administrators_only: bool = False

    def is_allowed_to(self, staff: Member) -> bool:
        """Return whether `staff` may take this action at all."""
        is_staff = staff.is_active and staff.is_staff
        return is_staff and (staff.is_superuser or not self.administrators_only)

    def step(self, by: Member, form_data: FormData) -> Step:
        """Return the action as a function of the key of a record. It refuses a record that `by`
        does not see when it is carried out."""

        def execute_for_key(key: int) -> str:
            record = self.model._default_manager.filter(pk=key).first()
            if record is None:
                raise Refused("It is no longer there. Nothing was changed.")
            if not services.visible_keys(self.model, [key], by):
                raise Refused(
                    f"One {self.model._meta.verbose_name} was left as it is: the person who "
                    "decided this no longer sees it at the desk."
                )
            return self.execute(record, by, form_data)

        return execute_for_key


ACTIONS: dict[tuple[str, str], Action] = {}


def action(
    model: type[models.Model],
    name: str,
    *,
    can_be_undone: bool = True,
    administrators_only: bool = False,
) -> Callable[[Execute], Execute]:
    """Register the decorated function as the action `name` of `model`."""

    def register(execute: Execute) -> Execute:
        ACTIONS[model._meta.label_lower, name] = Action(
            model, name, execute, can_be_undone, administrators_only
        )
        return execute

    return register


def get_action(model: type[models.Model], name: str) -> Action:
    """Return the action `name` of `model`; KeyError if there is none."""
    return ACTIONS[model._meta.label_lower, name]


def step_of(decision: Decision) -> Step:
    """Return what `decision` does to one record. It refuses where its author may not do it now:
    between two records the author may have been moved to another team, or have lost the desk."""
    registered = ACTIONS.get((decision.model_label, decision.action))

    def execute_for_key(key: int) -> str:
        author = Member.objects.get(pk=decision.by_id)
        if registered is None or not registered.is_allowed_to(author):
            raise Refused(NOT_ALLOWED)
        return registered.step(author, decision.form_data)(key)

    return execute_for_key


def undo_rules_of(decision: Decision) -> UndoRules:
    """Return the rules of undoing `decision`: as for deciding, by the person who undoes it."""
    registered = ACTIONS.get((decision.model_label, decision.action))

    def check_record(key: int, by: Member) -> None:
        if registered is None or not registered.is_allowed_to(by):
            raise Refused("the person who asked for it may no longer do so.")
        if not services.visible_keys(registered.model, [key], by):
            raise Refused("the person who asked for it no longer sees this at the desk.")

    return UndoRules(
        check_record,
        services.refuse_undo_if_built_upon,
        services.describe_for,
        {
            "teams.announcement": services.revert_sending,
            "teams.attendance": services.revert_answers,
        },
    )


def process_decision(decision: Decision, *, seconds: float) -> bool:
    """Process or undo items of `decision` for about `seconds`; return whether all are finished."""
    return process_items(
        decision, step_of(decision), seconds=seconds, undo_rules=undo_rules_of(decision)
    )


def process_pending_decisions() -> None:
    """Continue decisions that were too large for one request, or whose process was killed.

    The mail worker calls this every second.
    """
    now = timezone.now()
    # A decision of the future is from before the clock was set back, not from a running request.
    is_left = Q(created_at__lt=now - PENDING_AFTER) | Q(created_at__gt=now + PENDING_AFTER)
    pending = Decision.objects.unfinished().filter(is_left)
    for decision in pending.order_by("pk")[:MAX_PENDING_DECISIONS]:
        process_decision(decision, seconds=PENDING_SECONDS_PER_DECISION)


def merge_target(model: type[Record], form_data: FormData) -> Record:
    target = model._default_manager.filter(pk=form_data["into"]).first()
    if target is None:
        raise Refused("What it was to be merged into is no longer there.")
    return target
