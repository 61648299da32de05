"""What a meeting leaves behind (minutes, slides, recordings), and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from members.models import Member
from members.services import Refused
from teams.models import Meeting, Resource
from teams.services.attendance import attendance_counts
from teams.services.meetings import change_meeting
from teams.services.resources import archive_resource, change_resource, create_resource

# What is asked about a link after a meeting.
LINK_FIELDS = ("kind", "title", "url", "captions", "transcript_url", "audience", "position")


@dataclass(frozen=True)
class ChecklistItem:
    """Something to do after a meeting: whether it is done, and its state in words. Optional items
    cause no reminders."""

    title: str
    is_done: bool
    note: str
    is_optional: bool = False


def checklist(meeting: Meeting) -> list[ChecklistItem]:
    """Return what there is to do after `meeting`. Only attendance and minutes are required; of
    each recording, captions or a transcript are asked for. Two queries."""
    counts = attendance_counts(meeting)
    links = list(meeting.resources.current())
    recorded = bool(counts.came or counts.absent)
    slides = sum(link.kind == Resource.Kind.SLIDES for link in links)
    recordings = [link for link in links if link.kind == Resource.Kind.RECORDING]
    items = [
        ChecklistItem(
            "Attendance", recorded, f"{counts.came} came" if recorded else "not recorded yet"
        ),
        ChecklistItem(
            "Minutes", bool(meeting.minutes), "published" if meeting.minutes else "not added yet"
        ),
        ChecklistItem("Slides", bool(slides), str(slides or "none"), is_optional=True),
        ChecklistItem(
            "Recording", bool(recordings), str(len(recordings) or "none"), is_optional=True
        ),
    ]
    for link in recordings:
        is_accessible = link.captions == Resource.Captions.YES or bool(link.transcript_url)
        note = "added" if is_accessible else "not added yet"
        items.append(ChecklistItem(f"Captions or transcript of “{link}”", is_accessible, note))
    is_sent = meeting.materials_sent_at is not None
    note = "sent" if is_sent else "not sent"
    return [*items, ChecklistItem("Email about it", is_sent, note, is_optional=True)]


@transaction.atomic
def save_materials(
    meeting: Meeting,
    *,
    minutes: str,
    shown_minutes: str,
    saved: Iterable[Resource],
    removed: Iterable[Resource],
    by: Member,
) -> Meeting:
    """Store the minutes of `meeting`, save the links `saved` and archive those `removed`; return
    the stored meeting.

    Refuses minutes that are no longer those of `shown_minutes`: someone else changed them
    in the meantime. Refuses links of other meetings.
    """
    stored = change_meeting(meeting, by=by)
    if minutes != stored.minutes and stored.minutes != shown_minutes:
        raise Refused(
            "Someone else changed the minutes in the meantime. Nothing was saved. Copy what you "
            "wrote, reload the page, and add it there."
        )
    stored = change_meeting(meeting, by=by, minutes=minutes)
    for link in saved:
        if link.pk and link.meeting_id != meeting.pk:
            raise Refused("This link belongs to another meeting. Nothing was saved.")
        link.meeting = stored
        if link.pk:
            change_resource(link, by=by, **{name: getattr(link, name) for name in LINK_FIELDS})
        else:
            create_resource(link, [], by=by)
    for link in removed:
        archive_resource(link, by=by, reason="removed from its meeting")
    return stored
