"""What teams do when `members` has decided about affiliations, in the same transaction."""

from typing import Any

from django.dispatch import receiver

from members.models import Member
from members.signals import affiliations_decided
from teams.services import decline_requests, release_requests


@receiver(affiliations_decided)
def follow_affiliations(
    *, members: list[Member], confirmed: bool, reason: str, by: Member | None, **kwargs: Any
) -> None:
    """Open the requests of those who are confirmed; decline those of a declined organization."""
    if confirmed:
        release_requests(members, by=by)
    elif by is not None:
        decline_requests(members, reason=reason, by=by)
