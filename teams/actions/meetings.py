"""What staff decide about meetings, and about what they write to a team."""

from __future__ import annotations

from datetime import datetime

from members.models import Member
from members.wording import counted
from teams import services
from teams.actions.registry import MAX_EMAILS, FormData, action
from teams.meeting_times import time_range
from teams.models import Announcement, Meeting
from teams.services import meeting_emails

# Meetings


@action(Meeting, "announce")
def announce_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    meeting = services.announce_meeting(meeting, by=by, max_emails=form_data.get(MAX_EMAILS))
    return f"“{meeting}” is announced: {time_range(meeting)}."


@action(Meeting, "move")
def move_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    moved = services.move_meeting(
        meeting,
        starts_at=datetime.fromisoformat(form_data["starts_at"]),
        ends_at=datetime.fromisoformat(form_data["ends_at"]),
        place=form_data["place"],
        join_url=form_data["join_url"],
        by=by,
        max_emails=form_data.get(MAX_EMAILS),
    )
    remarks = "".join(f" {remark}" for remark in form_data.get("remarks", ()))
    if (moved.starts_at, moved.ends_at) != (meeting.starts_at, meeting.ends_at):
        return f"“{moved}” is moved. It is now on {time_range(moved)}.{remarks}"
    if moved.where != meeting.where:
        return f"“{moved}” is moved. It is at the same time, but in a new place: {moved.where}."
    return f"“{moved}” has a new link to join online."


@action(Meeting, "cancel")
def cancel_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    reason, max_emails = form_data["reason"], form_data.get(MAX_EMAILS)
    meeting = services.cancel_meeting(meeting, reason=reason, by=by, max_emails=max_emails)
    return f"“{meeting}” on {time_range(meeting)} is cancelled."


@action(Meeting, "revive")
def revive_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    meeting = services.revive_meeting(meeting, by=by, max_emails=form_data.get(MAX_EMAILS))
    return f"“{meeting}” takes place after all: {time_range(meeting)}."


@action(Meeting, "email_materials")
def email_materials(meeting: Meeting, by: Member, form_data: FormData) -> str:
    recipients = meeting_emails.email_materials(meeting, by, max_emails=form_data.get(MAX_EMAILS))
    return f"Minutes and links of “{meeting}”: {recipients}."


@action(Meeting, "delete", can_be_undone=False)
def delete_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    services.delete_meeting(meeting, by=by)
    return f"The draft “{meeting}” is deleted."


# Announcements


@action(Announcement, "send")
def send_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    version = form_data.get("version", "")
    recipients = services.send_announcement(announcement, by=by, version=version)
    return f"“{announcement}” is sent: {recipients}."


@action(Announcement, "stop", can_be_undone=False)
def stop_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    number = services.stop_announcement(announcement, by=by)
    emails = counted(number, "email was", "emails were")
    return f"“{announcement}” is stopped: {emails} not sent."


@action(Announcement, "delete", can_be_undone=False)
def delete_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    services.delete_announcement(announcement, by=by)
    return f"The draft “{announcement}” is deleted."
