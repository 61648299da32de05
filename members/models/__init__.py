"""Who people are, who employs them, and what was decided about them."""

from members.models.bounces import Bounce, BounceQuerySet
from members.models.codes import MAX_CODE_TRIES, SentCode, SentCodeQuerySet
from members.models.decisions import UNDO_WINDOW, Decision, DecisionItem, DecisionQuerySet
from members.models.moves import OBJECTION_WINDOW, Move, MoveQuerySet
from members.models.organizations import (
    EmailDomain,
    EmailDomainQuerySet,
    Organization,
    OrganizationQuerySet,
)
from members.models.people import Member, MemberQuerySet
from members.models.site import SiteIdentity

__all__ = [
    "MAX_CODE_TRIES",
    "OBJECTION_WINDOW",
    "UNDO_WINDOW",
    "Bounce",
    "BounceQuerySet",
    "Decision",
    "DecisionItem",
    "DecisionQuerySet",
    "EmailDomain",
    "EmailDomainQuerySet",
    "Member",
    "MemberQuerySet",
    "Move",
    "MoveQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "SentCode",
    "SentCodeQuerySet",
    "SiteIdentity",
]
