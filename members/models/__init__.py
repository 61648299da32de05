"""Who people are, who employs them, and what was decided about them."""

from members.models.decisions import UNDO_WINDOW, Decision, DecisionItem, DecisionQuerySet
from members.models.people import (
    EmailDomain,
    EmailDomainQuerySet,
    Member,
    MemberQuerySet,
    Organization,
    OrganizationQuerySet,
)

__all__ = [
    "UNDO_WINDOW",
    "DecisionItem",
    "Decision",
    "DecisionQuerySet",
    "EmailDomain",
    "EmailDomainQuerySet",
    "Member",
    "MemberQuerySet",
    "Organization",
    "OrganizationQuerySet",
]
