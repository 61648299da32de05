"""Meetings for tests: stored as they are after a facilitator has announced them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from members.models import Member
from teams.models import ActionTeam, Attendance, Meeting


def make_meeting(*teams: ActionTeam, **fields: Any) -> Meeting:
    """Return a stored meeting of `teams` (none: the whole Collaborative), announced, public and
    both in person and online; it begins in two weeks and takes 90 minutes, unless `fields` say
    otherwise."""
    starts_at = fields.pop("starts_at", timezone.now() + timedelta(days=14))
    status = fields.get("status", Meeting.Status.ANNOUNCED)
    values = {
        "title": "Winter meeting",
        "ends_at": starts_at + timedelta(minutes=90),
        "place": "North Branch Example Health, Room 2, 1 Example Street, Chicago",
        "join_url": "https://video.example.org/secret-room",
        "audience": Meeting.Audience.PUBLIC,
        "status": status,
        "announced_at": None if status == Meeting.Status.DRAFT else timezone.now(),
        **fields,
    }
    number = Meeting.objects.count()
    values.setdefault("slug", f"winter-meeting-{number}" if number else "winter-meeting")
    meeting = Meeting.objects.create(starts_at=starts_at, **values)
    # As `set` does, without a second entry in the history, which takes half of the time.
    link = Meeting.teams.through
    link.objects.bulk_create([link(meeting=meeting, actionteam=team) for team in teams])
    return meeting


def attendance_of(meeting: Meeting, member: Member) -> Attendance | None:
    """Return what `member` answered to `meeting`, or None."""
    return Attendance.objects.filter(meeting=meeting, member=member).first()
