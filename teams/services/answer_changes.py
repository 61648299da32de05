"""Answers that change hands: a guest joins, two accounts become one, a decision is undone.

And answers of guests, whose names and addresses are erased some time after the meeting.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from members.batches import batched
from members.history.changesets import serialize_fields
from members.history.decisions import deserialize_fields
from members.models import Member
from members.services import Refused, delete_with_history, lock_records, save_with_history
from teams.models import Attendance, AttendanceQuerySet, Meeting
from teams.services.answers import Answer, free_places, has_place, move_up_waiting

# After the meeting.
GUEST_RETENTION = timedelta(days=30)
# The reason in the history.
JOINED = "the guest has joined"


def link_guest_answers(members: Mapping[str, Member], *, by: Member) -> None:
    """Let what was answered as a guest at these addresses be the answers of `members`, whose
    addresses they are now."""
    for batch in batched(sorted(members)):
        guests = Attendance.objects.filter(guest_email__in=batch).order_by("guest_email")
        for email in guests.values_list("guest_email", flat=True).distinct():
            answers = Attendance.objects.filter(guest_email=email)
            take_over_answers(answers, members[email], by=by, why=JOINED)


def take_over_answers(answers: AttendanceQuerySet, member: Member, *, by: Member, why: str) -> None:
    """Make `answers`, of a guest or of an account that is merged, those of `member`. Where both
    answered one meeting, the later answer counts, and the place that is free then goes to the
    first in line."""
    keys = answers.order_by("meeting").values_list("meeting", flat=True)
    for meeting in lock_records(Meeting, set(keys)).values():
        answer = answers.get(meeting=meeting)
        answer.meeting = meeting
        own = Attendance.objects.filter(meeting=meeting, member=member).first()
        if own is None:
            save_with_history(answer, by, why, member=member, guest_name="", guest_email="")
            continue
        combined = _combined(own, answer)
        delete_with_history(answer, by, why)
        save_with_history(own, by, why, **combined)
        move_up_waiting(meeting)


def _combined(own: Attendance, other: Attendance) -> dict[str, Any]:
    """Return the fields of the one answer that two answers of one person become."""
    newer = own
    if other.answered_at and (own.answered_at is None or other.answered_at > own.answered_at):
        newer = other
    fields: dict[str, Any] = {
        "answer": newer.answer,
        "answered_at": newer.answered_at,
        "organization": newer.organization or own.organization,
        "waiting_since": None,
        "came": own.came or other.came if own.came is not None else other.came,
    }
    if newer.answer == Answer.IN_PERSON and not (has_place(own) or has_place(other)):
        waiting = [each.waiting_since for each in (own, other) if each.waiting_since]
        fields["waiting_since"] = min(waiting)
    return fields


def revert_answers(changes: list[dict[str, Any]], by: Member, why: str) -> None:
    """Take back `changes` of answers, newest first, that followed from a decision. What a person
    has answered since counts; who finds all places taken is the first in line. Refuses
    where it was recorded since who came."""
    keys = [change["pk"] for change in changes]
    meetings = Attendance.objects.filter(pk__in=keys).values_list("meeting", flat=True)
    locked = lock_records(Meeting, set(meetings))
    answers = Attendance.objects.in_bulk(keys)
    for change in changes:
        if answer := answers.get(change["pk"]):
            answer.meeting = locked[answer.meeting_id]
            _revert_answer(answer, change, by, why)
    for answer in answers.values():
        free = free_places(answer.meeting)
        if answer.pk and has_place(answer) and free is not None and free < 0:
            save_with_history(answer, by, why, waiting_since=answer.answered_at)
    for meeting in locked.values():
        move_up_waiting(meeting)


def _revert_answer(answer: Attendance, change: dict[str, Any], by: Member, why: str) -> None:
    if "old" not in change:
        delete_with_history(answer, by, why)
    elif serialize_fields(answer, change["new"]) == change["new"]:
        save_with_history(answer, by, why, **deserialize_fields(Attendance, change["old"]))
    elif "came" in change["new"]:
        raise Refused("attendance at a meeting has been recorded since then.")


def anonymize_old_guests() -> None:
    """Erase names and addresses of the guests of meetings that ended GUEST_RETENTION ago. Their
    organization, and whether they came, is still counted."""
    ended = Meeting.objects.filter(ends_at__lt=timezone.now() - GUEST_RETENTION)
    guests = Attendance.objects.filter(meeting__in=ended.order_by())
    guests.exclude(guest_name="", guest_email="").update(guest_name="", guest_email="")
