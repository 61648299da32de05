"""Turning a wish to join into clean values, or into words on how to mend it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import ModelChoiceIteratorValue

from members.forms import (
    OrganizationNameField,
    PlainForm,
    WorkEmailField,
    job_title_field,
    name_field,
)
from teams.models import ActionTeam


class TeamBoxes(forms.CheckboxSelectMultiple):
    """Tick boxes of teams; each says what the team is for, and whether somebody decides."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        team: ActionTeam = option["value"].instance
        decides = "" if team.is_open else " A facilitator decides each request."
        option["description"] = f"{team.summary}{decides}"
        return option


class JoinForm(PlainForm):
    """One form for everything: who you are, where you work, which teams."""

    full_name = name_field()
    email = WorkEmailField(help_text="We send a code to this address")
    job_title = job_title_field()
    organization = OrganizationNameField(
        help_text="The hospital, school or partner you work for",
    )
    teams = forms.ModelMultipleChoiceField(
        label="Which teams do you want to join?",
        queryset=ActionTeam.objects.all(),
        to_field_name="slug",
        help_text="Select all that apply",
        widget=TeamBoxes,
        error_messages={
            "required": "Select at least one team",
            "invalid_choice": "Select teams from the list; one of those sent does not exist",
            "invalid_pk_value": "Select teams from the list; one of those sent does not exist",
            "invalid_list": "Select teams from the list",
        },
    )

    def __init__(self, *args: Any, offered: list[ActionTeam], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Closed teams are not offered, yet known: a forged one is refused with the reason.
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in offered
        ]

    def clean_teams(self) -> QuerySet[ActionTeam]:
        """The chosen teams; one that was closed meanwhile, or forged, is refused by name."""
        teams: QuerySet[ActionTeam] = self.cleaned_data["teams"]
        closed = [team.name for team in teams if team.is_closed]
        if closed:
            raise ValidationError(f"{', '.join(closed)} takes no new members now. Take it out")
        return teams


class FaqSearchForm(PlainForm):
    q = forms.CharField(label="Search questions", max_length=100, required=False)
