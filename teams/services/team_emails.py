"""Emails to the members of teams: who gets one, and whether it is still to be sent later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from post_office.models import Email

from members.models import Member
from members.wording import counted
from teams.models import (
    ActionTeam,
    EmailChoice,
    Meeting,
    Membership,
    TeamEmail,
    team_keys,
)
from teams.services.email_choices import others_than_each

Wants = EmailChoice.Wants


@dataclass(frozen=True)
class Recipient:
    """A member, and the team through which they get an email (None: the whole Collaborative)."""

    member: Member
    team: ActionTeam | None


@dataclass(frozen=True)
class Recipients:
    """Who gets an email each time, and how many have it in their monthly summary, or not at all."""

    each: list[Recipient] = field(default_factory=list)
    monthly: int = 0
    stopped: int = 0

    @property
    def number(self) -> int:
        return len(self.each)

    def __str__(self) -> str:
        """In words: "41 people get the email, 3 have stopped these emails"."""
        parts = [f"{counted(self.number, 'person gets', 'people get')} the email"]
        if self.monthly:
            parts.append(f"{self.monthly} in the monthly summary")
        if self.stopped:
            parts.append(
                f"{self.stopped} {'has' if self.stopped == 1 else 'have'} stopped these emails"
            )
        return ", ".join(parts)


def recipients_of(meeting: Meeting, kind: str) -> Recipients:
    """Return who gets emails of `kind` about `meeting`: the active members of its teams, or of any
    team for the whole Collaborative; each once, through the first of the teams whose emails they
    want. Three queries for any number of people."""
    teams = list(meeting.teams.all())
    keys: list[int | None] = [team.pk for team in teams] or [None]
    chosen = others_than_each(kind, keys)
    each, monthly, stopped = [], 0, 0
    for member, through in _members_through(teams):
        wants = {
            team: chosen.get((member.pk, team.pk if team else None), Wants.EACH) for team in through
        }
        first = next((team for team in through if wants[team] == Wants.EACH), ...)
        if first is not ...:
            each.append(Recipient(member, first))
        elif Wants.MONTHLY in wants.values():
            monthly += 1
        else:
            stopped += 1
    return Recipients(each, monthly, stopped)


def _members_through(
    teams: Sequence[ActionTeam],
) -> Iterator[tuple[Member, Sequence[ActionTeam | None]]]:
    """Yield the active members of `teams` with those that they are in, in the order of the teams;
    of no teams, those of any team."""
    active = Membership.objects.active()
    if not teams:
        for member in _members(active.filter(member=OuterRef("pk"))):
            yield member, [None]
        return
    by_key = {team.pk: team for team in teams}
    through: dict[int, set[int]] = {}
    for member_key, team_key in active.filter(team__in=by_key).values_list("member", "team"):
        through.setdefault(member_key, set()).add(team_key)
    for member in _members(active.filter(member=OuterRef("pk"), team__in=by_key)):
        yield member, [team for team in teams if team.pk in through.get(member.pk, ())]


def _members(memberships: QuerySet[Membership]) -> Iterable[Member]:
    """Return the open accounts with one of `memberships`, with the columns that emails need."""
    members = Member.objects.filter(Exists(memberships), is_active=True).order_by("pk")
    people: Iterable[Member] = members.only("pk", "email", "full_name").iterator(chunk_size=2000)
    return people


def is_still_to_send(team_email: TeamEmail) -> bool:
    """Return whether an email that was queued for a member, or a guest, is still right: the account
    is open and has this address, the member is in the team and has not stopped these emails, may
    see the meeting, and the meeting is as the email says. Asked right before it is sent, by at most
    five queries."""
    meeting = team_email.meeting
    if meeting and not _is_as_written(meeting, team_email):
        return False
    recipient = team_email.member
    if recipient is None:
        # Of a guest's own answer, which they keep although the meeting is no longer public.
        return True
    # Of two merged accounts, the one that was kept.
    member = recipient.merged_into or recipient
    # A former address may be that of a former employer.
    is_reached = member.is_active and team_email.email.to == [recipient.email]
    if not is_reached or not _is_wanted(team_email, member):
        return False
    return meeting is None or _may_read(member, meeting, team_email.email)


def _may_read(member: Member, meeting: Meeting, email: Email) -> bool:
    """Return whether `member` may see `meeting` and, where it is in `email`, the link to join,
    which is for members of a team."""
    keys = team_keys(member)
    if meeting.join_url and meeting.join_url in email.message and not keys:
        return False
    return Meeting.objects.visible_to(member, keys).filter(pk=meeting.pk).exists()


def _is_as_written(meeting: Meeting, team_email: TeamEmail) -> bool:
    """Return whether the meeting has the state and the time that its email says."""
    if team_email.kind == EmailChoice.Kind.MATERIALS:
        return meeting.status in {Meeting.Status.ANNOUNCED, Meeting.Status.HELD}
    is_cancellation = team_email.method == TeamEmail.Method.CANCEL
    wanted = Meeting.Status.CANCELLED if is_cancellation else Meeting.Status.ANNOUNCED
    is_same_time = team_email.starts_at in {None, meeting.starts_at}
    return meeting.status == wanted and is_same_time and meeting.ends_at > timezone.now()


def _is_wanted(team_email: TeamEmail, member: Member) -> bool:
    """Return whether `member` is still in the team and has not stopped these emails."""
    if not team_email.kind:
        return True
    choices = EmailChoice.objects.filter(member=member)
    if team_email.kind == TeamEmail.SUMMARY:
        return choices.filter(wants=Wants.MONTHLY).exists()
    memberships = Membership.objects.of(member).active()
    if team_email.team_id:
        memberships = memberships.filter(team=team_email.team_id)
    if not memberships.exists():
        return False
    choice = choices.filter(team=team_email.team_id, kind=team_email.kind).first()
    return choice is None or choice.wants == Wants.EACH


def still_to_send(email: Email) -> bool:
    """Return whether `email` is still to be sent; emails that are not from a team always are."""
    related = TeamEmail.objects.select_related("member__merged_into", "meeting")
    team_email = related.filter(email=email.pk).first()
    if team_email is None:
        return True
    # Known already: without this, it would be queried.
    team_email.email = email
    return is_still_to_send(team_email)
