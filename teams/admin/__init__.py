"""The facilitators' desk: memberships, members, organizations, teams and what they publish."""

from teams.admin.content import ActionTeamAdmin
from teams.admin.deciding import AT_ONCE
from teams.admin.decisions import DeskDecisionAdmin, go_on_with_decisions
from teams.admin.domains import EmailDomainAdmin
from teams.admin.faq import FaqEntryAdmin
from teams.admin.goals import GoalAdmin
from teams.admin.memberships import MembershipAdmin
from teams.admin.organizations import OrganizationAdmin
from teams.admin.people import MemberAdmin
from teams.admin.questions import QuestionAdmin

__all__ = [
    "AT_ONCE",
    "ActionTeamAdmin",
    "DeskDecisionAdmin",
    "EmailDomainAdmin",
    "FaqEntryAdmin",
    "GoalAdmin",
    "MemberAdmin",
    "MembershipAdmin",
    "OrganizationAdmin",
    "QuestionAdmin",
    "go_on_with_decisions",
]
