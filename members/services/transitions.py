"""The only place that writes the status of an organization.

(new) --> PROPOSED --recognize--> RECOGNIZED --merge--> MERGED
              |--decline--> DECLINED --recognize--> RECOGNIZED
              |--merge--> MERGED       |--merge--> MERGED
                                       |--propose again--> PROPOSED
RECOGNIZED --the import that recognized it is taken back--> PROPOSED
"""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from members.batches import batched
from members.dates import long_date
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    save_with_history,
)
from members.models import Member, Organization
from members.normalize import clean_text, normalize_organization_name
from members.wording import end_sentence

Status = Organization.Status

TRANSITIONS: dict[str, set[Status]] = {
    Status.PROPOSED: {Status.RECOGNIZED, Status.DECLINED, Status.MERGED},
    Status.DECLINED: {Status.PROPOSED, Status.RECOGNIZED, Status.MERGED},
    Status.RECOGNIZED: {Status.MERGED, Status.PROPOSED},
    Status.MERGED: set(),
}


def new_organization(name: str, status: Status, *, by: Member, **fields: Any) -> Organization:
    """Return an organization that begins as `status`, decided by `by`; it is not stored yet."""
    name = clean_text(name)
    decision = _status_fields(status, by=by)
    return Organization(
        name=name, normalized_name=normalize_organization_name(name), **decision, **fields
    )


def lock_organization(organization: Organization) -> Organization:
    """Return the stored `organization`, which nobody else changes until the transaction ends."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def transition(
    organization: Organization,
    status: Status,
    *,
    by: Member,
    why: str,
    reason: str = "",
    **changes: Any,
) -> None:
    """Move `organization`, as `lock_organization` returned it in this transaction, to `status`,
    with `changes` of other fields, in one line of history.

    `why` stands in the history, `reason` is what members read. Refuses, saying what happened
    and when, unless the stored status allows the step.
    """
    stored = lock_organization(organization)
    if status not in TRANSITIONS[stored.status]:
        raise Refused(_already_decided(stored, by))
    decision = _status_fields(status, by=by, reason=reason)
    save_with_history(organization, by, why, **decision, **changes)


def transition_all(
    organizations: Sequence[Organization], status: Status, *, by: Member, why: str, **changes: Any
) -> None:
    """Move all `organizations`, locked by the caller, to `status`, with the same `changes` of other
    fields, in a few queries. Refuses all of them unless the stored status of each allows the
    step."""
    keys = [organization.pk for organization in organizations]
    for batch in batched(keys):
        stored = Organization.objects.filter(pk__in=batch).order_by("pk")
        for organization in stored.select_for_update(no_key=True):
            if status not in TRANSITIONS[organization.status]:
                raise Refused(_already_decided(organization, by))
    bulk_save_with_history(organizations, by, why, **_status_fields(status, by=by), **changes)


def _status_fields(status: Status, *, by: Member, reason: str = "") -> dict[str, Any]:
    """Return the fields that go with `status`."""
    if status == Status.PROPOSED:
        return {"status": status}
    fields: dict[str, Any] = {"status": status, "decided_at": timezone.now(), "decided_by": by}
    if status != Status.MERGED:
        fields["decision_reason"] = reason
    return fields


def _already_decided(organization: Organization, reader: Member) -> str:
    status = organization.get_status_display().lower()
    if organization.decided_at is None or organization.decided_by is None:
        return f"{organization.name} is {status}."
    return (
        f"{organization.name} was already {status} on {long_date(organization.decided_at)} "
        f"by {end_sentence(organization.decided_by.name_for_staff(reader))} Nothing was changed."
    )
