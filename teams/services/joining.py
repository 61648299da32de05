"""Joining and leaving: the steps that a member takes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import models, transaction

from members.models import Member, Organization
from members.services import (
    EmployerUnknownError,
    Refused,
    complete_profile,
    get_or_create_member,
    lock_open_account,
    save_with_history,
)
from members.wording import end_sentence
from teams import emails
from teams.models import ActionTeam, Membership
from teams.services.answer_changes import link_guest_answers
from teams.services.colleague_invitations import accept_colleague_invitations
from teams.services.invitations import accept_invitations
from teams.services.meeting_emails import NextMeetings
from teams.services.recognition import set_affiliation
from teams.services.transitions import lock_membership, start_membership, transition

Status = Membership.Status


class Outcome(models.TextChoices):
    """What became of the wish to join one team."""

    JOINED = "joined", "Joined"
    WAITING = "waiting", "Waiting"
    ALREADY_ACTIVE = "already_active", "Already a member"
    ALREADY_WAITING = "already_waiting", "Already requested"
    CLOSED = "closed", "Closed"


@dataclass(frozen=True)
class TeamOutcome:
    """What became of the wish to join `team`, and the current membership, if there is one."""

    team: ActionTeam
    outcome: Outcome
    membership: Membership | None


def complete_join(
    email: str,
    *,
    full_name: str,
    job_title: str,
    organization: str = "",
    reason: str = "",
    team_ids: Collection[int],
    invitation: int | None = None,
) -> tuple[Member, list[TeamOutcome]]:
    """Apply a join form after its address was proven: person, affiliation, what the person is
    invited to be, teams, one email.

    Return the member and what became of each team. `reason`, one line, goes with the requests to
    teams whose facilitators decide; `invitation` is the key of that of a colleague whose link led
    here. Safe to repeat, also at the same time: what is
    there is reported, not made again. Refuses an account that a facilitator has closed, and with
    EmployerUnknownError where there are teams, `organization` is empty and neither the address nor
    an account says who employs the person; then nothing is changed.
    """
    with transaction.atomic():
        member, _ = get_or_create_member(email, full_name=full_name, job_title=job_title)
        if not member.is_active:
            raise Refused(f"This account is {member.inactive_reason}.")
        if not member.is_affiliation_confirmed:
            employer = member.organization
            # After a decline the new name counts: the old one may have been wrong.
            if employer and employer.status != Organization.Status.DECLINED:
                organization = employer.name
            try:
                member = set_affiliation(member, organization)
            except EmployerUnknownError:
                # Only a team has to know; who accepts an invitation may join none.
                if team_ids:
                    raise
        member = complete_profile(member, full_name=full_name, job_title=job_title)
        accept_invitations(member, email)
        teams = ActionTeam.objects.filter(pk__in=team_ids)
        outcomes = _join_all(member, teams, reason)
        accept_colleague_invitations(member, [email, member.email], invitation)
        link_guest_answers({email: member}, by=member)
    return member, outcomes


def join_teams(
    member: Member, teams: Iterable[ActionTeam], *, reason: str = ""
) -> list[TeamOutcome]:
    """Make `member` join `teams`, each at once or as a request, with one email for all of it;
    return what became of each team. `reason`, one line, goes with the requests to teams whose
    facilitators decide.

    At once: affiliation confirmed, organization recognized, team open. A closed team takes
    nobody; a team already joined or requested is reported. An organization that was declined
    is proposed again: a request is never left where nobody looks. Refuses a closed account.
    """
    with transaction.atomic():
        if member.organization and not member.is_affiliation_confirmed:
            set_affiliation(member, member.organization.name)
        member = lock_open_account(member)
        accept_colleague_invitations(member, [member.email])
        return _join_all(member, teams, reason)


def _join_all(member: Member, teams: Iterable[ActionTeam], reason: str) -> list[TeamOutcome]:
    """For a locked, stored `member`, inside a transaction: one join of a person at a time."""
    current = {each.team_id: each for each in Membership.objects.of(member).current()}
    outcomes = [_join(member, team, current.get(team.pk), reason) for team in teams]
    joined = [o.membership for o in outcomes if o.outcome == Outcome.JOINED and o.membership]
    waiting = [o.membership for o in outcomes if o.outcome == Outcome.WAITING and o.membership]
    if joined:
        emails.teams_joined(member, joined, waiting, NextMeetings().of(joined))
    elif waiting:
        emails.requests_waiting(member, waiting)
    return outcomes


def _join(member: Member, team: ActionTeam, current: Membership | None, reason: str) -> TeamOutcome:
    # It was written to those who decide, and to nobody else.
    reason = "" if team.is_open else reason
    if current:
        current = _with_newest_reason(current, reason)
        already = Outcome.ALREADY_ACTIVE if current.is_active else Outcome.ALREADY_WAITING
        return TeamOutcome(team, already, current)
    if team.is_closed:
        return TeamOutcome(team, Outcome.CLOSED, None)
    at_once = member.may_join_at_once and team.is_open
    membership = start_membership(
        member,
        team,
        Status.ACTIVE if at_once else Status.REQUESTED,
        origin=Membership.Origin.REQUESTED,
        by=member,
        why="joined" if at_once else "requested",
        request_reason=reason,
    )
    return TeamOutcome(team, Outcome.JOINED if at_once else Outcome.WAITING, membership)


def _with_newest_reason(membership: Membership, reason: str) -> Membership:
    """Return the stored `membership`; where it still waits, with `reason` if there is one."""
    if not reason or reason == membership.request_reason:
        return membership
    membership = lock_membership(membership)
    if membership.is_waiting:
        why = "gave a reason for asking"
        save_with_history(membership, membership.member, why, request_reason=reason)
    return membership


def leave_team(membership: Membership) -> Membership:
    """End the membership as its member asks; return the stored one. Refuses a membership that is
    not active."""
    with transaction.atomic():
        membership = lock_membership(membership)
        if not membership.is_active:
            raise Refused(
                f"You are not a member of {end_sentence(membership.team)} Nothing was changed."
            )
        transition(membership, Status.ENDED, by=membership.member, why="left")
        emails.membership_ended(membership)
    return membership


def withdraw_request(membership: Membership) -> Membership:
    """Withdraw the request as its member asks; return the stored one. Refuses a request that is
    decided or withdrawn already."""
    with transaction.atomic():
        membership = lock_membership(membership)
        if not membership.is_waiting:
            raise Refused(
                f"Your request for {membership.team} is not waiting: it is "
                f"{membership.get_status_display().lower()}. Nothing was changed."
            )
        transition(membership, Status.WITHDRAWN, by=membership.member, why="withdrawn")
        emails.request_withdrawn(membership)
    return membership
