"""Who people are and who employs them, and what the desk keeps of its own work."""

from members.models.decisions import UNDO_WINDOW, Decision, DecisionItem, DecisionQuerySet
from members.models.history import ChangeSource, change_source
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
    "ChangeSource",
    "Member",
    "MemberQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "change_source",
]
