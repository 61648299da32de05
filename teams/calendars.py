"""Meetings as calendar programs read them (RFC 5545), and as invitations in emails (RFC 5546).

Times are in UTC, so no calendar needs time zones; meetings of several days are all-day entries. The
text of an entry depends on nothing but the meeting and the reader: a calendar that is fetched again
unchanged is the same, byte by byte. icalendar is imported where it is used: that takes longer than
most pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from members.models import Member
from members.normalize import clean_lines, clean_text
from members.site_identity import site_identity
from teams.answer_links import address_of
from teams.markdown import plain_text
from teams.meeting_times import last_day, time_range
from teams.models import Attendance, Meeting, MeetingQuerySet, TeamEmail, team_keys
from teams.reply_addresses import reply_address

if TYPE_CHECKING:
    from icalendar import Calendar, Event

PRODUCT = "-//Healthcare Workforce Collaborative//Portal//EN"
# How often programs are asked to fetch a calendar again; several of them decide that themselves.
REFRESH_HOURS = 1
MAX_AGENDA_CHARACTERS = 1500
CANCELLED_PREFIX = "Cancelled: "
# Those of each answer (RFC 5545, 3.2.12).
PARTICIPATION = {
    Attendance.Answer.IN_PERSON: "ACCEPTED",
    Attendance.Answer.ONLINE: "ACCEPTED",
    Attendance.Answer.NO: "DECLINED",
}


def meetings_of(member: Member) -> MeetingQuerySet:
    """Return what is in the own calendar of `member`: the meetings of their teams and of the whole
    Collaborative, and others to which they come; none that they have declined."""
    teams = Meeting.teams.through.objects.filter(meeting=OuterRef("pk"))
    answers = Attendance.objects.filter(meeting=OuterRef("pk"), member=member)
    keys = team_keys(member)
    is_own = ~Exists(teams) | Exists(teams.filter(actionteam__in=keys))
    comes = Exists(answers.filter(answer__in=Attendance.COMING))
    declined = Exists(answers.filter(answer=Attendance.Answer.NO))
    visible = Meeting.objects.visible_to(member, keys).in_calendars()
    return visible.filter(Q(is_own) | Q(comes), ~declined)


def feed(
    meetings: Iterable[Meeting],
    name: str = "",
    *,
    member: Member | None = None,
    with_join_links: bool = False,
) -> bytes:
    """Return a calendar with these meetings, in UTF-8.

    With a `name` it is one to subscribe to; without, the file of single meetings: some programs
    open a file with a name as a new calendar. Where it is that of a `member`, it tells for which
    meetings they wait for a place. Two queries; three with `member`.
    """
    if isinstance(meetings, MeetingQuerySet):
        meetings = meetings.defer("minutes").prefetch_related("teams")
    meetings = list(meetings)
    waiting: set[int] = set()
    if member:
        answers = Attendance.objects.waiting().filter(member=member)
        waiting = set(answers.values_list("meeting", flat=True))
    calendar = _calendar("PUBLISH")
    if name:
        calendar.add("name", clean_text(name))
        calendar.add("x-wr-calname", clean_text(name))
        interval = timedelta(hours=REFRESH_HOURS)
        calendar.add("refresh-interval", interval, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", f"PT{REFRESH_HOURS}H")
    for meeting in meetings:
        is_waiting = meeting.pk in waiting
        calendar.add_component(
            meeting_event(meeting, is_waiting=is_waiting, with_join_link=with_join_links)
        )
    return bytes(calendar.to_ical())


def meeting_event(
    meeting: Meeting, *, is_waiting: bool = False, with_join_link: bool = False
) -> Event:
    """Return the entry of `meeting`, for a reader who waits for a place (`is_waiting`), or who may
    have the link to join (`with_join_link`), which is in it until the meeting is over."""
    from icalendar import Event  # noqa: PLC0415  # see above

    join_url = meeting.join_url if with_join_link and meeting.can_be_joined else ""
    event = Event()
    # Of the meeting alone: another address of the portal would make every entry a second one.
    event.add("uid", str(meeting.uid))
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", meeting.changed_at.astimezone(UTC))
    event.add("last-modified", meeting.changed_at.astimezone(UTC))
    _add_times(event, meeting)
    event.add("summary", _summary(meeting))
    event.add("description", _description(meeting, join_url, is_waiting=is_waiting))
    event.add("location", clean_text(meeting.place or join_url or meeting.where))
    event.add("url", settings.SITE_URL + meeting.get_absolute_url())
    if meeting.is_cancelled:
        event.add("status", "CANCELLED")
    else:
        event.add("status", "TENTATIVE" if is_waiting else "CONFIRMED")
    # Said also of all-day entries, which programs show as free time otherwise.
    event.add("transp", "TRANSPARENT" if meeting.is_cancelled else "OPAQUE")
    return event


def email_calendar(team_email: TeamEmail) -> tuple[str, str] | None:
    """Return the calendar entry of a queued email, as the meeting is now: its method and its text.

    An invitation (REQUEST, or CANCEL) that the recipient answers by the buttons of their program;
    PUBLISH, which has no buttons, where the portal has no mailbox for the answers. None for an
    email that carries no entry, and of a meeting that is over or no longer announced.
    """
    meeting = team_email.meeting
    if meeting is None or not team_email.method:
        return None
    if meeting.status == Meeting.Status.DRAFT or meeting.is_over:
        return None
    event = meeting_event(meeting)
    method = "PUBLISH"
    (address,) = team_email.email.to
    attendance = _attendance(team_email, address)
    person = team_email.member or attendance
    # People who have changed their address answer only from the new one.
    if settings.CALENDAR_EMAIL and person and address == address_of(person):
        method = "CANCEL" if meeting.is_cancelled else "REQUEST"
        _add_people(event, meeting, reply_address(meeting, person), address, attendance)
    calendar = _calendar(method)
    calendar.add_component(event)
    # Email has line endings of its own.
    return method, calendar.to_ical().decode().replace("\r\n", "\n")


def _attendance(team_email: TeamEmail, address: str) -> Attendance | None:
    """Return what the recipient has answered, or None."""
    answers = Attendance.objects.filter(meeting=team_email.meeting)
    if team_email.member:
        return answers.filter(member=team_email.member).first()
    return answers.filter(guest_email=address).first()


def _add_people(
    event: Event, meeting: Meeting, organizer_address: str, address: str, answer: Attendance | None
) -> None:
    """Add who invites, and the recipient at `address` with what they have answered."""
    from icalendar import vCalAddress  # noqa: PLC0415  # see above

    organizer = vCalAddress(f"mailto:{organizer_address}")
    organizer.params["CN"] = clean_text(site_identity().name)
    event.add("organizer", organizer)
    attendee = vCalAddress(f"mailto:{address}")
    attendee.params["ROLE"] = "REQ-PARTICIPANT"
    attendee.params["PARTSTAT"] = _participation(answer)
    attendee.params["RSVP"] = "TRUE" if meeting.takes_answers else "FALSE"
    event.add("attendee", attendee)


def _participation(answer: Attendance | None) -> str:
    if answer is None or not answer.answer:
        return "NEEDS-ACTION"
    if answer.waiting_since:
        return "TENTATIVE"
    return PARTICIPATION[Attendance.Answer(answer.answer)]


def _calendar(method: str) -> Calendar:
    from icalendar import Calendar  # noqa: PLC0415  # see above

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _add_times(event: Event, meeting: Meeting) -> None:
    """Add when `meeting` is: in UTC, or as whole days in Central Time, where the end is the day
    after the last one."""
    first, last = meeting.day, last_day(meeting)
    if first == last:
        event.add("dtstart", meeting.starts_at.astimezone(UTC))
        event.add("dtend", meeting.ends_at.astimezone(UTC))
    else:
        event.add("dtstart", first)
        event.add("dtend", last + timedelta(days=1))


def _summary(meeting: Meeting) -> str:
    """Return whose meeting it is, and its title: among all else in a calendar, "Winter meeting"
    says too little."""
    title = meeting.title_with_teams
    if not meeting.teams.all():
        title = f"{site_identity().short_name}: {title}"
    return clean_text(f"{CANCELLED_PREFIX if meeting.is_cancelled else ''}{title}")


def _description(meeting: Meeting, join_url: str, *, is_waiting: bool) -> str:
    """Return what one needs to know, the agenda in short, and the page of the meeting.

    Only line feeds end its lines: some programs begin a new property at other characters.
    """
    lines = []
    if meeting.is_cancelled:
        lines.append(f"This meeting is cancelled: {meeting.cancelled_reason}")
    elif is_waiting:
        lines.append("You are on the waiting list. We will email you if a place opens up.")
    if meeting.day != last_day(meeting):
        lines.append(time_range(meeting))
    if join_url:
        lines.append(f"Join online: {join_url}")
    elif meeting.is_online and not (meeting.is_cancelled or meeting.is_over):
        lines.append("Online: members find the link to join on the meeting page.")
    if agenda := _shortened(plain_text(meeting.agenda)):
        lines.append(f"\n{agenda}\n")
    lines.append(f"All the details: {settings.SITE_URL}{meeting.get_absolute_url()}")
    return clean_lines("\n".join("\n".join(lines).splitlines()))


def _shortened(text: str) -> str:
    """Return `text` without empty lines, cut at a word where it is long."""
    text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
    if len(text) <= MAX_AGENDA_CHARACTERS:
        return text
    return text[:MAX_AGENDA_CHARACTERS].rsplit(maxsplit=1)[0] + " …"
