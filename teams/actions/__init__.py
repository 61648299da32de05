"""The actions that staff can take on records; importing this registers all of them."""

from teams.actions import content, meetings, organizations, people
from teams.actions.registry import (
    ACTIONS,
    MAX_EMAILS,
    MAX_PENDING_DECISIONS,
    PENDING_AFTER,
    PENDING_SECONDS_PER_DECISION,
    TEAM_PREFIX,
    Action,
    get_action,
    process_decision,
    process_pending_decisions,
    step_of,
    undo_rules_of,
)

__all__ = [
    "ACTIONS",
    "Action",
    "MAX_EMAILS",
    "MAX_PENDING_DECISIONS",
    "PENDING_AFTER",
    "PENDING_SECONDS_PER_DECISION",
    "TEAM_PREFIX",
    "content",
    "get_action",
    "meetings",
    "organizations",
    "people",
    "process_decision",
    "process_pending_decisions",
    "step_of",
    "undo_rules_of",
]
