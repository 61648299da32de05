"""Storing the answers that calendar apps send by email: they count like presses on the page.

Nothing is ever sent back to who wrote such an email, so no two programs can answer each other for
ever; what was not taken is in the log, by keys.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from members.services import Refused
from teams.answer_links import AnswerLink
from teams.calendar_replies import CalendarReply, read_reply
from teams.meeting_times import last_day
from teams.models import Attendance, Meeting
from teams.reply_addresses import resolve_reply_token
from teams.services.answers import answer_as_guest, answer_meeting

# How far the clock of a calendar program may be behind.
CLOCK_TOLERANCE = timedelta(minutes=10)
ANSWERS = {"ACCEPTED": Attendance.Answer.IN_PERSON, "DECLINED": Attendance.Answer.NO}

logger = logging.getLogger(__name__)


def take_calendar_reply(content: bytes) -> Attendance | None:
    """Store the answer that an email (`content`, as it came) holds, and return it; None where it
    holds none, or none that counts. Raises nothing but errors of the database."""
    reply = read_reply(content)
    link = resolve_reply_token(reply.token) if reply else None
    if reply is None or link is None:
        logger.info("Ignored an email to the calendar mailbox: no answer to an invitation")
        return None
    reason = _why_not(reply, link)
    if not reason:
        try:
            attendance = _answer(reply, link)
        except Refused as refused:
            reason = str(refused)
        else:
            logger.info("Calendar reply to meeting %s: %s", link.meeting.pk, reply.participation)
            return attendance
    logger.info("Calendar reply to meeting %s not taken: %s", link.meeting.pk, reason)
    return None


def _why_not(reply: CalendarReply, link: AnswerLink) -> str:
    """Return why `reply` is not taken, or an empty text."""
    if reply.uid != str(link.meeting.uid):
        return "it is about another entry"
    if reply.participation not in ANSWERS:
        return "it says neither yes nor no"
    if not _is_of_present_time(reply, link.meeting):
        return "it answers a time that is no longer right"
    stored = _stored_answer(link)
    answered_at = stored.answered_at if stored else None
    if answered_at and reply.answered_at and reply.answered_at + CLOCK_TOLERANCE < answered_at:
        return "there is a newer answer"
    return ""


def _is_of_present_time(reply: CalendarReply, meeting: Meeting) -> bool:
    """Return whether `reply` answers the time that `meeting` has now. Where it repeats the time,
    that decides: a corrected title raises SEQUENCE as well, and takes back no invitation."""
    starts = reply.starts
    if meeting.day != last_day(meeting) and starts is not None:
        # An all-day entry; some programs write its midnight.
        return (starts.date() if isinstance(starts, datetime) else starts) == meeting.day
    if isinstance(starts, datetime) and starts.tzinfo:
        return starts == meeting.starts_at.replace(microsecond=0)
    return reply.sequence == meeting.sequence


def _stored_answer(link: AnswerLink) -> Attendance | None:
    if link.member:
        return Attendance.objects.filter(meeting=link.meeting, member=link.member).first()
    return link.guest


def _answer(reply: CalendarReply, link: AnswerLink) -> Attendance:
    """Store the answer. Yes keeps how a person comes who has said so before: online, or on the
    waiting list; else it is in person, where there is a place to come to."""
    answer = ANSWERS[reply.participation]
    stored = _stored_answer(link)
    if stored and answer != Attendance.Answer.NO and stored.answer in Attendance.COMING:
        return stored
    if link.member:
        return answer_meeting(link.meeting, link.member, answer)
    guest = link.guest
    if guest is None:
        raise Refused("There is nobody to answer.")
    return answer_as_guest(link.meeting, guest.guest_name, guest.guest_email, answer)
