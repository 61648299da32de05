"""The forms of who joins teams, or invites a colleague to them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import ModelChoiceIteratorValue
from django.utils.text import get_text_list

from members.clickable_text import validate_not_clickable
from members.forms import BaseForm, HoneypotForm, WorkEmailField, job_title_field, name_field
from members.text_fields import CleanFormField
from teams.models import MAX_NOTE_LENGTH, MAX_REQUEST_REASON_LENGTH, ActionTeam

TEAM_ERRORS = {
    "required": "Select at least one team",
    "invalid_choice": "Select teams from the list; one of those sent does not exist",
    "invalid_pk_value": "Select teams from the list; one of those sent does not exist",
    "invalid_list": "Select teams from the list",
}


class TeamCheckboxes(forms.CheckboxSelectMultiple):
    """Checkboxes of teams; each says what the team is for, and whether a facilitator decides."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        team: ActionTeam = option["value"].instance
        decision = "" if team.is_open else " A facilitator decides each request."
        option["description"] = f"{team.summary}{decision}"
        option["team"] = team
        return option


def request_reason_field() -> forms.CharField:
    """Return the field for why someone wants to join a team whose facilitators decide."""
    return CleanFormField(
        label="Why you want to join",
        max_length=MAX_REQUEST_REASON_LENGTH,
        required=False,
        help_text="One line for the facilitators who decide on your request",
        error_messages={
            "max_length": f"Shorten your reason to at most {MAX_REQUEST_REASON_LENGTH} characters"
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-40"}),
    )


class JoinForm(HoneypotForm):
    """One form: who you are and which teams. The address says where you work."""

    full_name = name_field()
    email = WorkEmailField(help_text="We will send a code to it. It also tells us where you work")
    job_title = job_title_field()
    teams = forms.ModelMultipleChoiceField(
        label="Which teams do you want to join?",
        queryset=ActionTeam.objects.public(),
        to_field_name="slug",
        help_text="Select all that apply",
        widget=TeamCheckboxes,
        error_messages=TEAM_ERRORS,
    )

    reason = request_reason_field()

    def __init__(
        self,
        *args: Any,
        open_teams: list[ActionTeam],
        has_verified_email: bool = False,
        is_invited: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # The address in `initial` counts, whatever is sent.
        if has_verified_email:
            self.fields["email"].disabled = True
            self.fields["email"].help_text = "Verified by the sign-in of your organization"
        elif is_invited:
            self.fields["email"].disabled = True
            self.fields[
                "email"
            ].help_text = "The invitation went to this address, and so will the code"
        if is_invited:
            self.fields["teams"].required = False
            self.fields["teams"].label = "Do you want to join teams, too?"
        by_approval = [team.name for team in open_teams if not team.is_open]
        if by_approval:
            names = get_text_list(by_approval, "and")
            self.fields["reason"].help_text = f"One line for the facilitators of {names}"
        else:
            del self.fields["reason"]
        # Closed teams are no choices, but in the queryset: a forged one is refused with the reason.
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in open_teams
        ]

    def clean_teams(self) -> QuerySet[ActionTeam]:
        """Return the selected teams; one that was closed meanwhile is refused by name."""
        teams: QuerySet[ActionTeam] = self.cleaned_data["teams"]
        closed = [team.name for team in teams if team.is_closed]
        if closed:
            raise ValidationError(
                f"Not taking new members right now: {', '.join(closed)}. Clear that choice"
            )
        return teams


class JoinTeamForm(BaseForm):
    """What a member who joins one more team may say; nothing else is asked again."""

    reason = request_reason_field()


class InviteForm(BaseForm):
    """Whom a member invites, to which teams, with a line of their own."""

    email = WorkEmailField(
        label="Your colleague’s work email",
        help_text="The invitation goes here. Your colleague can join with a different address",
    )
    teams = forms.ModelMultipleChoiceField(
        label="Invite to",
        queryset=ActionTeam.objects.public(),
        to_field_name="slug",
        help_text="Your colleague can change this",
        widget=TeamCheckboxes,
        error_messages=TEAM_ERRORS,
    )
    note = CleanFormField(
        label="A note from you",
        max_length=MAX_NOTE_LENGTH,
        required=False,
        help_text=f"The email quotes it. Up to {MAX_NOTE_LENGTH} characters, without links",
        validators=[validate_not_clickable],
        error_messages={"max_length": f"Shorten your note to at most {MAX_NOTE_LENGTH} characters"},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    is_right = forms.BooleanField(
        label="The address is correct", required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, open_teams: Sequence[ActionTeam], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        message = "Enter your colleague’s email address, like name@hospital.org"
        self.fields["email"].error_messages |= {"required": message, "invalid": message}
        # Closed teams are in the queryset: a forged one is refused with the reason.
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in open_teams
        ]

    def ask_about(self, doubt: str) -> None:
        """Ask once whether the address, of which there is this `doubt`, is right."""
        self.fields["is_right"].widget = forms.CheckboxInput()
        if not self.cleaned_data["is_right"]:
            message = (
                f"Check the address: {doubt}. If it is correct, check the box below and send again"
            )
            self.add_error("email", message)
