"""The emails that invite colleagues: all of them are queued, and right before sending one, the
mail worker checks whether the person wants it. So the member who invites always gets the same
answer after the same work, and learns nothing from either."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import CharField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from post_office.models import STATUS, Email

from members.email_addresses import mailbox_of
from members.models import Bounce, Member
from teams import emails
from teams.models import (
    MAX_INVITATION_EMAILS,
    ActionTeam,
    Invitation,
    InvitationQuerySet,
    Membership,
    TeamEmail,
    team_keys,
)
from teams.services.invitation_refusals import is_refused, refusal_url

# Between the invitations of two members to one address.
OTHERS_INVITE_AFTER = timedelta(days=7)
# Of an address that was erased, as those of closed accounts end.
ERASED_ENDING = "@closed.invalid"


def queue_invitations(invitations: Sequence[Invitation], teams: Collection[ActionTeam]) -> None:
    """Queue the emails of `invitations`, which have one inviter, one note and these `teams`."""
    recipients = [(each, refusal_url(each.email)) for each in invitations]
    written = emails.colleague_invited(recipients, teams)
    TeamEmail.objects.bulk_create(
        TeamEmail(email=email, invitation=invitation)
        for invitation, email in zip(invitations, written, strict=True)
    )


def may_invite(member: Member) -> bool:
    """Return whether `member` may invite colleagues: active in a team, or facilitating one."""
    return member.is_active and (member.is_superuser or bool(team_keys(member)))


def why_not_to_invite(invitation: Invitation) -> str:
    """Return why the email of `invitation` is not to be sent, in words for the log, which do not
    tell about the person; "" if it is.

    Not where the person asked for no more, has an account with nothing to join, or was invited by
    others within OTHERS_INVITE_AFTER or MAX_INVITATION_EMAILS times in all. A member whose account
    is in all the teams gets none: there is nothing they could do with it.
    """
    if invitation.accepted_at or invitation.cancelled_at or invitation.is_expired:
        return "the invitation is no longer open"
    if not may_invite(invitation.invited_by):
        return "the inviter may no longer invite"
    is_unwanted = (
        is_refused(invitation.email)
        or Bounce.objects.open().filter(address=invitation.email).exists()
        or _has_nothing_to_join(invitation)
        or _was_invited_enough(invitation)
    )
    return "the person would not want it" if is_unwanted else ""


def _has_nothing_to_join(invitation: Invitation) -> bool:
    """Return whether the teams have all been closed since, or the person has an account which is in
    all of them, or is not open."""
    teams = {team.pk for team in invitation.teams.all() if not team.is_closed}
    if account := Member.objects.account_of(invitation.email):
        current = Membership.objects.of(account).current().values_list("team", flat=True)
        teams = teams.difference(current) if account.is_active else set()
    return not teams


def _was_invited_enough(invitation: Invitation) -> bool:
    """Return whether the address got as many emails as anyone gets, from all inviters together, or
    one from another inviter a short while ago."""
    mailbox = mailbox_of(invitation.email)
    local, _, domain = mailbox.rpartition("@")
    is_tagged = Q(email__startswith=f"{local}+", email__endswith=f"@{domain}")
    to_address = Invitation.objects.of_colleagues().filter(Q(email=mailbox) | is_tagged)
    number = to_address.aggregate(number=Sum("delivered_count"))["number"]
    since = timezone.now() - OTHERS_INVITE_AFTER
    others = to_address.exclude(pk=invitation.pk).filter(delivered_at__gt=since)
    return number >= MAX_INVITATION_EMAILS or others.exists()


def note_delivered(email: Email) -> None:
    """Note that `email` left, if it is that of an invitation."""
    Invitation.objects.filter(emails__email=email.pk).update(
        delivered_count=F("delivered_count") + 1, delivered_at=timezone.now()
    )


def waiting_emails_of(invitations: InvitationQuerySet) -> QuerySet[Email]:
    """Return the emails of `invitations` that have not left."""
    waiting = Q(status=STATUS.queued) | Q(status=STATUS.requeued)
    queued: QuerySet[Email] = Email.objects.filter(
        waiting, team_email__invitation__in=invitations.values("pk")
    )
    return queued


def erase_addresses(invitations: InvitationQuerySet) -> None:
    """Erase whom `invitations` were for, and the notes."""
    address = Concat(Value("erased-"), Cast("pk", CharField()), Value(ERASED_ENDING))
    invitations.exclude(email__endswith=ERASED_ENDING).update(email=address, note="")


@transaction.atomic
def delete_invitations(invitations: InvitationQuerySet) -> None:
    """Delete `invitations` with their emails that have not left, which nothing else would stop."""
    waiting_emails_of(invitations).delete()
    invitations.delete()
