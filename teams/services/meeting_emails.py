"""The emails about a meeting: who gets each one, and what the mail worker has to know about it.

Each function is called inside the transaction of what it reports, with the meeting locked. The
emails leave after all more urgent ones, and only if they are still right (see `team_emails`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from django.db.models import Q
from django.utils import timezone
from post_office.models import Email

from members.batches import batched
from members.emails import bulk_queue
from members.models import Member
from members.services import Refused, save_with_history
from members.wording import end_sentence
from teams import meeting_emails
from teams.answer_links import answer_url
from teams.meeting_emails import Reader
from teams.models import ActionTeam, Attendance, EmailChoice, Meeting, Membership, TeamEmail
from teams.services.email_choices import stop_url
from teams.services.team_emails import Recipient, Recipients, recipients_of
from teams.upcoming_meetings import upcoming_meetings_in

Kind = EmailChoice.Kind
Method = TeamEmail.Method

MAX_NEXT_MEETINGS = 3

Write = Callable[[Sequence[Reader]], list[Email]]


def email_announced(
    meeting: Meeting, *, again: bool = False, max_emails: int | None = None
) -> Recipients:
    """Tell the members of its teams that `meeting` is announced, or (`again`) takes place although
    it was cancelled, and always those who said that they come. Return who gets it. For a
    preview `max_emails` are written, not all."""

    def write(readers: Sequence[Reader]) -> list[Email]:
        return meeting_emails.meeting_announced(meeting, readers, again=again)

    return _send_change(meeting, write, Method.REQUEST, max_emails)


def email_moved(meeting: Meeting, before: Meeting, *, max_emails: int | None = None) -> Recipients:
    """Tell the members of its teams that `meeting` has another time or place than `before`, and in
    any case who said that they come. Return who gets it."""

    def write(readers: Sequence[Reader]) -> list[Email]:
        return meeting_emails.meeting_moved(meeting, before, readers)

    return _send_change(meeting, write, Method.REQUEST, max_emails)


def email_cancelled(meeting: Meeting, *, max_emails: int | None = None) -> Recipients:
    """Tell the members of its teams that `meeting` is cancelled, and why; and always those who said
    that they come. Return who gets it."""

    def write(readers: Sequence[Reader]) -> list[Email]:
        return meeting_emails.meeting_cancelled(meeting, readers)

    return _send_change(meeting, write, Method.CANCEL, max_emails)


def email_materials(meeting: Meeting, by: Member, *, max_emails: int | None = None) -> Recipients:
    """Tell the members of its teams that minutes, slides or a recording of `meeting` are there, in
    one email; return who gets it. Refuses a meeting without any of them."""
    links = list(meeting.resources.current())
    if not meeting.teams.exists():
        # It has no teams, so no one is in them.
        links = [link for link in links if link.audience != Meeting.Audience.TEAMS]
    if not links and not meeting.minutes.strip():
        raise Refused("Add the minutes or a link first. Nothing was sent.")
    recipients = recipients_of(meeting, Kind.MATERIALS)

    def write(readers: Sequence[Reader]) -> list[Email]:
        return meeting_emails.meeting_materials(meeting, links, readers)

    letters = to_members(meeting, recipients.each, Kind.MATERIALS)
    send_letters(letters, write, max_emails)
    save_with_history(meeting, by, "emailed the materials", materials_sent_at=timezone.now())
    return recipients


def email_place_free(attendance: Attendance) -> None:
    """Tell a person who was on the waiting list that they have a place."""
    send_letters(
        [to_attendee(attendance, Method.REQUEST)],
        lambda readers: meeting_emails.meeting_place_free(attendance.meeting, readers),
    )


def email_guest_answer(attendance: Attendance) -> None:
    """Tell a guest what they answered, with the link to change it."""
    send_letters(
        [to_attendee(attendance, Method.REQUEST)],
        lambda readers: meeting_emails.meeting_guest_answer(attendance, readers),
    )


@dataclass(frozen=True)
class Letter:
    """An email to be written: its reader, and what the mail worker has to know."""

    reader: Reader
    meeting: Meeting
    # None: a guest.
    member: Member | None
    team: ActionTeam | None = None
    # Empty: it is about the reader's own answer and cannot be stopped.
    kind: str = ""
    method: str = ""

    def team_email(self, email: Email) -> TeamEmail:
        """Return the record that goes with `email`."""
        return TeamEmail(
            email=email,
            member=self.member,
            team=self.team,
            kind=self.kind,
            meeting=self.meeting,
            starts_at=self.meeting.starts_at,
            method=self.method,
        )


def to_members(
    meeting: Meeting, recipients: Iterable[Recipient], kind: str, method: str = ""
) -> Iterable[Letter]:
    """Yield a letter to each of `recipients`, which they can stop."""
    for recipient in recipients:
        member, team = recipient.member, recipient.team
        reason = end_sentence(f"you are a member of {team or 'a team'}")
        yield Letter(
            Reader(
                member.email,
                member.full_name,
                reason,
                answer_url(meeting, member),
                stop_url(member.pk, team.pk if team else None, kind),
            ),
            meeting,
            member,
            team,
            kind,
            method,
        )


def to_attendee(attendance: Attendance, method: str = "") -> Letter:
    """Return a letter to a person about their own answer: it cannot be stopped."""
    member = attendance.member
    reason = "you answered that you cannot come."
    if attendance.answer in Attendance.COMING:
        reason = "you said that you will come."
    reader = Reader(
        member.email if member else attendance.guest_email,
        member.full_name if member else attendance.guest_name,
        reason,
        answer_url(attendance.meeting, member or attendance),
    )
    return Letter(reader, attendance.meeting, member, method=method)


def attendees_of(meeting: Meeting) -> Iterable[Attendance]:
    """Return who said that they come to `meeting`, those on the waiting list and guests included;
    of closed accounts and of guests who were anonymized nobody."""
    reachable = Q(member__is_active=True) | ~Q(guest_email="")
    answers = meeting.attendances.filter(reachable, answer__in=Attendance.COMING)
    for attendance in answers.select_related("member").order_by("pk"):
        # Already known: without this, each would be queried.
        attendance.meeting = meeting
        yield attendance


def _send_change(meeting: Meeting, write: Write, method: str, max_emails: int | None) -> Recipients:
    """Send what changed to people who said they would come, and to the members of its teams."""
    recipients = recipients_of(meeting, Kind.MEETINGS)
    coming = [to_attendee(attendance, method) for attendance in attendees_of(meeting)]
    informed = {letter.member.pk for letter in coming if letter.member}
    others = [each for each in recipients.each if each.member.pk not in informed]
    letters = chain(coming, to_members(meeting, others, Kind.MEETINGS, method))
    send_letters(letters, write, max_emails)
    return recipients


def send_letters(letters: Iterable[Letter], write: Write, max_emails: int | None = None) -> None:
    """Queue the emails of `letters`, or of the first `max_emails` of them, which `write` writes,
    with what the mail worker has to know: two statements for each batch."""
    for batch in batched(islice(letters, max_emails)):
        with bulk_queue():
            written = write([letter.reader for letter in batch])
        TeamEmail.objects.bulk_create(
            [letter.team_email(email) for letter, email in zip(batch, written, strict=True)]
        )


class NextMeetings:
    """The next meetings of those who join teams, for their emails; looked up once for each set of
    teams, so that many can join at once."""

    def __init__(self) -> None:
        self._by_teams: dict[frozenset[int], list[Meeting]] = {}

    def of(self, memberships: Iterable[Membership]) -> list[Meeting]:
        """Return at most three next meetings that a person with these memberships may come to:
        those of the teams and of the whole Collaborative. None without a membership."""
        teams = frozenset(membership.team_id for membership in memberships)
        if teams not in self._by_teams:
            self._by_teams[teams] = _next_meetings(teams) if teams else []
        return self._by_teams[teams]


def _next_meetings(teams: Collection[int]) -> list[Meeting]:
    keys = [each.pk for each in upcoming_meetings_in(teams)]
    announced = Meeting.objects.filter(pk__in=keys, status=Meeting.Status.ANNOUNCED)
    return list(announced.upcoming()[:MAX_NEXT_MEETINGS])
