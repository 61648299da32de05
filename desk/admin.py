"""The facilitators' desk: memberships, members, organizations, teams and what they publish."""

from desk.actions.base import MAX_DECISION_ROWS
from desk.actions.log import DecisionAdmin, process_pending_decisions
from desk.records.domains import EmailDomainAdmin
from desk.records.emails import EmailAdmin
from desk.records.faq import FaqEntryAdmin
from desk.records.goals import GoalAdmin
from desk.records.members.records import MemberAdmin
from desk.records.memberships import MembershipAdmin
from desk.records.organizations import OrganizationAdmin
from desk.records.questions import QuestionAdmin
from desk.records.teams import ActionTeamAdmin

__all__ = [
    "MAX_DECISION_ROWS",
    "ActionTeamAdmin",
    "DecisionAdmin",
    "EmailDomainAdmin",
    "FaqEntryAdmin",
    "GoalAdmin",
    "EmailAdmin",
    "MemberAdmin",
    "MembershipAdmin",
    "OrganizationAdmin",
    "QuestionAdmin",
    "process_pending_decisions",
]
