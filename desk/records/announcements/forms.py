"""The form in which an announcement is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import Q
from django.utils import timezone

from desk.records.versions import VersionedForm
from members.models import Member
from members.services import Refused
from teams.actions import TEAM_PREFIX
from teams.meeting_times import day_in_words
from teams.models import ActionTeam, Announcement, Meeting
from teams.services import check_announcement
from teams.services.announcements import content_version

MEETING_PREFIX = "meeting-"
ALL_TEAMS = "all"
# To those who came to a meeting one can write for so long.
MEETING_OFFERED_FOR = timedelta(days=60)


def audience_key(announcement: Announcement) -> str:
    """Return how the form names to whom `announcement` goes."""
    if announcement.meeting_id:
        return f"{MEETING_PREFIX}{announcement.meeting_id}"
    return f"{TEAM_PREFIX}{announcement.team_id}" if announcement.team_id else ALL_TEAMS


def audience_choices(staff: Member, meeting: int | None) -> list[Any]:
    """Return to whom `staff` can write: their teams; for administrators all teams; those who come
    to meetings that are not long over, and to that with the key `meeting`."""
    teams = ActionTeam.objects.facilitated_by(staff).order_by("position", "name")
    choices: list[Any] = [(f"{TEAM_PREFIX}{team.pk}", f"Members of {team}") for team in teams]
    if staff.is_superuser:
        choices.append((ALL_TEAMS, "Members of all teams"))
    planned = Meeting.objects.editable_by(staff).exclude(status=Meeting.Status.DRAFT)
    is_offered = Q(ends_at__gt=timezone.now() - MEETING_OFFERED_FOR) | Q(pk=meeting)
    meetings = planned.filter(is_offered).order_by("starts_at", "pk")
    offered = [
        (f"{MEETING_PREFIX}{each.pk}", f"{each}, {day_in_words(each.day)}") for each in meetings
    ]
    return [*choices, ("Attendees of a meeting", offered)] if offered else choices


class AnnouncementForm(VersionedForm[Announcement]):
    """A draft; of what was sent only whether everyone can read it."""

    # Set by the class that the admin makes: who writes, and what the audience is chosen from.
    staff: ClassVar[Member]
    audiences: ClassVar[list[Any]]

    audience = forms.ChoiceField(
        label="To",
        error_messages={
            "required": "Choose who gets it.",
            "invalid_choice": "Choose one of your teams or meetings.",
        },
    )

    class Meta:
        model = Announcement
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_draft = self.instance.is_draft
        if self.instance.pk:
            self.initial = {**self.initial, "version": content_version(self.instance)}
            if is_draft:
                self.initial = {**self.initial, "audience": audience_key(self.instance)}
        if not is_draft:
            del self.fields["audience"]
            return
        choices = self.audiences
        if len(choices) > 1 and not self.initial.get("audience"):
            choices = [("", "Choose"), *choices]
        cast("forms.ChoiceField", self.fields["audience"]).choices = choices

    def clean(self) -> dict[str, Any]:
        """Return the fields. Refuses what someone has changed meanwhile."""
        cleaned = super().clean() or self.cleaned_data
        self.refuse_unseen_changes()
        return cleaned

    def _post_clean(self) -> None:
        """Check the whole as the services will, so that nothing that was entered is lost."""
        if audience := self.cleaned_data.get("audience"):
            kind, _, key = audience.rpartition("-")
            self.instance.team_id = int(key) if f"{kind}-" == TEAM_PREFIX else None
            self.instance.meeting_id = int(key) if f"{kind}-" == MEETING_PREFIX else None
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        if self.errors:
            return
        try:
            check_announcement(self.instance, by=self.staff)
        except Refused as refusal:
            self.add_error(None, str(refusal))

    def changes(self) -> dict[str, Any]:
        """Return what the form says of a stored announcement, by field."""
        names: list[str] = [each for each in self.fields if each not in {"audience", "version"}]
        if "audience" in self.fields:
            names += ["team", "meeting"]
        return {name: getattr(self.instance, name) for name in names}
