"""Members and facilitators invite colleagues to join teams.

Nothing here tells whether there is an account with the address: an invitation is stored and its
email queued for every one, and what became of it is for those who may know (`with_joined`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.text import get_text_list

from members.email_addresses import mailbox_of, normalize_address
from members.email_domains import email_domain, has_known_ending, is_throwaway
from members.history.decisions import erase_items
from members.models import Decision, EmailDomain, Member, Move
from members.services import Refused, lock_open_account, save_with_history
from members.wording import counted, end_sentence
from teams.models import (
    MAX_INVITATION_EMAILS,
    ActionTeam,
    Invitation,
    InvitationQuerySet,
    Membership,
    team_keys,
)
from teams.services.invitation_emails import (
    ERASED_ENDING,
    delete_invitations,
    erase_addresses,
    may_invite,
    queue_invitations,
)

# Within 24 hours, of a member and of staff.
MAX_INVITATIONS = 10
MAX_STAFF_INVITATIONS = 300
# What a facilitator invites at a time.
MAX_PASTED_INVITATIONS = 100
COUNTED_PERIOD = timedelta(days=1)
# Reasons in the history that count.
INVITED, SENT_AGAIN = "invited", "sent again"
NOT_IN_A_TEAM = "You can invite colleagues once you are in a team. Nothing was sent."


@transaction.atomic
def invite_colleague(email: str, teams: Collection[ActionTeam], note: str, *, by: Member) -> None:
    """Invite the person at `email` to join `teams`, with a `note` of one line from `by`, a member
    or facilitator of a team.

    Refuses one's own address, a throwaway one, one that the inviter invited already or sees in
    one of `teams`, closed teams, and more than MAX_INVITATIONS a day.
    """
    inviter = _lock_inviter(by)
    address = normalize_address(email)
    if why := why_not_invited(address, inviter):
        raise Refused(why)
    if closed := [team.name for team in teams if team.is_closed]:
        raise Refused(f"Not taking new members right now: {', '.join(closed)}. Clear that choice.")
    if shown := _teams_that_show([address], teams, inviter)[address]:
        raise Refused(
            f"{address} is in {get_text_list(shown, 'and')} already, as you can see under “who is "
            "in the team”. Clear that choice."
        )
    _refuse_more_than_a_day(inviter, 1)
    _create([address], teams, note, inviter)


def why_not_invited(address: str, inviter: Member) -> str:
    """Return why `inviter` cannot invite this (normalized) address, and what to do; "" if they
    can. It depends on the address and on what the inviter knows, never on accounts of others."""
    if mailbox_of(address) in _addresses_of(inviter):
        return "This is your own address. Enter a colleague’s."
    if is_throwaway(email_domain(address)):
        return "This domain gives out throwaway addresses. Enter your colleague’s work address."
    if address in invited_addresses(inviter):
        return "You have invited this address already. Send that invitation again from your list."
    return ""


def typos_in(addresses: Iterable[str]) -> dict[str, str]:
    """Return those of `addresses` (normalized) that are probably typed wrong, each with the reason:
    another person may read the email there."""
    domains = {address: email_domain(address) for address in addresses}
    meant = EmailDomain.objects.probably_meant_by(sorted(set(domains.values())))
    doubts = {}
    for address, domain in domains.items():
        if domain in meant:
            doubts[address] = f"{domain} looks like {meant[domain]}"
        elif not has_known_ending(domain):
            doubts[address] = f"no address ends with .{domain.rpartition('.')[2]}"
    return doubts


def invited_addresses(inviter: Member) -> set[str]:
    """Return the addresses with an invitation of `inviter` that stands in their list."""
    return set(invitations_of(inviter).filter(Q(is_joined=False)).values_list("email", flat=True))


def invitations_of(inviter: Member) -> InvitationQuerySet:
    """Return the invitations in the list of `inviter`, newest first. `is_joined` says who joined
    that the inviter sees in a team; of all others nothing tells whether they did."""
    visible = Membership.objects.active().filter(team__in=team_keys(inviter))
    listed = Invitation.objects.sent_by(inviter).filter(cancelled_at=None)
    return listed.exclude(email__endswith=ERASED_ENDING).with_joined(visible)


@transaction.atomic
def resend_invitation(invitation: Invitation, *, by: Member) -> None:
    """Send the email of `invitation`, of `by`, once more; it is valid from now on again.

    Refuses more than MAX_INVITATION_EMAILS in all and MAX_INVITATIONS a day, one within a day of
    the last, and what is cancelled or no longer shown as open.
    """
    inviter = _lock_inviter(by)
    invitation = _lock(invitation, inviter)
    address = invitation.email
    if invitation.is_sent_often:
        raise Refused(
            f"{address} was invited {MAX_INVITATION_EMAILS} times. Nothing was sent. "
            "Write to the person yourself."
        )
    if not invitation.can_be_resent:
        when = format_date(timezone.localtime(invitation.resend_from), "l, P")
        raise Refused(
            f"{address} was invited less than a day ago. Send it again from {end_sentence(when)}"
        )
    _refuse_more_than_a_day(inviter, 1)
    save_with_history(
        invitation,
        by,
        SENT_AGAIN,
        sent_at=timezone.now(),
        sent_count=invitation.sent_count + 1,
    )
    queue_invitations([invitation], list(invitation.teams.all()))


@transaction.atomic
def cancel_colleague_invitation(invitation: Invitation, *, by: Member) -> None:
    """Let the link of `invitation`, of `by`, and its email if that has not left, lead nowhere."""
    invitation = _lock(invitation, by)
    save_with_history(invitation, by, "cancelled", cancelled_at=timezone.now())


def _lock(invitation: Invitation, inviter: Member) -> Invitation:
    """Return the stored invitation, locked. Refuses one that is not open as `inviter` sees it."""
    stored = Invitation.objects.select_for_update(of=["self"]).get(pk=invitation.pk)
    shown = invitations_of(inviter).filter(Q(is_joined=False), pk=stored.pk)
    if not Invitation.objects.sent_by(inviter).filter(pk=stored.pk).exists():
        raise Refused("Only the person who sent the invitation can do this. Nothing was changed.")
    if not shown.exists():
        raise Refused(
            f"The invitation to {stored.email} was already accepted or cancelled. "
            "Nothing was changed."
        )
    return stored


def invite_pasted(
    addresses: Sequence[str],
    team: ActionTeam,
    note: str,
    *,
    by: Member,
    max_emails: int | None = None,
) -> int:
    """Invite the people at `addresses` (normalized, each once) to join `team`; return how many.
    Those whom `by` invited already, or sees in the team, are left out. For a preview `max_emails`
    are invited, not all.

    Refuses a team that `by` does not facilitate, a closed one, more than MAX_PASTED_INVITATIONS
    at a time, and more than MAX_STAFF_INVITATIONS a day.
    """
    if not ActionTeam.objects.facilitated_by(by).filter(pk=team.pk).exists():
        raise Refused("You do not facilitate this team. Nothing was sent.")
    if team.is_closed:
        raise Refused(f"{team} is not taking new members right now. Nothing was sent.")
    if len(addresses) > MAX_PASTED_INVITATIONS:
        raise Refused(
            f"Invite at most {MAX_PASTED_INVITATIONS} people at a time. Nothing was sent."
        )
    with transaction.atomic():
        inviter = _lock_inviter(by)
        invited, shown = left_out(addresses, team, inviter)
        new = [address for address in addresses if address not in invited | shown]
        if not new:
            raise Refused("There is nobody new on this list. Nothing was sent.")
        _refuse_more_than_a_day(inviter, len(new))
        _create(new[:max_emails], [team], note, inviter)
    return len(new)


def left_out(
    addresses: Sequence[str], team: ActionTeam, inviter: Member
) -> tuple[set[str], set[str]]:
    """Return which of `addresses` `inviter` has invited already, or has themselves, and which of
    the others they see in `team`."""
    own = invited_addresses(inviter) | _addresses_of(inviter)
    shown = _teams_that_show(addresses, [team], inviter)
    in_team = {address for address, names in shown.items() if names}
    return own.intersection(addresses), in_team - own


def accept_colleague_invitations(
    member: Member, addresses: Iterable[str], invitation: int | None = None
) -> None:
    """Note, inside the transaction of the caller, that `member`, who is locked, has accepted the
    open invitations to `addresses`, which are proven, and the one with the key `invitation`, whose
    link led here. It gives nothing."""
    normalized = [normalize_address(address) for address in addresses]
    accepted = Invitation.objects.of_colleagues().open()
    accepted = accepted.filter(Q(email__in=normalized) | Q(pk=invitation)).order_by("pk")
    for each in accepted.exclude(invited_by=member).select_for_update(of=["self"]):
        save_with_history(each, member, "accepted", accepted_at=timezone.now(), accepted_by=member)


def erase_invitations(member: Member) -> None:
    """Erase, before the account of `member` is closed, what was sent to them and what they sent;
    of colleagues who joined only that they did is kept. Emails that have not left never do."""
    to_member, by_member = Invitation.objects.of(member), Invitation.objects.sent_by(member)
    erase_items(Invitation, to_member.values_list("pk", flat=True))
    delete_invitations(to_member)
    delete_invitations(by_member.filter(accepted_at=None))
    erase_addresses(by_member)
    _erase_pasted(_addresses_of(member))


def _erase_pasted(addresses: set[str]) -> None:
    """Erase what staff pasted within the last days, where one of `addresses` was in it."""
    pasted = Decision.objects.filter(
        model_label=ActionTeam._meta.label_lower, action="invite-people"
    )
    # What is still to be processed needs it.
    for decision in pasted.exclude(finished_at=None):
        if not addresses.isdisjoint(decision.form_data.get("addresses", [])):
            decision.form_data = {}
            decision.save(update_fields=["form_data"])


def _lock_inviter(by: Member) -> Member:
    """Return the stored account, locked, so that two of its presses are counted one after the
    other. Refuses who is in no team."""
    inviter = lock_open_account(by)
    if not may_invite(inviter):
        raise Refused(NOT_IN_A_TEAM)
    return inviter


def _addresses_of(inviter: Member) -> set[str]:
    """Return the addresses that are, or were, those of `inviter`."""
    accounts = [inviter, *inviter.merged_accounts.all()]
    former = Move.objects.former().filter(member__in=accounts)
    return {account.email for account in accounts} | set(former.values_list("old_email", flat=True))


def _teams_that_show(
    addresses: Collection[str], teams: Collection[ActionTeam], inviter: Member
) -> dict[str, list[str]]:
    """Return, by address, in which of `teams` the inviter sees its owner: on the roster of a team
    of theirs, where the owner shares the address, or as a facilitator of the team."""
    facilitated = ActionTeam.objects.facilitated_by(inviter).order_by().values("pk")
    shares = Q(member__shares_email=True, team__in=team_keys(inviter))
    active = Membership.objects.active().filter(team__in=teams, member__email__in=addresses)
    seen = active.filter(shares | Q(team__in=facilitated)).values_list(
        "member__email", "team__name"
    )
    names: dict[str, list[str]] = {address: [] for address in addresses}
    for address, name in seen.order_by("team__position", "team__name"):
        names[address].append(name)
    return names


def _refuse_more_than_a_day(inviter: Member, number: int) -> None:
    """Refuse `number` more invitations where the day has no room for them. What was cancelled or
    deleted since still counts, so the history is counted. The account is locked."""
    limit = MAX_STAFF_INVITATIONS if inviter.is_staff else MAX_INVITATIONS
    accounts = [inviter.pk, *inviter.merged_accounts.values_list("pk", flat=True)]
    sent = Invitation.history.filter(
        history_user__in=accounts,
        history_change_reason__in=[INVITED, SENT_AGAIN],
        history_date__gt=timezone.now() - COUNTED_PERIOD,
        role=Invitation.Role.COLLEAGUE,
    ).count()
    if sent + number > limit:
        rest = max(limit - sent, 0)
        can = counted(rest, "person", "people") if rest else "nobody"
        raise Refused(
            f"You can invite {limit} people a day, and {can} more today. Nothing was sent. "
            "Try again tomorrow."
        )


def _create(
    addresses: Sequence[str], teams: Collection[ActionTeam], note: str, inviter: Member
) -> None:
    """Store the invitations with their history, and queue their emails."""
    invitations = []
    for address in addresses:
        invitation = Invitation(
            email=address, role=Invitation.Role.COLLEAGUE, note=note, invited_by=inviter
        )
        save_with_history(invitation, inviter, INVITED)
        invitations.append(invitation)
    through = Invitation.teams.through
    through.objects.bulk_create(
        through(invitation=invitation, actionteam=team)
        for invitation in invitations
        for team in teams
    )
    queue_invitations(invitations, teams)
