"""Who people are and who employs them, and what the desk keeps of its own work."""

from members.models.desk import UNDO, DecidedRow, DeskDecision, DeskDecisionQuerySet, Export
from members.models.history import How, changing
from members.models.people import (
    EmailDomain,
    EmailDomainQuerySet,
    Member,
    MemberQuerySet,
    Organization,
    OrganizationQuerySet,
)

__all__ = [
    "UNDO",
    "DecidedRow",
    "DeskDecision",
    "DeskDecisionQuerySet",
    "EmailDomain",
    "EmailDomainQuerySet",
    "Export",
    "How",
    "Member",
    "MemberQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "changing",
]
