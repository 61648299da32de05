"""Decisions about memberships, as the tests make and process them."""

from members.history.decisions import UndoRules, process_items
from members.services import create_decision
from teams.models import Membership
from teams.services import approve_membership, end_membership, refuse_undo_if_built_upon

# Without what `teams.actions` checks about single records.
UNDO_RULES = UndoRules(
    lambda key, by: None, refuse_undo_if_built_upon, lambda record, by: str(record)
)


def decide(by, model, keys, action="decide", **fields):
    """Return a decision of which no item is processed yet."""
    return create_decision(
        model,
        action,
        title=action.capitalize(),
        keys=keys,
        form_data=fields.get("form_data", {}),
        can_be_undone=fields.get("can_be_undone", True),
        by=by,
    )


def process(decision, step, seconds=60):
    """Process or undo items of `decision`; return whether all are finished."""
    return process_items(decision, step, seconds=seconds, undo_rules=UNDO_RULES)


def approve_step(by):
    """Return a step that approves a request."""
    return lambda key: f"yes {approve_membership(Membership.objects.get(pk=key), by=by).pk}"


def end_step(by):
    """Return a step that ends a membership."""

    def end(key):
        end_membership(Membership.objects.get(pk=key), reason="Over.", by=by)
        return "ended"

    return end


def outcomes(decision) -> list[str]:
    return [item.outcome for item in decision.items.all()]
