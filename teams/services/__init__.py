"""Everything that can happen in teams: rules and transactions.

Steps about organizations and affiliations are here, too, because memberships follow from them.
"""

from teams.services.claims import (
    claim,
    claim_of,
    delete_settled_claims,
    release_claim,
    standing_claims,
    write_claim_note,
)
from teams.services.digests import send_digests
from teams.services.faq_search import search_faq
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
from teams.services.memberships import (
    add_member,
    approve_membership,
    decline_all_requests,
    decline_membership,
    end_membership,
)
from teams.services.merging import merge_members
from teams.services.moving import (
    approve_move,
    decline_move,
    keep_move,
    move_member,
    object_to_move,
    preview_move,
    request_move,
    return_account,
)
from teams.services.people import (
    change_profile,
    close_account,
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
from teams.services.recognition import (
    DomainMove,
    Recognition,
    add_domain,
    add_organization,
    confirm_affiliation,
    count_people_to_move,
    decline_organization,
    import_organizations,
    merge_organizations,
    move_domain,
    move_people,
    recognize_organization,
    refuse_undo_if_built_upon,
    set_affiliation,
)
from teams.services.taking_back import ImportedPeople, PeopleTakenBack, take_back_members
from teams.services.visibility import (
    confirmable_accounts,
    describe_for,
    mark_unseen,
    seen_account,
    seen_accounts,
    seen_former_addresses,
    visible_keys,
    visible_members,
)
from teams.services.waiting import Waiting, waiting_for

__all__ = [
    "DomainMove",
    "ImportedPeople",
    "MemberData",
    "MemberImportResult",
    "Outcome",
    "PeopleTakenBack",
    "Recognition",
    "TeamOutcome",
    "Waiting",
    "lock_accounts",
    "add_domain",
    "add_member",
    "add_organization",
    "answer_question",
    "approve_membership",
    "approve_move",
    "ask_question",
    "change_profile",
    "claim",
    "claim_of",
    "close_account",
    "complete_join",
    "confirm_affiliation",
    "confirmable_accounts",
    "confirm_entry",
    "count_people_to_move",
    "decline_all_requests",
    "decline_membership",
    "decline_move",
    "decline_organization",
    "delete_old_addresses",
    "delete_settled_claims",
    "describe_for",
    "dismiss_question",
    "end_membership",
    "import_members",
    "import_organizations",
    "join_teams",
    "keep_move",
    "leave_team",
    "mark_unseen",
    "merge_members",
    "merge_organizations",
    "move_domain",
    "move_people",
    "move_member",
    "object_to_move",
    "personal_data",
    "preview_move",
    "publish_question",
    "recognize_organization",
    "refuse_undo_if_built_upon",
    "report_goal",
    "release_claim",
    "request_move",
    "return_account",
    "search_faq",
    "seen_account",
    "seen_accounts",
    "seen_former_addresses",
    "send_digests",
    "set_affiliation",
    "set_facilitators",
    "standing_claims",
    "take_back_members",
    "visible_keys",
    "visible_members",
    "waiting_for",
    "withdraw_request",
    "write_claim_note",
]
