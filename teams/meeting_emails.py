"""One function per email about meetings, which many people get. They know templates and addresses,
no rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from post_office.models import Email

from members.emails import SharedEmail
from members.models import Member
from teams.markdown import email_html, email_text
from teams.meeting_times import day_in_words, time_range
from teams.models import Announcement, Attendance, Meeting, Resource

# Of the agenda; the rest is on the page of the meeting.
MAX_AGENDA_CHARACTERS = 700


@dataclass(frozen=True)
class Reader:
    """Who gets an email from a team, why, and the pages that are theirs alone."""

    email: str
    full_name: str
    # "You get this email because" …, with its period.
    reason: str
    # Where they answer to the meeting that it is about, if it is about one.
    answer_url: str = ""
    # Without one, the email is about the reader's own answer and cannot be stopped.
    stop_url: str = ""


def meeting_announced(
    meeting: Meeting, readers: Iterable[Reader], *, again: bool = False
) -> list[Email]:
    """Tell `readers` when and where a meeting is, and ask whether they come. `again`: it had been
    cancelled. Return the emails, in the order of the readers."""
    return _queue_for_each("meeting_announced", readers, {"meeting": meeting, "again": again})


def meeting_moved(meeting: Meeting, before: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers` the new time, or place, of a meeting and what it was `before`. Return the
    emails."""
    old_time = time_range(before)
    is_new_time = old_time != time_range(meeting)
    context = {"meeting": meeting, "old_time": old_time, "is_new_time": is_new_time}
    where = _what_changed_about_the_place(meeting, before)
    return _queue_for_each("meeting_moved", readers, {**context, "where": where})


def _what_changed_about_the_place(meeting: Meeting, before: Meeting) -> str:
    """Return "online" or "in person" where a meeting is only that now, "link" where the link to
    join is a new one, "place" where the place has changed, and else an empty text."""
    if before.is_in_person and not meeting.is_in_person:
        return "online"
    if before.is_online and not meeting.is_online:
        return "in person"
    if before.place != meeting.place:
        return "place"
    return "link" if before.join_url != meeting.join_url else ""


def meeting_cancelled(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers` that a meeting does not take place, and why. Return the emails."""
    return _queue_for_each("meeting_cancelled", readers, {"meeting": meeting})


def meeting_reminder(
    meeting: Meeting,
    readers: Iterable[Reader],
    *,
    answer: str,
    is_waiting: bool = False,
    join_url: str = "",
    links: Sequence[Resource] = (),
) -> list[Email]:
    """Remind `readers`, who all gave this `answer` to a meeting: members who join online of the
    `join_url`, and who waits of having no place yet. `links` are there to be read before. Return
    the emails."""
    context = {"meeting": meeting, "answer": answer, "is_waiting": is_waiting}
    return _queue_for_each(
        "meeting_reminder", readers, {**context, "join_url": join_url, "links": links}
    )


def meeting_unanswered(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Ask `readers`, who have not answered, whether they come to a meeting. Return the emails."""
    return _queue_for_each("meeting_unanswered", readers, {"meeting": meeting})


def meeting_materials(
    meeting: Meeting, links: Sequence[Resource], readers: Iterable[Reader]
) -> list[Email]:
    """Tell `readers` that the minutes of a meeting, and what `links` lead to, are there. Return the
    emails."""
    return _queue_for_each("meeting_materials", readers, {"meeting": meeting, "links": links})


def meeting_place_free(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers`, who were on the waiting list of a meeting, that they have a place. Return the
    emails."""
    return _queue_for_each("meeting_place_free", readers, {"meeting": meeting})


def meeting_guest_answer(attendance: Attendance, readers: Iterable[Reader]) -> list[Email]:
    """Tell a guest, the one of `readers`, what they answered, and how to change it. Return the
    emails."""
    context = {"meeting": attendance.meeting, "attendance": attendance}
    return _queue_for_each("meeting_guest_answer", readers, context)


def _queue_for_each(name: str, readers: Iterable[Reader], context: dict[str, Any]) -> list[Email]:
    """Queue the email of these templates for each of `readers`, and return the emails; it is
    rendered once for those who can stop such emails, and once for the others."""
    meeting: Meeting = context["meeting"]
    agenda, is_cut = _beginning(meeting.agenda)
    context = {
        "time": time_range(meeting),
        "day": day_in_words(meeting.day, year=False),
        "long_day": day_in_words(meeting.day),
        "meeting_url": settings.SITE_URL + meeting.get_absolute_url(),
        "agenda": email_text(agenda),
        "agenda_html": email_html(agenda),
        "is_agenda_cut": is_cut,
        "my_emails_url": settings.SITE_URL + reverse("my_emails"),
        **context,
    }
    shared: dict[bool, SharedEmail] = {}
    emails = []
    for reader in readers:
        can_stop = bool(reader.stop_url)
        if can_stop not in shared:
            personal = ["reason", "answer_url", *(["stop_url"] if can_stop else [])]
            shared[can_stop] = SharedEmail(name, context, personal)
        values = {"reason": reader.reason, "answer_url": reader.answer_url}
        if can_stop:
            values["stop_url"] = reader.stop_url
        emails.append(
            shared[can_stop].queue(reader.email, reader.full_name, values, stop_url=reader.stop_url)
        )
    return emails


def _beginning(agenda: str) -> tuple[str, bool]:
    """Return the first lines of an agenda, and whether there are more."""
    lines: list[str] = []
    length = 0
    for line in agenda.strip().splitlines():
        length += len(line) + 1
        if length > MAX_AGENDA_CHARACTERS and lines:
            return "\n".join(lines).rstrip(), True
        lines.append(line)
    return "\n".join(lines), False


@dataclass(frozen=True)
class SummarySection:
    """What happened in a team within a month: meetings to come, those with new materials, and what
    facilitators wrote."""

    team: str
    coming: Sequence[Meeting] = ()
    materials: Sequence[Meeting] = ()
    announcements: Sequence[Announcement] = ()


def monthly_summary(member: Member, sections: Sequence[SummarySection], stop_url: str) -> Email:
    """Tell a member what is coming in their teams and what was written and published last month.
    Return the email."""
    context = {"sections": sections, "my_emails_url": settings.SITE_URL + reverse("my_emails")}
    shared = SharedEmail("monthly_summary", context, ["stop_url"])
    return shared.queue(member.email, member.full_name, {"stop_url": stop_url}, stop_url=stop_url)
