"""Decisions about memberships, as the tests take them."""

from members.services import create_decision
from teams.models import Membership
from teams.services import approve_membership, end_membership


def decide(by, model, keys, name="decide", **fields):
    """A decision that was pressed, and of which no row is worked off yet."""
    return create_decision(
        model,
        name,
        title=name.capitalize(),
        keys=keys,
        answers={},
        can_be_undone=fields.get("can_be_undone", True),
        by=by,
    )


def approving(by):
    return lambda key: f"yes {approve_membership(Membership.objects.get(pk=key), by=by).pk}"


def outcomes(decision) -> list[str]:
    return [row.outcome for row in decision.rows.all()]


def ending(by):
    def end(key):
        end_membership(Membership.objects.get(pk=key), reason="Over.", by=by)
        return "ended"

    return end
