"""What facilitators report about goals."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from members.models import Member
from members.normalize import clean_text
from members.services import Refused, save_with_history
from teams.models import Goal, GoalUpdate

# The same report by the same person within this time is one report.
REPEAT_WINDOW = timedelta(minutes=1)
MAX_SENTENCE_CHARACTERS = 300


def report_goal(
    goal: Goal, *, state: str, value: Decimal | None, sentence: str, by: Member
) -> GoalUpdate:
    """Store how `goal` stands now: its state, its number and one sentence on what was done; return
    the update.

    Without a value the goal keeps the number it has. A goal that had ended or was reached goes
    on, if the report says so. The same report again within a minute returns the first one.
    Refuses a report without a state or a sentence, a sentence that is too long, a number below
    0, and a number for a goal without a target.
    """
    sentence = clean_text(sentence)
    _refuse_unclear(state, value, sentence)
    with transaction.atomic():
        goal = Goal.objects.select_for_update(no_key=True).get(pk=goal.pk)
        if value is not None and goal.target is None:
            raise Refused(
                f"{goal} has no target to measure a number against. Set a target on the goal’s "
                "page first, or report without a number."
            )
        update = GoalUpdate(goal=goal, state=state, value=value, sentence=sentence, by=by)
        last = goal.updates.first()
        if last and _is_same(last, update):
            return last
        save_with_history(update, by, "progress reported")
        save_with_history(
            goal,
            by,
            f"reported: {sentence}",
            state=state,
            state_reason=sentence if state == Goal.State.AT_RISK else "",
            current=goal.current if value is None else value,
            reported_on=timezone.localdate(update.reported_at),
        )
    return update


def _refuse_unclear(state: str, value: Decimal | None, sentence: str) -> None:
    if not sentence:
        raise Refused("Say in one sentence what was done.")
    if len(sentence) > MAX_SENTENCE_CHARACTERS:
        raise Refused(f"Say it in at most {MAX_SENTENCE_CHARACTERS} characters.")
    if state not in Goal.State.values or state == Goal.State.UNREPORTED:
        raise Refused("Say how the goal stands.")
    if value is not None and value < 0:
        raise Refused("Enter 0 or a number above it.")


def _is_same(earlier: GoalUpdate, update: GoalUpdate) -> bool:
    """Return whether `update` repeats what the same person reported a moment ago."""
    names = ("state", "value", "sentence", "by_id")
    is_equal = all(getattr(earlier, name) == getattr(update, name) for name in names)
    return is_equal and update.reported_at - earlier.reported_at < REPEAT_WINDOW
