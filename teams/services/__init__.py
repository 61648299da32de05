"""Everything that can happen in teams. Nothing else writes the status of a membership."""

from teams.services.deciding import (
    add_member,
    approve_membership,
    decline_membership,
    decline_requests,
    end_membership,
    release_requests,
)
from teams.services.joining import (
    Outcome,
    TeamOutcome,
    complete_join,
    join_teams,
    leave_team,
    withdraw_request,
)
from teams.services.people import (
    close_account,
    decline_all_requests,
    personal_data,
    set_facilitators,
)
from teams.services.reminding import send_digests, waiting_for

__all__ = [
    "Outcome",
    "TeamOutcome",
    "add_member",
    "approve_membership",
    "close_account",
    "complete_join",
    "decline_all_requests",
    "decline_membership",
    "decline_requests",
    "end_membership",
    "join_teams",
    "leave_team",
    "personal_data",
    "release_requests",
    "send_digests",
    "set_facilitators",
    "waiting_for",
    "withdraw_request",
]
