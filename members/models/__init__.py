"""Who people are and who employs them, and what the desk keeps of its own work."""

from members.models.desk import UNDO, DecidedRow, DeskDecision, DeskDecisionQuerySet, Export
from members.models.history import How, changing
from members.models.jobs import JobRun, JobRunQuerySet
from members.models.people import (
    EmailDomain,
    EmailDomainQuerySet,
    Member,
    MemberQuerySet,
    Organization,
    OrganizationQuerySet,
)
from members.models.sessions import Session, SessionQuerySet

__all__ = [
    "UNDO",
    "DecidedRow",
    "DeskDecision",
    "DeskDecisionQuerySet",
    "EmailDomain",
    "EmailDomainQuerySet",
    "Export",
    "How",
    "JobRun",
    "JobRunQuerySet",
    "Member",
    "MemberQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "Session",
    "SessionQuerySet",
    "changing",
]
