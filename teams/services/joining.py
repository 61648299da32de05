"""Joining and leaving: the steps that a member takes."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models, transaction
from django.utils import timezone

from members.models import Member, Organization
from members.services import (
    Refused,
    complete_profile,
    get_or_create_member,
    lock_open_account,
    save_with_history,
    set_affiliation,
)
from teams import emails
from teams.models import ActionTeam, Membership


class Outcome(models.TextChoices):
    """What became of one wish to join one team."""

    JOINED = "joined", "Joined"
    WAITING = "waiting", "Waiting"
    ALREADY_ACTIVE = "already_active", "Already a member"
    ALREADY_WAITING = "already_waiting", "Already requested"
    CLOSED = "closed", "Closed"


@dataclass(frozen=True)
class TeamOutcome:
    """What became of the wish to join `team`, and the current stay, if there is one."""

    team: ActionTeam
    outcome: Outcome
    membership: Membership | None


def complete_join(
    email: str, *, full_name: str, job_title: str, organization: str, team_ids: Iterable[int]
) -> tuple[Member, list[TeamOutcome]]:
    """Apply a join form after its address was proven: person, affiliation, teams, one email.

    Safe to repeat, also at the same time: what is there is reported, not made again. Refuses
    an account that a facilitator has closed.
    """
    with transaction.atomic():
        member = get_or_create_member(email, full_name=full_name, job_title=job_title)
        if not member.is_affiliation_confirmed:
            known = member.organization
            # What is typed after a "no" counts: the name may have been wrong.
            stays = known and known.status != Organization.Status.DECLINED
            member = set_affiliation(member, known.name if known and stays else organization)
        member = complete_profile(member, full_name=full_name, job_title=job_title)
        return member, _join_all(member, ActionTeam.objects.filter(pk__in=list(team_ids)))


def join_teams(member: Member, teams: Iterable[ActionTeam]) -> list[TeamOutcome]:
    """Make `member` join `teams`, each at once or as a request, with one email for all of it.

    At once: affiliation confirmed, organization recognized, team open. A closed team takes
    nobody; a team already joined or requested is reported. An organization that was declined
    is proposed again: a request is never left where nobody looks. Refuses a closed account.
    """
    with transaction.atomic():
        if member.organization and not member.is_affiliation_confirmed:
            set_affiliation(member, member.organization.name)
        return _join_all(lock_open_account(member), teams)


def _join_all(member: Member, teams: Iterable[ActionTeam]) -> list[TeamOutcome]:
    """For a locked, fresh `member`, inside a transaction: one join of a person at a time."""
    current = {stay.team_id: stay for stay in Membership.objects.of(member).current()}
    outcomes = [_join(member, team, current.get(team.pk)) for team in teams]
    joined = [o.membership for o in outcomes if o.outcome == Outcome.JOINED and o.membership]
    waiting = [o.membership for o in outcomes if o.outcome == Outcome.WAITING and o.membership]
    if joined:
        emails.teams_joined(member, joined, waiting)
    elif waiting:
        emails.requests_waiting(member, waiting)
    return outcomes


def _join(member: Member, team: ActionTeam, current: Membership | None) -> TeamOutcome:
    if current:
        already = Outcome.ALREADY_ACTIVE if current.is_active else Outcome.ALREADY_WAITING
        return TeamOutcome(team, already, current)
    if team.is_closed:
        return TeamOutcome(team, Outcome.CLOSED, None)
    stay = Membership(member=member, team=team)
    if member.may_join_at_once and team.is_open:
        save_with_history(
            stay, member, "joined", status=Membership.Status.ACTIVE, decided_at=timezone.now()
        )
        return TeamOutcome(team, Outcome.JOINED, stay)
    save_with_history(stay, member, "requested")
    return TeamOutcome(team, Outcome.WAITING, stay)


def leave_team(membership: Membership) -> Membership:
    """The member leaves. Refuses a stay that is not active (any more)."""
    with transaction.atomic():
        row = locked(membership)
        if not row.is_active:
            raise Refused(f"You are not a member of {row.team} any more. Nothing was changed.")
        save_with_history(
            row,
            row.member,
            "left",
            status=Membership.Status.ENDED,
            ended_at=timezone.now(),
            ended_by=row.member,
        )
        emails.membership_ended(row)
    return row


def withdraw_request(membership: Membership) -> Membership:
    """The member takes a request back. Refuses one that is decided or withdrawn already."""
    with transaction.atomic():
        row = locked(membership)
        if not row.is_waiting:
            raise Refused(
                f"Your request for {row.team} does not wait any more: it is "
                f"{row.get_status_display().lower()}. Nothing was changed."
            )
        save_with_history(
            row,
            row.member,
            "withdrawn",
            status=Membership.Status.WITHDRAWN,
            ended_at=timezone.now(),
            ended_by=row.member,
        )
        emails.request_withdrawn(row)
    return row


def locked(membership: Membership) -> Membership:
    """The stored row of `membership`, locked until the transaction ends."""
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    return Membership.objects.select_related(
        "member__organization", "team", "decided_by", "ended_by"
    ).get(pk=membership.pk)
