"""Emails to the members of teams: who gets one, and whether it is still to be sent later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from post_office.models import Email

from members.models import Bounce, Member
from members.services import has_bounced
from members.wording import counted
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementRecipient,
    Attendance,
    EmailChoice,
    Meeting,
    Membership,
    TeamEmail,
    team_keys,
)
from teams.services.email_choices import others_than_each
from teams.services.invitation_emails import why_not_to_invite

Wants = EmailChoice.Wants


class Reason(StrEnum):
    """Why an email that was queued is not sent, as the results say it."""

    LEFT = "left the team"
    STOPPED = "stopped these emails"
    MONTHLY = "chose the monthly summary"
    CLOSED = "account closed"
    ON_HOLD = "account on hold until a move is decided"
    ADDRESS_CHANGED = "their address changed"
    OTHER_ADDRESS = "gets it at another address"
    BOUNCED = "emails to this address came back"
    ANNOUNCEMENT_STOPPED = "the announcement was stopped"
    NOT_COMING = "no longer coming to the meeting"
    MEETING_CHANGED = "the meeting has changed"
    MEETING_UNSEEN = "the meeting is no longer for them"


@dataclass(frozen=True)
class Recipient:
    """A member, and the team through which they get an email (None: the whole Collaborative)."""

    member: Member
    team: ActionTeam | None
    # Empty: they get it.
    why_not: str = ""


@dataclass(frozen=True)
class Recipients:
    """Who gets an email each time, and how many have it in their monthly summary, or not at all."""

    each: list[Recipient] = field(default_factory=list)
    monthly: int = 0
    stopped: int = 0
    # Of a meeting: they have no account.
    guests: list[Attendance] = field(default_factory=list)
    # Members whose emails come back or whose account is on hold: they get none until that is
    # settled.
    unreachable: list[Recipient] = field(default_factory=list)

    @property
    def number(self) -> int:
        return len(self.each) + len(self.guests)

    def __str__(self) -> str:
        """In words: "41 people get the email, 3 have stopped these emails"."""
        parts = [f"{counted(self.number, 'person gets', 'people get')} the email"]
        if self.monthly:
            parts.append(f"{self.monthly} in the monthly summary")
        if self.stopped:
            parts.append(
                f"{self.stopped} {'has' if self.stopped == 1 else 'have'} stopped these emails"
            )
        reasons = Counter(each.why_not for each in self.unreachable)
        if number := reasons[Reason.BOUNCED]:
            parts.append(f"{number} cannot be reached, because emails to them came back")
        if number := reasons[Reason.ON_HOLD]:
            accounts = counted(number, "account is", "accounts are")
            parts.append(f"{accounts} on hold until a move is decided")
        return ", ".join(parts)


def recipients_of(meeting: Meeting, kind: str) -> Recipients:
    """Return who gets emails of `kind` about `meeting`: as `recipients_in` its teams."""
    return recipients_in(list(meeting.teams.all()), kind)


def recipients_in(teams: Sequence[ActionTeam], kind: str) -> Recipients:
    """Return who gets emails of `kind` from `teams`: their active members, or those of any team
    for the whole Collaborative (no teams); each once, through the first of the teams whose emails
    they want. Four queries for any number of people."""
    keys: list[int | None] = [team.pk for team in teams] or [None]
    chosen = others_than_each(kind, keys)
    bounced = set(Bounce.objects.open().values_list("member", flat=True))
    each: list[Recipient] = []
    unreachable: list[Recipient] = []
    monthly = stopped = 0
    for member, through in _members_through(teams):
        wants = {
            team: chosen.get((member.pk, team.pk if team else None), Wants.EACH) for team in through
        }
        first = next((team for team in through if wants[team] == Wants.EACH), ...)
        if first is not ...:
            if member.is_held:
                unreachable.append(Recipient(member, first, Reason.ON_HOLD))
            elif member.pk in bounced:
                unreachable.append(Recipient(member, first, Reason.BOUNCED))
            else:
                each.append(Recipient(member, first))
        elif Wants.MONTHLY in wants.values():
            monthly += 1
        else:
            stopped += 1
    return Recipients(each, monthly, stopped, unreachable=unreachable)


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
    """Return the accounts with one of `memberships` that are open or on hold, with the columns that
    emails need."""
    usable = Q(is_active=True) | Q(held_at__isnull=False)
    members = Member.objects.filter(usable, Exists(memberships)).order_by("pk")
    columns = ("pk", "email", "full_name", "held_at")
    people: Iterable[Member] = members.only(*columns).iterator(chunk_size=2000)
    return people


def why_not_to_send(email: Email) -> str:
    """Return why an email that was queued for a member, or a guest, is no longer right, such as
    "left the team"; empty if it is still to be sent, as emails that are not from a team always are.
    Asked right before it is sent, by at most six queries."""
    related = TeamEmail.objects.select_related(
        "member__merged_into", "meeting", "announcement", "invitation"
    )
    team_email = related.filter(email=email.pk).first()
    if team_email is None:
        return ""
    if team_email.invitation:
        return why_not_to_invite(team_email.invitation)
    # Known already: without this, it would be queried.
    team_email.email = email
    return _why_not(team_email)


def _why_not(team_email: TeamEmail) -> str:
    """Return as `why_not_to_send`: the account is open and has this address, the member is in the
    team and has not stopped these emails, may see the meeting, and all is as the email says."""
    meeting, announcement = team_email.meeting, team_email.announcement
    if announcement and announcement.stopped_at:
        return Reason.ANNOUNCEMENT_STOPPED
    if meeting and not _is_as_written(meeting, team_email):
        return Reason.MEETING_CHANGED
    member = None
    if team_email.member:
        # Of two merged accounts, the one that was kept.
        member = team_email.member.merged_into or team_email.member
        if reason := _why_not_reached(team_email, member):
            return reason
    if announcement and announcement.meeting_id:
        comes = _still_comes(announcement, team_email.email, member)
        return "" if comes else Reason.NOT_COMING
    # A guest keeps the own answer although the meeting is no longer public.
    if meeting and member and not _may_read(member, meeting, team_email.email):
        return Reason.MEETING_UNSEEN
    return ""


def _why_not_reached(team_email: TeamEmail, member: Member) -> str:
    """Return why `member` does not get the email at this address, or does not want it."""
    if not member.is_active:
        return Reason.ON_HOLD if member.is_held else Reason.CLOSED
    if team_email.announcement and member != team_email.member:
        same = AnnouncementRecipient.objects.filter(announcement=team_email.announcement)
        if same.filter(member=member).exists():
            return Reason.OTHER_ADDRESS
    # A former address may be that of a former employer.
    if team_email.member and team_email.email.to != [team_email.member.email]:
        return Reason.ADDRESS_CHANGED
    # About their own answer: it always goes.
    if not team_email.kind:
        return ""
    if reason := _why_not_wanted(team_email, member):
        return reason
    return Reason.BOUNCED if has_bounced(member) else ""


def _why_not_wanted(team_email: TeamEmail, member: Member) -> str:
    """Return whether `member` has left the team, or does not want these emails, in words."""
    choices = EmailChoice.objects.filter(member=member)
    if team_email.kind == TeamEmail.SUMMARY:
        if not choices.filter(wants=Wants.MONTHLY).exists():
            return Reason.STOPPED
        # It tells of a team that they left since it was written.
        left = Membership.objects.of(member).filter(ended_at__gte=team_email.email.created)
        return Reason.LEFT if left.exists() else ""
    memberships = Membership.objects.of(member).active()
    if team_email.team_id:
        memberships = memberships.filter(team=team_email.team_id)
    if not memberships.exists():
        return Reason.LEFT
    choice = choices.filter(team=team_email.team_id, kind=team_email.kind).first()
    if choice is None or choice.wants == Wants.EACH:
        return ""
    return Reason.MONTHLY if choice.wants == Wants.MONTHLY else Reason.STOPPED


def _still_comes(announcement: Announcement, email: Email, member: Member | None) -> bool:
    """Return whether the reader of an announcement to those who come to a meeting still does."""
    coming = Attendance.objects.filter(answer__in=Attendance.COMING)
    if member:
        return coming.filter(meeting=announcement.meeting_id, member=member).exists()
    (address,) = email.to
    guests = AnnouncementRecipient.objects.filter(email=email.pk).values("guest")
    return coming.filter(pk__in=guests, guest_email=address).exists()


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
    expected = Meeting.Status.CANCELLED if is_cancellation else Meeting.Status.ANNOUNCED
    is_same_time = team_email.starts_at in {None, meeting.starts_at}
    return meeting.status == expected and is_same_time and meeting.ends_at > timezone.now()
