"""Deciding: the steps that a facilitator takes, and those that follow from them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from members.dates import long_date
from members.emails import bulk_queue
from members.models import Member, Organization
from members.services import (
    Refused,
    bulk_save_with_history,
    get_or_create_member,
    lock_open_account,
    locked_organization,
    save_with_history,
)
from teams import emails
from teams.models import ActionTeam, Membership
from teams.services.joining import locked


def approve_membership(membership: Membership, *, by: Member) -> Membership:
    """Say yes to a request. Refuses one that is decided already, and one whose organization
    is not recognized or whose affiliation is not confirmed: that comes first."""
    with transaction.atomic():
        row = locked(membership)
        _refuse_unless(row, Membership.Status.REQUESTED)
        if row.waits_for == "organization":
            raise Refused(
                f"Recognize {row.member.organization or 'an organization'} first; "
                f"{row.member} waits for that."
            )
        if row.waits_for == "affiliation":
            raise Refused(f"Confirm first that {row.member} works for {row.member.organization}.")
        _activate(row, "approved", by)
        emails.membership_approved(row)
    return row


def decline_membership(membership: Membership, *, reason: str, by: Member) -> Membership:
    """Say no to a request, with a reason that the member reads. Refuses without a reason, and
    a request that is decided already."""
    if not reason.strip():
        raise Refused("Give a reason. The member reads it.")
    with transaction.atomic():
        row = locked(membership)
        _refuse_unless(row, Membership.Status.REQUESTED)
        save_with_history(row, by, "declined", **_declined(reason.strip(), by))
        emails.membership_declined(row.member, [row.team], reason.strip())
    return row


def end_membership(membership: Membership, *, reason: str, by: Member) -> Membership:
    """End an active stay, with a reason that the member reads. Refuses without a reason, and
    a stay that is not active (any more)."""
    if not reason.strip():
        raise Refused("Give a reason. The member reads it.")
    with transaction.atomic():
        row = locked(membership)
        _refuse_unless(row, Membership.Status.ACTIVE)
        save_with_history(
            row,
            by,
            "ended",
            status=Membership.Status.ENDED,
            ended_at=timezone.now(),
            ended_by=by,
            reason=reason.strip(),
        )
        emails.membership_ended(row)
    return row


def add_member(
    email: str, *, full_name: str, organization: Organization, team: ActionTeam, by: Member
) -> Membership:
    """Make a person an active member of `team` without a request, and tell them by email.

    A new person gets an account with `organization`, vouched for by the facilitator; of a
    known one nothing is changed but an affiliation that nobody had confirmed. A waiting
    request is approved. Refuses an organization that is not recognized, a closed account, and
    someone who is a member already.
    """
    with transaction.atomic():
        organization = locked_organization(organization)
        if not organization.is_recognized:
            raise Refused(
                f"Recognize {organization.canonical} first, or choose it by its own name."
            )
        member = lock_open_account(get_or_create_member(email, full_name=full_name, job_title=""))
        newly_confirmed = not member.is_affiliation_confirmed
        if newly_confirmed:
            save_with_history(
                member,
                by,
                "affiliation confirmed by a facilitator",
                organization=organization,
                affiliation_confirmed_at=timezone.now(),
                affiliation_confirmed_via=Member.ConfirmedVia.FACILITATOR,
                affiliation_confirmed_by=by,
            )
        current = Membership.objects.of(member).current().select_for_update(no_key=True)
        stay = current.filter(team=team).first()
        if stay and stay.is_active:
            raise Refused(f"{member} is a member of {team} already.")
        stay = stay or Membership(member=member, team=team)
        _activate(stay, "added by a facilitator", by)
        emails.membership_added(stay, by)
        if newly_confirmed:
            activate_open_requests([member], by=by)  # what they have asked of other open teams
    return stay


def activate_open_requests(members: Iterable[Member], *, by: Member | None) -> None:
    """Open what `members`, whose affiliation is confirmed now, have asked of open teams.

    One email for each person who waits for something: what is open now, what still waits.
    """
    waiting = _requests_of(members)
    opened = [stay for _, stays in waiting for stay in stays if stay.team.is_open]
    bulk_save_with_history(
        opened,
        by,
        "opened with the affiliation",
        status=Membership.Status.ACTIVE,
        decided_at=timezone.now(),
        decided_by=by,
    )
    with bulk_queue():
        for member, stays in waiting:
            emails.organization_recognized(
                member,
                [stay for stay in stays if stay.is_active],
                [stay for stay in stays if stay.is_waiting],
            )


def decline_requests(members: Iterable[Member], *, reason: str, by: Member) -> None:
    """Decline all that `members` of a declined organization have asked; one email a person."""
    waiting = _requests_of(members)
    declined = [stay for _, stays in waiting for stay in stays]
    bulk_save_with_history(declined, by, "declined", **_declined(reason, by))
    with bulk_queue():
        for member, stays in waiting:
            emails.membership_declined(
                member, [stay.team for stay in stays], reason, member.organization
            )


def refuse_if_joined_since(members: Iterable[Member], since: datetime) -> None:
    """Refuse when one of `members`, whose confirmation is being taken back, became a member of a
    team after `since` and still is."""
    joined = Membership.objects.active().filter(member__in=list(members), decided_at__gte=since)
    if stay := joined.select_related("member", "team").first():
        raise Refused(
            f"{stay.member} became a member of {stay.team} since. Undo or end that first."
        )


def _requests_of(members: Iterable[Member]) -> Sequence[tuple[Member, list[Membership]]]:
    """The waiting requests, locked, of those of `members` who have any."""
    by_pk = {member.pk: member for member in members}
    waiting: dict[int, list[Membership]] = defaultdict(list)
    rows = Membership.objects.waiting().filter(member__in=by_pk).select_related("team")
    for row in rows.select_for_update(of=("self",), no_key=True).order_by("pk"):
        row.member = by_pk[row.member_id]
        waiting[row.member_id].append(row)
    return [(by_pk[pk], requests) for pk, requests in waiting.items()]


def _activate(row: Membership, why: str, by: Member | None) -> None:
    save_with_history(
        row,
        by,
        why,
        status=Membership.Status.ACTIVE,
        decided_at=timezone.now(),
        decided_by=by,
    )


def _declined(reason: str, by: Member) -> dict[str, Any]:
    return {
        "status": Membership.Status.DECLINED,
        "decided_at": timezone.now(),
        "decided_by": by,
        "reason": reason,
    }


def _refuse_unless(row: Membership, status: str) -> None:
    """Tell whoever comes second what happened to the row meanwhile."""
    if row.status == status:
        return
    who, when = (row.ended_by, row.ended_at) if row.ended_at else (row.decided_by, row.decided_at)
    told = f"{row.member} and {row.team}: already {row.get_status_display().lower()}"
    if when:
        told += f" on {long_date(when)}"
    if who:
        told += f" by {who}"
    raise Refused(f"{told}. Nothing was changed.")
