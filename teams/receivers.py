"""What teams do when `members` has decided about affiliations, in the same transaction."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from members.models import Member
from members.signals import affiliations_decided
from teams.services import activate_open_requests, decline_requests, refuse_if_joined_since


@receiver(affiliations_decided)
def follow_affiliations(
    *,
    members: list[Member],
    confirmed: bool,
    reason: str,
    by: Member | None,
    undone_since: datetime | None,
    **kwargs: Any,
) -> None:
    """Open the requests of those who are confirmed; decline those of a declined organization.
    Refuse to undo a confirmation that a membership rests on."""
    if undone_since:
        refuse_if_joined_since(members, undone_since)
    elif confirmed:
        activate_open_requests(members, by=by)
    elif by is not None:
        decline_requests(members, reason=reason, by=by)
