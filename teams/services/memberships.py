"""What facilitators decide about memberships: approving, declining, ending, adding."""

from django.db import transaction

from members.email_addresses import normalize_address
from members.models import Member, Organization
from members.normalize import normalize_person_name
from members.services import (
    Refused,
    confirm_affiliations,
    get_or_create_member,
    lock_organization,
)
from members.wording import end_sentence
from teams import emails
from teams.models import ActionTeam, Membership
from teams.services.answer_changes import link_guest_answers
from teams.services.meeting_emails import NextMeetings
from teams.services.recognition import activate_open_requests
from teams.services.transitions import (
    lock_membership,
    refuse_unless_allowed,
    start_membership,
    transition,
)
from teams.services.visibility import confirmable_accounts, seen_accounts, seen_former_addresses

Status = Membership.Status


def approve_membership(membership: Membership, *, by: Member) -> Membership:
    """Approve a request; return the stored membership. Refuses one that is decided already, and
    one whose organization is not recognized or whose affiliation is not confirmed: that comes
    first."""
    with transaction.atomic():
        membership = lock_membership(membership)
        refuse_unless_allowed(membership, Status.ACTIVE, by=by)
        member = membership.member
        if membership.waits_for == "organization":
            raise Refused(
                f"Recognize {member.organization or 'an organization'} first; "
                f"{member} waits for that."
            )
        if membership.waits_for == "affiliation":
            raise Refused(
                f"Confirm first that {member} works for {end_sentence(member.organization)}"
            )
        transition(membership, Status.ACTIVE, by=by, why="approved")
        emails.membership_approved(membership, NextMeetings().of([membership]))
    return membership


def decline_membership(membership: Membership, *, reason: str, by: Member) -> Membership:
    """Decline a request, with a reason that the member reads; return the stored membership.
    Refuses without a reason, and a request that is decided already."""
    reason = _required(reason)
    with transaction.atomic():
        membership = lock_membership(membership)
        transition(membership, Status.DECLINED, by=by, why="declined", reason=reason)
        emails.membership_declined(membership.member, [membership.team], reason)
    return membership


def decline_all_requests(member: Member, *, reason: str, by: Member) -> list[Membership]:
    """Decline all that `member` waits for in the teams that `by` facilitates, with one email.

    Return the declined requests; those for other teams stay. Refuses without a reason, and when
    nothing waits.
    """
    reason = _required(reason)
    with transaction.atomic():
        waiting = Membership.objects.visible_to(by).of(member).waiting().select_related("team")
        requests = list(waiting.select_for_update(of=("self",), no_key=True).order_by("pk"))
        if not requests:
            raise Refused(f"No request of {member} waits for you. Nothing was changed.")
        for request in requests:
            transition(request, Status.DECLINED, by=by, why="declined", reason=reason)
        emails.membership_declined(member, [request.team for request in requests], reason)
    return requests


def end_membership(membership: Membership, *, reason: str, by: Member) -> Membership:
    """End an active membership, with a reason that the member reads; return the stored one.
    Refuses without a reason, and a membership that is not active."""
    reason = _required(reason)
    with transaction.atomic():
        membership = lock_membership(membership)
        transition(membership, Status.ENDED, by=by, why="ended", reason=reason)
        emails.membership_ended(membership)
    return membership


def add_member(
    email: str, *, full_name: str, organization: Organization, team: ActionTeam, by: Member
) -> Membership:
    """Make a person an active member of `team` without a request; return the membership. An email
    tells the person.

    A new person gets an account, confirmed for `organization`. Nothing of an existing account
    changes, but that someone who asked for a team of `by` is confirmed if nobody had done so. A
    waiting request is approved. Refuses an organization that is not recognized, and of accounts
    that `by` sees a closed one and a member of the team. Of others no refusal tells that they are
    here: a blocked one gets the membership, which opens nothing.
    """
    email = normalize_address(email)
    with transaction.atomic():
        organization = lock_organization(organization)
        if not organization.is_recognized:
            raise Refused(
                f"Recognize {organization.canonical} first, or choose it by its own name."
            )
        member, is_new = _get_or_create(email, full_name, by)
        member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if Member.objects.account_of(email) != member:
            raise Refused("Something has just changed here. Try again.")
        is_seen = not is_new and email in seen_accounts({email: member}, by)
        if is_seen and not member.is_active:
            raise Refused(f"This account is {member.inactive_reason}.")
        may_confirm = is_new or (is_seen and member.pk in confirmable_accounts([member], by))
        newly_confirmed = may_confirm and not member.is_affiliation_confirmed
        if newly_confirmed:
            via = Member.ConfirmedVia.FACILITATOR
            confirm_affiliations([member], organization, via=via, by=by)
        membership, is_newly_active = _activate_or_start(member, team, by)
        if is_newly_active:
            emails.membership_added([membership], by, NextMeetings().of([membership]))
        elif is_seen:
            raise Refused(f"{member} is a member of {team} already.")
        if newly_confirmed:
            # What they have requested of other open teams.
            activate_open_requests([member], by=by)
        link_guest_answers({email: member}, by=by)
    return membership


def _get_or_create(email: str, full_name: str, by: Member) -> tuple[Member, bool]:
    """Return the account of `email`, and whether it is new. Refuses a second account for a member
    whom `by` sees and who moved away from `email`; with another name it is a person who has the
    mailbox now."""
    member, is_new = get_or_create_member(email, full_name=full_name, job_title="")
    former = seen_former_addresses([email], by).get(email) if is_new else None
    if former and normalize_person_name(full_name) == former.member.normalized_name:
        raise Refused(
            f"{former.member} had this address and moved to {former.member.email}. Add that one."
        )
    return member, is_new


def _activate_or_start(member: Member, team: ActionTeam, by: Member) -> tuple[Membership, bool]:
    """Return the active membership of `member` in `team`, and whether it is active only now."""
    why = "added by a facilitator"
    current = Membership.objects.of(member).current().select_for_update(no_key=True)
    membership = current.filter(team=team).first()
    if membership is None:
        origin = Membership.Origin.ADDED
        return start_membership(member, team, Status.ACTIVE, origin=origin, by=by, why=why), True
    if membership.is_active:
        return membership, False
    transition(membership, Status.ACTIVE, by=by, why=why)
    return membership, True


def _required(reason: str) -> str:
    """Return the reason without white space around it; refuse an empty one."""
    if not reason.strip():
        raise Refused("Give a reason. The member reads it.")
    return reason.strip()
