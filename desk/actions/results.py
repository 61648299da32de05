"""Stored results of decisions. Their text names people whom the reader may no longer see: a
facilitator who was moved to another team reads what they decided, without the names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.apps import apps

from members.models import Decision, DecisionItem, Member
from teams.models import Membership
from teams.services import visible_keys

# More decisions that can be undone are on a page of their own.
MAX_UNDO_FORMS = 2
# The results of decisions about other records name nobody.
ABOUT_PEOPLE = (Member, Membership)
# What replaces the result, and what became of it.
UNSEEN_RESULT = "This was about a person whom you no longer see."
WHAT_HAPPENED = {
    DecisionItem.Outcome.REFUSED: " Nothing was changed.",
    DecisionItem.Outcome.UNDONE: " It is undone.",
    DecisionItem.Outcome.UNDO_REFUSED: " It is not undone. An administrator can help.",
}


def undoable_decisions(staff: Member) -> list[Decision]:
    """Return the newest decisions that `staff` can undo, with what became of them. Most pages have
    none, and ask for no more than that."""
    newest = Decision.objects.of(staff).undoable().values_list("pk", flat=True)
    keys = list(newest[: MAX_UNDO_FORMS + 1])
    if not keys:
        return []
    decisions = list(Decision.objects.filter(pk__in=keys).with_summary())
    hide_unseen_summaries(decisions, staff)
    return decisions


def hide_unseen_results(decision: Decision, items: Sequence[DecisionItem], staff: Member) -> None:
    """Replace the results of those of the `items` of `decision` whose records `staff` no longer
    sees."""
    visible = _visible_keys(decision.model_label, [item.object_id for item in items], staff)
    for item in items:
        if item.object_id not in visible:
            outcome = DecisionItem.Outcome(item.outcome)
            item.result_message = UNSEEN_RESULT + WHAT_HAPPENED.get(outcome, "")


def hide_unseen_summaries(decisions: Iterable[Decision], staff: Member) -> None:
    """Replace the summaries, as `with_summary` added them, of those of `decisions` whose first
    records `staff` no longer sees. As many queries as there are kinds of records."""
    by_label: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        by_label[decision.model_label].append(decision)
    for label, same_kind in by_label.items():
        # Annotated by with_summary.
        keys = {decision.pk: decision.first_object_id for decision in same_kind}  # type: ignore[attr-defined]
        visible = _visible_keys(label, list(keys.values()), staff)
        for decision in same_kind:
            if keys[decision.pk] not in visible:
                decision.summary = UNSEEN_RESULT  # type: ignore[attr-defined]


def _visible_keys(model_label: str, keys: Sequence[int], staff: Member) -> set[int]:
    model = apps.get_model(model_label)
    return visible_keys(model, keys, staff) if model in ABOUT_PEOPLE else set(keys)
