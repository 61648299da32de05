"""Meeting reminders: to people who are coming, and once to members who have not answered.

Due on a working day from FIRST_REMINDER_HOUR on, some working days before the meeting. A
missed run is made up for until the meeting begins. What was sent is noted with the emails, with
the meeting locked, so that any number of processes remind once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from members.models import UNDO_WINDOW, Member
from members.services import save_with_history
from teams import meeting_emails
from teams.models import (
    ActionTeam,
    Attendance,
    EmailChoice,
    Meeting,
    Membership,
    Resource,
    TeamEmail,
)
from teams.services.meeting_emails import (
    Letter,
    attendees_of,
    send_letters,
    to_attendee,
    to_members,
)
from teams.services.team_emails import Recipient, recipients_of
from teams.workdays import is_working_day, working_days_since

# In Central Time.
FIRST_REMINDER_HOUR = 8
REMIND_WORKING_DAYS = 2
ASK_WORKING_DAYS = 5
# After a change: until then it can be undone, and its own emails are held.
SETTLING_TIME = 2 * UNDO_WINDOW
# What can be read before a meeting.
KINDS_TO_READ = (Resource.Kind.SLIDES, Resource.Kind.DOCUMENT, Resource.Kind.NOTES)

Kind = EmailChoice.Kind
Audience = Meeting.Audience


def send_reminders(now: datetime) -> int:
    """Queue the reminders that are due at `now`; return how many kinds of them for how many
    meetings, together."""
    local = timezone.localtime(now)
    if local.hour < FIRST_REMINDER_HOUR or not is_working_day(local.date()):
        return 0
    upcoming = Meeting.objects.announced().filter(
        Q(reminded_at=None) | Q(answers_asked_at=None),
        status=Meeting.Status.ANNOUNCED,
        starts_at__gt=now,
    )
    # A reminder would be a newer change, which no undo takes back.
    upcoming = upcoming.exclude(changed_at__range=(now - SETTLING_TIME, now))
    reminded = 0
    for meeting in upcoming.order_by("starts_at", "pk"):
        for is_due, send in ((_asks_for_answers, _ask_for_answers), (_is_to_remind, _remind)):
            # Checked again once it is locked.
            if is_due(meeting, local.date()):
                reminded += _send_once(meeting, now, is_due, send)
    return reminded


def working_days_until(day: date, today: date) -> int:
    """Return how many working days there are from `today` on before `day`: of a Wednesday it is two
    on Monday, of a Saturday on Thursday."""
    before = timedelta(days=1)
    return working_days_since(today - before, day - before)


def _is_to_remind(meeting: Meeting, today: date) -> bool:
    is_close = working_days_until(meeting.day, today) <= REMIND_WORKING_DAYS
    return meeting.reminded_at is None and is_close


def _asks_for_answers(meeting: Meeting, today: date) -> bool:
    """Return whether members who have not answered are asked today: not if the email that announced
    or moved the meeting, which asks the same, is that recent."""
    if meeting.answers_asked_at or not meeting.takes_answers:
        return False
    if working_days_until(meeting.day, today) > ASK_WORKING_DAYS:
        return False
    day = today
    while working_days_until(meeting.day, day - timedelta(days=1)) <= ASK_WORKING_DAYS:
        day -= timedelta(days=1)
    first_day = timezone.make_aware(datetime.combine(day, time.min))
    recent = TeamEmail.objects.filter(
        meeting=meeting, method=TeamEmail.Method.REQUEST, email__created__gte=first_day
    )
    return not recent.filter(kind=Kind.MEETINGS).exists()


def _send_once(
    meeting: Meeting,
    now: datetime,
    is_due: Callable[[Meeting, date], bool],
    send: Callable[[Meeting, datetime], None],
) -> bool:
    """Lock the meeting and `send` what is still due; return False if that was nothing, because
    another process has sent it or the meeting was changed."""
    with transaction.atomic():
        locked = Meeting.objects.select_for_update(no_key=True).get(pk=meeting.pk)
        is_ahead = locked.status == Meeting.Status.ANNOUNCED and locked.starts_at > now
        if not is_ahead or not is_due(locked, timezone.localdate(now)):
            return False
        send(locked, now)
    return True


def _ask_for_answers(meeting: Meeting, now: datetime) -> None:
    """Ask the members who have not answered whether they will come."""
    answers = meeting.attendances.exclude(answer="").exclude(member=None)
    answered = set(answers.values_list("member", flat=True))
    recipients = recipients_of(meeting, Kind.REMINDERS).each
    asked = [each for each in recipients if each.member.pk not in answered]
    send_letters(
        to_members(meeting, asked, Kind.REMINDERS),
        partial(meeting_emails.meeting_unanswered, meeting),
    )
    save_with_history(meeting, None, "asked who comes", answers_asked_at=now)


def _remind(meeting: Meeting, now: datetime) -> None:
    """Remind people who are coming or waiting for a place, except members who stopped reminders."""
    coming = list(attendees_of(meeting))
    people = [attendance.member for attendance in coming if attendance.member]
    members, of_meeting = _active(people), _active(people, meeting)
    reminded = {each.member.pk: each for each in recipients_of(meeting, Kind.REMINDERS).each}
    links = list(meeting.resources.current().filter(kind__in=KINDS_TO_READ))
    groups: dict[tuple[str, bool, str, tuple[Resource, ...]], list[Letter]] = defaultdict(list)
    for attendance in coming:
        key = attendance.member_id
        if key in of_meeting and key not in reminded:
            continue
        seen = _seen_audiences(is_member=key in members, is_of_meeting=key in of_meeting)
        to_read = tuple(link for link in links if link.audience in seen)
        is_online = attendance.answer == Attendance.Answer.ONLINE or not meeting.is_in_person
        joins = is_online and key in members
        group = (
            attendance.answer,
            attendance.waiting_since is not None and meeting.is_in_person,
            meeting.join_url if joins else "",
            to_read,
        )
        groups[group].append(_reminder(attendance, reminded.get(key) if key else None))
    for (answer, is_waiting, join_url, to_read), letters in groups.items():
        write = partial(
            meeting_emails.meeting_reminder,
            meeting,
            answer=answer,
            is_waiting=is_waiting,
            join_url=join_url,
            links=to_read,
        )
        send_letters(letters, write)
    save_with_history(meeting, None, "reminded who comes", reminded_at=now)


def _reminder(attendance: Attendance, recipient: Recipient | None) -> Letter:
    """Return the letter to someone who is coming, which members of the meeting's teams can stop."""
    if recipient is None:
        return to_attendee(attendance)
    (letter,) = to_members(attendance.meeting, [recipient], Kind.REMINDERS)
    return letter


def _active(people: Sequence[Member], meeting: Meeting | None = None) -> set[int]:
    """Return the keys of those of `people` who are active in a team, or in one of `meeting`."""
    memberships = Membership.objects.active().filter(member=OuterRef("pk"))
    teams = meeting.teams.all() if meeting else ActionTeam.objects.none()
    if keys := [team.pk for team in teams]:
        memberships = memberships.filter(team__in=keys)
    members = Member.objects.filter(Exists(memberships), pk__in=[person.pk for person in people])
    return set(members.values_list("pk", flat=True))


def _seen_audiences(*, is_member: bool, is_of_meeting: bool) -> Collection[str]:
    """Return the audiences of the links that a person sees."""
    if is_of_meeting:
        return (Audience.PUBLIC, Audience.MEMBERS, Audience.TEAMS)
    return (Audience.PUBLIC, Audience.MEMBERS) if is_member else (Audience.PUBLIC,)
