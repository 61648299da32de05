"""Claiming what waits, so that two facilitators do not work on it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from django.db import transaction
from django.utils import timezone

from members.dates import long_date
from members.models import Member
from members.services import Refused, save_with_history
from teams.models import Claim, Membership, Question, ResourceSuggestion, Submission, Topic
from teams.services.visibility import name_for

Claimable: TypeAlias = Submission | Membership
# By model, what a claim calls its record.
CLAIM_NAMES: dict[type[Claimable], str] = {
    Question: "question",
    ResourceSuggestion: "suggestion",
    Topic: "topic",
    Membership: "membership",
}


def claim_of(record: Claimable) -> Claim | None:
    """Return the claim of `record`, released or not; None if there was none, or it is decided."""
    if not record.is_waiting:
        return None
    return Claim.objects.filter(**_key(record)).select_related("claimed_by").first()


def standing_claims(records: Sequence[Claimable]) -> dict[Claimable, Claim]:
    """Return who takes care of which of `records`, all of one kind."""
    if not records:
        return {}
    (name,) = _key(records[0])
    claims = Claim.objects.standing().filter(**{f"{name}__in": records})
    by_key = {getattr(claim, f"{name}_id"): claim for claim in claims.select_related("claimed_by")}
    return {record: by_key[record.pk] for record in records if record.pk in by_key}


@transaction.atomic
def claim(record: Claimable, *, by: Member) -> Claim:
    """Note that `by` takes care of `record`; return the claim. Refuses what is decided, and what
    another facilitator has claimed."""
    _lock_waiting(record)
    claim = claim_of(record) or Claim(**_key(record))
    if claim.pk and Claim.objects.of_others(by).filter(pk=claim.pk).exists():
        raise Refused(_taken(claim, by))
    if claim.claimed_by != by:
        save_with_history(claim, by, "claimed", claimed_by=by, claimed_at=timezone.now())
    return claim


@transaction.atomic
def release_claim(record: Claimable, *, by: Member) -> None:
    """Give `record` back to all facilitators; the note stays. Any of them may, for one who is
    away. Refuses what is decided."""
    _lock_waiting(record)
    claim = claim_of(record)
    if claim and claim.claimed_by:
        save_with_history(claim, by, "released", claimed_by=None, claimed_at=None)


@transaction.atomic
def write_claim_note(record: Claimable, note: str, *, by: Member) -> None:
    """Replace the note to the other facilitators. Refuses what is decided, and anyone but who has
    claimed it."""
    _lock_waiting(record)
    claim = claim_of(record)
    if claim is None or claim.claimed_by is None:
        raise Refused("Nobody has taken this on. Take it on, then write the note.")
    if claim.claimed_by != by:
        raise Refused(_taken(claim, by))
    save_with_history(claim, by, "note written", note=note.strip())


def delete_settled_claims() -> int:
    """Delete the claims of what is decided, and their notes; return how many."""
    return Claim.objects.settled().delete()[1].get("teams.Claim", 0)


def _key(record: Claimable) -> dict[str, Claimable]:
    return {CLAIM_NAMES[type(record)]: record}


def _lock_waiting(record: Claimable) -> None:
    stored = type(record)._base_manager.select_for_update(no_key=True).get(pk=record.pk)
    if not stored.is_waiting:
        if isinstance(stored, Submission):
            status = stored.status_in_words
        else:
            status = stored.get_status_display()
        raise Refused(f"This is already {status.lower()}. Nothing was changed.")


def _taken(claim: Claim, by: Member) -> str:
    who = name_for(claim.claimed_by, by) if claim.claimed_by else "Nobody"
    since = f" since {long_date(claim.claimed_at)}" if claim.claimed_at else ""
    return f"{who} has been taking care of this{since}. Nothing was changed."
