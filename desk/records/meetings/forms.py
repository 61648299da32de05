"""The forms of a meeting. Times are typed in Central Time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from desk.changelist.base import CalendarInput
from desk.records.versions import VersionedForm
from members.models import Member
from members.services import Refused
from members.text_fields import CleanFormField
from teams.local_times import moment_at, parse_time
from teams.meeting_times import hour_in_words
from teams.models import ActionTeam, Meeting
from teams.services import check_plan

# A year further ahead is probably a typo.
MAX_YEARS_AHEAD = 5
END_OF_DAY = time(23, 59)
AS_USUAL = "As usual: everyone, or for a team meeting the members of its teams"


class TimeField(CleanFormField):
    """A time of day as people type it."""

    def clean(self, value: Any) -> Any:
        """Return the time; None if nothing was entered and nothing has to be."""
        typed = super().clean(value)
        return parse_time(typed) if typed else None


class TimesForm(forms.Form):
    """When a meeting begins and ends."""

    day = forms.DateField(
        label="Date",
        widget=CalendarInput,
        error_messages={
            "required": "Enter the date.",
            "invalid": "Enter the date as month/day/year, such as 12/9/2026.",
        },
    )
    begins = TimeField(
        label="Begins, in Central Time",
        max_length=40,
        help_text="Such as 9:30 a.m. or 2 p.m.",
        error_messages={"required": "Enter when it begins."},
    )
    ends = TimeField(
        label="Ends, in Central Time",
        max_length=40,
        error_messages={"required": "Enter when it ends."},
    )
    last_day = forms.DateField(
        label="Last day",
        required=False,
        widget=CalendarInput,
        help_text="Only if it ends on a different day.",
        error_messages={"invalid": "Enter the last day as month/day/year, such as 12/10/2026."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # About times that come twice when the clocks go back.
        self.remarks: list[str] = []
        # Of a meeting that goes on: its beginning remains possible.
        self.begun_at: datetime | None = None

    def add_moments(self) -> None:
        """Add `starts_at` and `ends_at` to the cleaned data, and errors for times that do not
        exist, are over, or end before they begin."""
        cleaned = self.cleaned_data
        if {"day", "begins", "ends", "last_day"} <= cleaned.keys():
            starts_at = self._moment("begins", "day")
            ends_at = self._moment("ends", "last_day" if cleaned["last_day"] else "day")
            if starts_at and ends_at and self._is_possible(starts_at, ends_at):
                cleaned |= {"starts_at": starts_at, "ends_at": ends_at}

    def _moment(self, time_name: str, day_name: str) -> datetime | None:
        """Return the moment that two fields say, or None, with an error, if there is none."""
        day, local_time = (self.cleaned_data.get(name) for name in (day_name, time_name))
        if day is None or local_time is None:
            return None
        year = timezone.localdate().year
        if not year - 1 <= day.year <= year + MAX_YEARS_AHEAD:
            self.add_error(day_name, f"Check the year: {day.year}.")
            return None
        try:
            moment, remark = moment_at(day, local_time)
        except ValidationError as error:
            self.add_error(time_name, error)
            return None
        if remark:
            self.remarks.append(remark)
        return moment

    def _is_possible(self, starts_at: datetime, ends_at: datetime) -> bool:
        if ends_at <= starts_at:
            self.add_error(
                "ends",
                "The meeting ends before it begins. Change one of the times. If it goes past "
                "midnight or lasts several days, enter the last day.",
            )
        elif starts_at != self.begun_at and starts_at <= timezone.now():
            self.add_error("day", "This time is in the past. Choose a future time.")
        elif ends_at <= timezone.now():
            self.add_error("ends", "This time is in the past. Choose a future time.")
        else:
            return True
        return False


def initial_times(meeting: Meeting) -> dict[str, Any]:
    """Return what the fields of `TimesForm` show of a stored meeting."""
    end = timezone.localdate(meeting.ends_at)
    return {
        "day": meeting.day,
        "begins": hour_in_words(meeting.starts_at),
        "ends": hour_in_words(meeting.ends_at),
        "last_day": end if end != meeting.day else None,
    }


class MeetingForm(VersionedForm[Meeting], TimesForm):
    """A meeting as it is planned; of one that was announced what people need not hear of."""

    # Set by the class that the admin makes.
    staff: ClassVar[Member]

    answer_day = forms.DateField(
        label="Answer by",
        required=False,
        widget=CalendarInput,
        help_text="The last day to answer. Empty: until the meeting begins.",
        error_messages={"invalid": "Enter the date as month/day/year, such as 12/7/2026."},
    )

    class Meta:
        model = Meeting
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        meeting = self.instance
        self.has_times = meeting.status == Meeting.Status.DRAFT
        self.other_teams: list[ActionTeam] = []
        if meeting.pk:
            own = ActionTeam.objects.facilitated_by(self.staff)
            self.other_teams = list(meeting.teams.exclude(pk__in=own.order_by().values("pk")))
            self.initial = {
                **self.initial,
                **initial_times(meeting),
                "version": meeting.changed_at.isoformat(),
                "answer_day": meeting.answer_by and timezone.localdate(meeting.answer_by),
            }
        if not self.has_times:
            for name in ("day", "begins", "ends", "last_day"):
                del self.fields[name]
        if "audience" in self.fields and not meeting.pk:
            audience = cast("forms.ChoiceField", self.fields["audience"])
            audience.required = False
            audience.choices = [("", AS_USUAL), *Meeting.Audience.choices]

    def clean(self) -> dict[str, Any]:
        """Return the fields with the moments and all teams. Refuses what the services would, and
        what someone has changed meanwhile."""
        cleaned = super().clean() or self.cleaned_data
        self.add_moments()
        self.refuse_unseen_changes()
        if "kind" in cleaned and not cleaned.get("audience") and "audience" not in self.errors:
            cleaned["audience"] = usual_audience(cleaned["kind"])
        cleaned["teams"] = [*cleaned.get("teams", ()), *self.other_teams]
        starts_at = cleaned.get("starts_at", None if self.has_times else self.instance.starts_at)
        if starts_at and "answer_day" not in self.errors:
            cleaned["answer_by"] = self._answer_by(cleaned.get("answer_day"), starts_at)
        return cleaned

    def _answer_by(self, day: date | None, starts_at: datetime) -> datetime | None:
        """Return the end of `day`; where it is the day of the meeting, its beginning."""
        if day is None:
            return None
        start_day = timezone.localdate(starts_at)
        stored = self.instance.answer_by
        if stored and stored <= starts_at and timezone.localdate(stored) == day:
            return stored
        if day > start_day:
            self.add_error(
                "answer_day", "The deadline to answer must be before the meeting begins."
            )
            return None
        if not start_day - timedelta(days=366) <= day:
            self.add_error("answer_day", f"Check the year: {day.year}.")
            return None
        end_of_day, _ = moment_at(day, END_OF_DAY)
        return min(end_of_day, starts_at)

    def _post_clean(self) -> None:
        """Check the whole as the services will, so that nothing that was entered is lost."""
        for name in ("starts_at", "ends_at", "answer_by", "audience"):
            if name in self.cleaned_data:
                setattr(self.instance, name, self.cleaned_data[name])
        before = list(self.instance.teams.all()) if self.instance.pk else []
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        if self.errors:
            return
        teams: Sequence[ActionTeam] = self.cleaned_data["teams"]
        try:
            check_plan(self.instance, teams, by=self.staff, before=before)
        except Refused as refusal:
            self.add_error(None, str(refusal))

    def plan(self) -> dict[str, Any]:
        """Return the valid fields of the meeting by name, without its teams."""
        columns = {field.name for field in Meeting._meta.concrete_fields}
        return {name: value for name, value in self.cleaned_data.items() if name in columns}


def usual_audience(kind: str) -> str:
    """Return who sees a meeting of `kind` if nobody says otherwise."""
    audience = Meeting.Audience
    return audience.TEAMS if kind == Meeting.Kind.TEAM else audience.PUBLIC


class MoveForm(TimesForm):
    """Another time or place for a meeting that was announced."""

    place = CleanFormField(
        max_length=200,
        required=False,
        help_text="Room and street address. Empty where the meeting is only online.",
    )
    join_url = forms.URLField(
        label="Link to join online",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="Only members ever see it. Empty where the meeting is only in person.",
        error_messages={"invalid": "Enter the whole link, such as https://video.example.org/room."},
    )

    def __init__(self, data: Any, *, meetings: Sequence[Meeting]) -> None:
        self.is_single = len(meetings) == 1
        meeting = meetings[0]
        initial = initial_times(meeting) | {"place": meeting.place, "join_url": meeting.join_url}
        super().__init__(data, initial=initial, label_suffix="")
        self.begun_at = meeting.starts_at if meeting.has_begun else None

    def clean(self) -> dict[str, Any]:
        """Return what moving the meeting needs, ready for JSON. Refuses several meetings."""
        cleaned = super().clean() or self.cleaned_data
        if not self.is_single:
            raise ValidationError("Move one meeting at a time.")
        self.add_moments()
        if self.errors:
            return cleaned
        return {
            "starts_at": cleaned["starts_at"].isoformat(),
            "ends_at": cleaned["ends_at"].isoformat(),
            "place": cleaned["place"],
            "join_url": cleaned["join_url"],
            "remarks": self.remarks,
        }
