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
from teams.services.invitation_emails import delete_invitations, erase_addresses
from teams.services.invitation_refusals import is_refused
from teams.services.meeting_emails import NextMeetings
from teams.services.people import add_facilitator

Role = Invitation.Role
STAFF = (Role.FACILITATOR, Role.ADMINISTRATOR)

REFUSED_BY_PERSON = (
    "This person asked not to be invited by the portal again. Nothing was sent. Write to them "
    "yourself; once they have joined, you can make them a facilitator or administrator."
)
# After an invitation has expired or was withdrawn: then nobody needs the address.
INVITATION_RETENTION = timedelta(days=90)


@transaction.atomic
def invite(
    email: str, role: str, *, by: Member, team: ActionTeam | None = None, note: str = ""
) -> Invitation:
    """Invite the person at `email` to facilitate `team`, or to administer the portal; return the
    invitation.

    An open invitation to the same is sent again. Refuses if that was sent too often, what someone
    else sends at the same time, and as `check_invitation`.
    """
    address = normalize_address(email)
    check_invitation(address, role, team)
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


def check_invitation(address: str, role: str, team: ActionTeam | None) -> None:
    """Refuse to invite as staff those who asked for no more invitations, who are it already, and
    whose account is not open: administrators see all that is stored, and have to know that the
    email would never arrive or lead to nothing."""
    if role not in STAFF:
        return
    if is_refused(address):
        raise Refused(REFUSED_BY_PERSON)
    account = Member.objects.account_of(address)
    if account is None:
        return
    if not account.is_active:
        raise Refused(f"The account of {address} is {account.inactive_reason}. Nothing was sent.")
    is_facilitator = team is not None and team.facilitators.filter(pk=account.pk).exists()
    if is_facilitator or (role == Role.ADMINISTRATOR and account.is_superuser):
        what = f"already facilitates {team}" if team else "is already an administrator"
        raise Refused(f"{account} {what}. Nothing was sent.")


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
    check_invitation(invitation.email, invitation.role, invitation.team)
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
    if invitation.role in STAFF:
        emails.invitation(invitation)
    elif member := Member.objects.account_of(invitation.email):
        if has_bounced(member):
            raise Refused(f"Emails to {member.email} came back. Nothing was sent.")
        joined = list(Membership.objects.of(member).active().select_related("team"))
        meetings = NextMeetings().of(joined)
        emails.account_claim(member, joined, invitation.invited_by, meetings)


@transaction.atomic
def cancel_invitation(invitation: Invitation, *, by: Member) -> None:
    """Let nobody accept `invitation` any longer, without an email. Refuses what is settled; of
    colleagues, who accepted is not for everyone to know."""
    invitation = Invitation.objects.select_for_update(of=["self"]).get(pk=invitation.pk)
    is_accepted = invitation.accepted_at and invitation.role != Role.COLLEAGUE
    if is_accepted or invitation.cancelled_at:
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
    invitations = Invitation.objects.of_staff().open().filter(email=normalize_address(email))
    for invitation in invitations.order_by("pk").select_for_update():
        by = invitation.invited_by
        if not (by.is_active and by.is_superuser):
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
    """Delete what was not accepted, a while after its last email. Of colleagues who joined, only
    that they did is kept: with another address, it may be one that they never had."""
    old = Invitation.objects.filter(sent_at__lt=timezone.now() - INVITATION_RETENTION)
    delete_invitations(old.filter(accepted_at=None))
    erase_addresses(old.of_colleagues())
