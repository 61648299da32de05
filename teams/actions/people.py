"""What staff decide about people: their memberships, accounts, invitations and addresses."""

from __future__ import annotations

from django.db.models import QuerySet

from members import services as member_services
from members.models import Bounce, Member, Move
from members.wording import counted, end_sentence
from teams import services
from teams.actions.registry import MAX_EMAILS, FormData, action, merge_target
from teams.models import ActionTeam, Invitation, Membership

# Memberships


@action(Membership, "approve")
def approve_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.approve_membership(membership, by=by)
    return f"{membership.member} is an active member of {membership.team} now."


@action(Membership, "decline")
def decline_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.decline_membership(membership, reason=form_data["reason"], by=by)
    return f"The request of {membership.member} for {membership.team} is declined."


@action(Membership, "end")
def end_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.end_membership(membership, reason=form_data["reason"], by=by)
    return f"The membership of {membership.member} in {membership.team} has ended."


# Members


@action(Member, "confirm")
def confirm_affiliation(member: Member, by: Member, form_data: FormData) -> str:
    recognition = services.confirm_affiliation(member, by=by)
    # Teams that are not one's own are counted, not named.
    visible = Membership.objects.of(member).visible_to(by)
    opened_names = _team_names(visible.filter(pk__in=[each.pk for each in recognition.opened]))
    other_count = len(recognition.opened) - len(opened_names)
    message = f"{member} is confirmed for {end_sentence(member.organization)}"
    if opened_names:
        message += f" Active member now: {', '.join(opened_names)}."
    if other_count:
        message += f" {counted(other_count, 'membership', 'memberships')} opened in other teams."
    if waiting_names := _team_names(visible.waiting()):
        message += f" Still waiting for a decision: {', '.join(waiting_names)}."
    return message


def _team_names(memberships: QuerySet[Membership]) -> list[str]:
    """Return the names of the teams, in the order of the lists."""
    ordered = memberships.order_by("team__position", "team__name")
    return list(ordered.values_list("team__name", flat=True))


@action(Member, "unconfirm")
def unconfirm_affiliation(member: Member, by: Member, form_data: FormData) -> str:
    member_services.unconfirm_affiliation(member, reason=form_data["reason"], by=by)
    return (
        f"{member} is no longer confirmed for {end_sentence(member.organization)} Memberships stay."
    )


@action(Member, "decline")
def decline_all_requests(member: Member, by: Member, form_data: FormData) -> str:
    declined = services.decline_all_requests(member, reason=form_data["reason"], by=by)
    teams = ", ".join(membership.team.name for membership in declined)
    return f"Declined what {member} asked for: {teams}. One email says why."


@action(Member, "merge", administrators_only=True)
def merge_members(member: Member, by: Member, form_data: FormData) -> str:
    into = merge_target(Member, form_data)
    services.merge_members(member, into, by=by)
    return f"The account {member.email} is part of that of {into}, {into.email}, from now on."


@action(Member, "close", can_be_undone=False, administrators_only=True)
def close_account(member: Member, by: Member, form_data: FormData) -> str:
    services.close_account(member, by=by)
    return "The account is closed and the person’s details are erased."


@action(Member, "invite")
def invite_member(member: Member, by: Member, form_data: FormData) -> str:
    services.invite_member(member, by=by)
    return f"Invited {member} at {end_sentence(member.email)}"


# Invitations


@action(ActionTeam, "invite-people")
def invite_people(team: ActionTeam, by: Member, form_data: FormData) -> str:
    number = services.invite_pasted(
        form_data["addresses"],
        team,
        form_data["note"],
        by=by,
        max_emails=form_data.get(MAX_EMAILS),
    )
    return f"Invited {counted(number, 'person', 'people')} to {end_sentence(team)}"


@action(Invitation, "send-again")
def send_invitation_again(invitation: Invitation, by: Member, form_data: FormData) -> str:
    if invitation.role == Invitation.Role.COLLEAGUE:
        services.resend_invitation(invitation, by=by)
    else:
        services.send_again(invitation, by=by)
    return f"Invited {invitation.email} once more."


@action(Invitation, "cancel")
def cancel_invitation(invitation: Invitation, by: Member, form_data: FormData) -> str:
    services.cancel_invitation(invitation, by=by)
    return f"The invitation of {invitation.email} no longer works."


# Emails that came back


@action(Bounce, "still-there")
def settle_bounce(bounce: Bounce, by: Member, form_data: FormData) -> str:
    bounce = member_services.settle_bounce(bounce, by=by)
    return f"{bounce.member} gets emails at {bounce.address} again."


@action(Bounce, "left")
def record_departure(bounce: Bounce, by: Member, form_data: FormData) -> str:
    memberships = services.record_departure(bounce, reason=form_data["reason"], by=by)
    teams = ", ".join(str(membership.team) for membership in memberships)
    return f"{bounce.member} has left: {end_sentence(teams)}"


# Moves to another address


@action(Move, "approve", can_be_undone=False)
def approve_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.approve_move(move, by=by)
    return f"The account of {move.member} moved to {move.new_email}. Both addresses get an email."


@action(Move, "decline")
def decline_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.decline_move(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} keeps {move.old_email}. Both addresses get an email."


@action(Move, "keep")
def keep_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.keep_move(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} is open again, with {move.member.email}."


@action(Move, "return", can_be_undone=False)
def return_account(move: Move, by: Member, form_data: FormData) -> str:
    move = services.return_account(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} is open again, with its old address {move.old_email}."
