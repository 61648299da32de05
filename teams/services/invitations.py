"""Inviting people by email, and what they become when they accept."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from members.email_addresses import normalize_address
from members.models import Member
from members.services import Refused, has_bounced, lock_open_account, save_with_history
from teams import emails
from teams.models import (
    INVITED_ALREADY,
    MAX_INVITATION_EMAILS,
    ActionTeam,
    Invitation,
    Membership,
)
from teams.services.meeting_emails import NextMeetings
from teams.services.people import add_facilitator

Role = Invitation.Role

# After an invitation has expired or was withdrawn: then nobody needs the address.
INVITATION_RETENTION = timedelta(days=90)


@transaction.atomic
def invite(
    email: str, role: str, *, by: Member, team: ActionTeam | None = None, note: str = ""
) -> Invitation:
    """Invite the person at `email` to facilitate `team`, or to administer the portal; return the
    invitation. Whether there is an account with the address changes nothing.

    An open invitation to the same is sent again. Refuses if that was sent too often, and what
    someone else sends at the same time.
    """
    address = normalize_address(email)
    same = Invitation.objects.filter(email=address, role=role, team=team)
    pending = same.filter(accepted_at=None, cancelled_at=None)
    if invitation := pending.select_for_update().first():
        return send_again(invitation, by=by)
    invitation = Invitation(email=address, role=role, team=team, note=note, invited_by=by)
    try:
        with transaction.atomic():
            save_with_history(invitation, by, "invited")
    except IntegrityError as error:
        # Another press of the button was first.
        raise Refused(INVITED_ALREADY) from error
    _send(invitation)
    return invitation


@transaction.atomic
def invite_member(member: Member, *, by: Member) -> Invitation:
    """Invite a person whose account others have made, as an import does; return the invitation.

    Refuses one who has signed in, a closed account, and what was sent too often.
    """
    member = lock_open_account(member)
    if member.last_login:
        raise Refused(f"{member} has already signed in. Nothing was sent.")
    return invite(member.email, Role.MEMBER, by=by)


@transaction.atomic
def send_again(invitation: Invitation, *, by: Member) -> Invitation:
    """Send the email of `invitation` once more; return the stored one. Refuses what was accepted or
    cancelled, and more than MAX_INVITATION_EMAILS."""
    invitation = Invitation.objects.select_for_update(of=["self"]).get(pk=invitation.pk)
    if invitation.accepted_at or invitation.cancelled_at:
        raise Refused(
            f"The invitation of {invitation.email} was already accepted or cancelled. "
            "Nothing was sent."
        )
    if invitation.sent_count >= MAX_INVITATION_EMAILS:
        raise Refused(
            f"{invitation.email} was invited {MAX_INVITATION_EMAILS} times. Nothing was sent. "
            "Write to the person yourself."
        )
    save_with_history(
        invitation,
        by,
        "sent again",
        invited_by=by,
        sent_at=timezone.now(),
        sent_count=invitation.sent_count + 1,
    )
    _send(invitation)
    return invitation


def _send(invitation: Invitation) -> None:
    if invitation.role != Role.MEMBER:
        emails.invitation(invitation)
    elif member := Member.objects.account_of(invitation.email):
        if has_bounced(member):
            raise Refused(f"Emails to {member.email} came back. Nothing was sent.")
        joined = list(Membership.objects.of(member).active().select_related("team"))
        meetings = NextMeetings().of(joined)
        emails.account_claim(member, joined, invitation.invited_by, meetings)


@transaction.atomic
def cancel_invitation(invitation: Invitation, *, by: Member) -> None:
    """Let nobody accept `invitation` any longer, without an email. Refuses what is settled."""
    invitation = Invitation.objects.select_for_update(of=["self"]).get(pk=invitation.pk)
    if invitation.accepted_at or invitation.cancelled_at:
        raise Refused(
            f"The invitation of {invitation.email} was already accepted or cancelled. "
            "Nothing was changed."
        )
    save_with_history(invitation, by, "cancelled", cancelled_at=timezone.now())


def accept_invitations(member: Member, email: str) -> list[Invitation]:
    """Make `member`, who is locked, what they are invited to be at `email`, just proven: an address
    that opens their account. Return the invitations, inside the transaction of the caller.

    One by an administrator who no longer is one gives nothing.
    """
    accepted = []
    invitations = Invitation.objects.open().filter(email=normalize_address(email)).order_by("pk")
    for invitation in invitations.select_for_update():
        by = invitation.invited_by
        if invitation.role == Role.MEMBER or not (by.is_active and by.is_superuser):
            continue
        if invitation.team:
            add_facilitator(invitation.team, member, by=by)
        else:
            save_with_history(
                member, by, "administrator by invitation", is_staff=True, is_superuser=True
            )
        save_with_history(
            invitation, member, "accepted", accepted_at=timezone.now(), accepted_by=member
        )
        accepted.append(invitation)
    return accepted


def delete_old_invitations() -> None:
    """Delete what was not accepted, a while after its last email."""
    before = timezone.now() - INVITATION_RETENTION
    Invitation.objects.filter(accepted_at=None, sent_at__lt=before).delete()
