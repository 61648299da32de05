"""Everything that can happen in teams. Nothing else writes the status of a membership."""

from teams.services.deciding import (
    activate_open_requests,
    add_member,
    approve_membership,
    decline_membership,
    decline_requests,
    end_membership,
    refuse_if_joined_since,
)
from teams.services.goals import report_goal
from teams.services.importing import (
    MemberData,
    MemberImportResult,
    import_members,
    lock_accounts,
)
from teams.services.joining import (
    Outcome,
    TeamOutcome,
    complete_join,
    join_teams,
    leave_team,
    withdraw_request,
)
from teams.services.merging import merge_members
from teams.services.people import (
    close_account,
    decline_all_requests,
    personal_data,
    set_facilitators,
)
from teams.services.questions import (
    answer_question,
    ask_question,
    confirm_entry,
    delete_old_addresses,
    dismiss_question,
    publish_question,
)
from teams.services.reminding import send_digests
from teams.services.waiting import Waiting, waiting_for

__all__ = [
    "MemberData",
    "MemberImportResult",
    "Outcome",
    "TeamOutcome",
    "Waiting",
    "add_member",
    "answer_question",
    "approve_membership",
    "ask_question",
    "close_account",
    "complete_join",
    "confirm_entry",
    "decline_all_requests",
    "decline_membership",
    "decline_requests",
    "dismiss_question",
    "end_membership",
    "delete_old_addresses",
    "import_members",
    "join_teams",
    "leave_team",
    "lock_accounts",
    "merge_members",
    "personal_data",
    "publish_question",
    "refuse_if_joined_since",
    "activate_open_requests",
    "report_goal",
    "send_digests",
    "set_facilitators",
    "waiting_for",
    "withdraw_request",
]
