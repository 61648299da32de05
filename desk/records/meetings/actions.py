"""What is decided about meetings: announcing, moving, cancelling, reviving and deleting them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse

from desk.actions.bulk_action import ActionWithReason, BulkAction, origin_of
from desk.changelist import require_staff
from desk.records.meetings.forms import MoveForm
from members.models import Member
from members.text_fields import CleanFormField
from teams.actions import MAX_EMAILS
from teams.meeting_times import time_range
from teams.models import EmailChoice, Meeting
from teams.services.meeting_warnings import meeting_warnings
from teams.services.team_emails import recipients_of

Status = Meeting.Status
# In a preview: enough that some are emails the facilitator may read.
MAX_SAMPLE_EMAILS = 20


def is_planned_by(staff: Member, meeting: Meeting) -> bool:
    """Return whether `staff` plans `meeting`. The page of one asks many times, the database is
    asked once."""
    known: dict[int, bool] = vars(meeting).setdefault("is_planned_by", {})
    if staff.pk not in known:
        known[staff.pk] = Meeting.objects.editable_by(staff).filter(pk=meeting.pk).exists()
    return known[staff.pk]


class MeetingAction(BulkAction[Meeting]):
    """A decision about meetings, for those who plan them."""

    model = Meeting
    nouns = ("meeting", "meetings")
    needs_form = shows_email = True
    # Those for which the page offers it.
    status: Status
    sends_email = True
    # The kind of the emails, by which members can stop them.
    kind = EmailChoice.Kind.MEETINGS

    def has_permission(self, staff: Member, record: Meeting | None = None) -> bool:
        allowed = super().has_permission(staff, record)
        if not allowed or record is None:
            return allowed
        return is_planned_by(staff, record)

    def is_available(self, meeting: Meeting) -> bool:
        return meeting.status == self.status

    def record_name(self, meeting: Meeting) -> str:
        return f"“{meeting}”"

    def describe(self, meeting: Meeting) -> str:
        return f"{meeting}: {time_range(meeting)}"

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """Return the data of the form for a few emails; the page counts the others."""
        data = super().preview_data(form)
        return None if data is None else {**data, MAX_EMAILS: MAX_SAMPLE_EMAILS}

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Meeting], form: forms.Form
    ) -> dict[str, Any]:
        """Return what the page lists and, of a single meeting, who gets the email."""
        context = super().get_context_data(request, records, form)
        if len(records) > 1 or not self.sends_email:
            return context
        (meeting,) = records
        if not self.is_available(meeting):
            return context
        recipients = recipients_of(meeting, self.kind)
        return {**context, "effects": f"{recipients}."}


class Announce(MeetingAction):
    name, label, title = "announce", "Announce", "Announce {}"
    description = (
        "It will appear on the pages and in the calendars of everyone who may see it, and the "
        "members of its teams get an email. You can move or cancel it later, but not delete it."
    )
    template = "admin/teams/meeting/announce.html"
    status = Status.DRAFT

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Meeting], form: forms.Form
    ) -> dict[str, Any]:
        """Return who gets the email, and what to check again."""
        context = super().get_context_data(request, records, form)
        if len(records) > 1:
            return context
        (meeting,) = records
        staff = require_staff(request)
        warnings = meeting_warnings(meeting, list(meeting.teams.all()), reader=staff)
        return {**context, "warnings": warnings}


class Move(MeetingAction):
    name, label, title = "move", "Move", "Move {}"
    description = (
        "The members of its teams and everyone who said they would come get an email with the old "
        "and new time or place."
    )
    template = "admin/teams/meeting/move.html"
    status = Status.ANNOUNCED

    def is_available(self, meeting: Meeting) -> bool:
        return super().is_available(meeting) and not meeting.is_over

    def get_form(self, request: HttpRequest, records: Sequence[Meeting]) -> forms.Form:
        return MoveForm(request.POST if request.method == "POST" else None, meetings=records)

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        return super().preview_data(form) if form.is_bound else None

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Meeting], form: forms.Form
    ) -> dict[str, Any]:
        """Return the old time and place in words and, once they are entered, the new ones; of
        several meetings a choice of one."""
        if len(records) > 1:
            meetings = [(each, self.record_url(each.pk, **origin_of(request))) for each in records]
            return {"meetings": meetings, "is_settled": True}
        (meeting,) = records
        return {
            **super().get_context_data(request, records, form),
            "meetings": [],
            "meeting": meeting,
            "old_time": time_range(meeting),
            **self._moved(request, meeting, form),
        }

    def _moved(self, request: HttpRequest, meeting: Meeting, form: forms.Form) -> dict[str, Any]:
        if not (form.is_bound and form.is_valid()):
            return {"moved": None, "warnings": []}
        moved = Meeting(
            pk=meeting.pk,
            **{name: form.cleaned_data[name] for name in ("place", "join_url")},
            **{
                name: datetime.fromisoformat(form.cleaned_data[name])
                for name in ("starts_at", "ends_at")
            },
        )
        staff = require_staff(request)
        warnings = []
        if moved.starts_at != meeting.starts_at or not meeting.has_begun:
            warnings = meeting_warnings(moved, list(meeting.teams.all()), reader=staff)
        return {
            "moved": moved,
            "new_time": time_range(moved),
            "warnings": [*form.cleaned_data["remarks"], *warnings],
        }


class Cancel(ActionWithReason[Meeting], MeetingAction):
    name, label, title = "cancel", "Cancel meeting", "Cancel {}"
    leave_label = "Keep the meeting"
    description = (
        "It remains on its page and in calendars, marked as cancelled, until its day has passed. "
        "The members of its teams and everyone who said they would come get an email with the "
        "reason."
    )
    status = Status.ANNOUNCED
    prepared_reasons = (
        "Too few people can come. We will find another date.",
        "The weather makes it unsafe to travel.",
        "The speaker is sick.",
        "The room is not available.",
    )
    reason_help = "Everyone who may see the meeting can read it. Change it as you like."

    def is_available(self, meeting: Meeting) -> bool:
        return super().is_available(meeting) and not meeting.is_over

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        return super().preview_data(form) if form.is_bound or form.initial else None

    def get_form(self, request: HttpRequest, records: Sequence[Meeting]) -> forms.Form:
        form = super().get_form(request, records)
        if request.method != "POST":
            # Nobody should read a reason that only stood there.
            form.initial = {}
        form.fields["reason"] = CleanFormField(
            label="Reason",
            max_length=Meeting._meta.get_field("cancelled_reason").max_length,
            help_text=self.reason_help,
            error_messages={"required": "Say in one sentence why the meeting is cancelled."},
            widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        )
        return form


class Revive(MeetingAction):
    name, label, title = "revive", "Hold it after all", "Hold {} after all"
    description = (
        "It is announced again, with the same time, place and web address. The members of its "
        "teams and everyone who said they would come get an email."
    )
    status = Status.CANCELLED

    def is_available(self, meeting: Meeting) -> bool:
        return super().is_available(meeting) and not meeting.has_begun


class EmailMaterials(MeetingAction):
    name, label, title = "email_materials", "Email minutes and links", "Email the materials of {}"
    description = "The members of its teams get one email that the minutes and links are ready."
    kind = EmailChoice.Kind.MATERIALS

    def is_available(self, meeting: Meeting) -> bool:
        return (
            meeting.status in {Status.ANNOUNCED, Status.HELD}
            and meeting.has_begun
            and (bool(meeting.minutes) or meeting.resources.current().exists())
        )


class Delete(MeetingAction):
    name, label, title = "delete", "Delete draft", "Delete {}"
    description = "No one has been invited, and no email is sent. You cannot undo this."
    status = Status.DRAFT
    shows_email = sends_email = False

    def success_url(self, form_data: dict[str, Any]) -> str:
        return reverse("admin:teams_meeting_changelist")
