"""Forms of who came to a meeting: the ticks, and a pasted list with the choices for its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from members.models import Organization
from members.normalize import normalize_organization_name
from members.text_fields import CleanFormField
from teams.attendee_lists import read_attendees
from teams.models import Attendance
from teams.services.attendance import Attendee, NewGuest, attendee_key
from teams.services.attendee_matching import Match

MAX_LIST_CHARACTERS = 50_000
# A name is at most three fields of a form, and Django reads at most 1,000.
MAX_LIST_NAMES = 300
NEW_GUEST = "guest"


class TicksForm(forms.Form):
    """Who came, of the people on a page. What was shown is posted with it: what was not changed
    here is left as others may have recorded it meanwhile."""

    came = forms.MultipleChoiceField(required=False)
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    ticked_before = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, attendances: Sequence[Attendance]) -> None:
        keys = [attendance_key(attendance) for attendance in attendances]
        ticked = [key for key, row in zip(keys, attendances, strict=True) if row.came]
        initial = {"shown": " ".join(keys), "ticked_before": " ".join(ticked)}
        super().__init__(data, initial=initial)
        if data is not None:
            # Whether `by` may mark them is for the service to say.
            self.fields["came"].choices = [(key, key) for key in data.getlist("came")]  # type: ignore[attr-defined]

    def keys(self) -> tuple[set[str], set[str], set[str]]:
        """Return whom the facilitator has ticked, whose tick was taken away, and who was left
        without one."""
        shown = set(self.cleaned_data["shown"].split())
        before = set(self.cleaned_data["ticked_before"].split()) & shown
        came = set(self.cleaned_data["came"])
        return came - before, before - came, shown - before - came


def attendance_key(attendance: Attendance) -> str:
    """Return what names the person of `attendance` in forms."""
    if attendance.member_id:
        return f"member-{attendance.member_id}"
    return attendee_key(attendance)


class ListForm(forms.Form):
    """Names or addresses, as they were pasted."""

    text = forms.CharField(
        label="Names or email addresses",
        max_length=MAX_LIST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60, "autocomplete": "off"}),
        help_text="One per line, or separated by commas or semicolons. A participant report from "
        "Zoom, Teams or Meet works as it is.",
        error_messages={
            "required": "Paste the names or addresses of the people who came.",
            "max_length": "The list is longer than 50,000 characters. Paste it in two parts.",
        },
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    def clean_text(self) -> str:
        """Return the list; refuse one with too many people, and one without any."""
        text: str = self.cleaned_data["text"]
        number = len(read_attendees(text).entries)
        if number > MAX_LIST_NAMES:
            raise forms.ValidationError(
                f"The list has {number} names. Paste at most {MAX_LIST_NAMES} at a time, and the "
                "rest afterward."
            )
        if not number:
            raise forms.ValidationError(
                "There are no names below the headings. Paste the lines with the people, too."
            )
        return text


class EntryForm(forms.Form):
    """Who an entry of the list is: a person, a new guest, or nobody to record."""

    person = forms.ChoiceField(
        required=False,
        error_messages={
            "invalid_choice": "This person can no longer be chosen. Choose again.",
        },
    )
    name = CleanFormField(label="Name", max_length=150, required=False)
    organization = CleanFormField(
        label="Organization",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"list": "organizations"}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        number: int,
        match: Match,
        people: Mapping[str, Attendee],
        organizations: Mapping[str, Organization],
    ) -> None:
        name = match.entry.names[0] if match.entry.names and not match.entry.device else ""
        suggested = attendee_key(match.suggestion) if match.suggestion else ""
        super().__init__(
            data,
            prefix=f"entry-{number}",
            label_suffix="",
            initial={"person": suggested, "name": name},
        )
        self.match, self.organizations = match, organizations
        candidates = {attendee_key(person): person for person in match.candidates}
        self.people = {**people, **candidates}
        choices = [(attendee_key(person), describe(person)) for person in match.candidates]
        posted = self["person"].data if data is not None else ""
        if posted in people and posted not in dict(choices):
            choices.append((posted, describe(people[posted])))
        choices += [("", "Leave out"), (NEW_GUEST, "Another person: add as a guest")]
        self.fields["person"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Require a name of a new guest, and an organization that exists."""
        data = self.cleaned_data
        if data.get("person") == NEW_GUEST:
            if not data.get("name"):
                self.add_error("name", "Enter the guest’s name.")
            organization = data.get("organization")
            if organization and not self._organization():
                self.add_error(
                    "organization",
                    f"No organization is called “{organization}”. Choose one from the list, or "
                    "leave it empty.",
                )
        return data

    def _organization(self) -> Organization | None:
        name = normalize_organization_name(self.cleaned_data["organization"])
        found = self.organizations.get(name)
        return found.canonical if found else None

    def chosen(self) -> Attendee | NewGuest | None:
        """Return who came; None: the entry is left out."""
        person: str = self.cleaned_data["person"]
        if person != NEW_GUEST:
            return self.people.get(person)
        return NewGuest(self.cleaned_data["name"], self.match.entry.email, self._organization())

    @property
    def is_ticked(self) -> bool:
        """Whether the box of an entry with one answer is ticked."""
        return bool(self["person"].value())


def describe(person: Attendee) -> str:
    """Return the name of a person with what tells namesakes apart: organization and address."""
    if isinstance(person, Attendance):
        name, email = person.guest_name, person.guest_email
        parts = [name, "guest", person.organization and person.organization.name, email]
    else:
        parts = [str(person), person.organization and person.organization.name, person.email]
    return ", ".join(part for part in parts if part)
