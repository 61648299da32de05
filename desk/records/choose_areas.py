"""Choosing the target areas of a team."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundWidget
from django.http import HttpRequest
from django.urls import reverse

from desk.actions.bulk_action import BulkAction
from members.text_fields import CleanFormField
from teams.areas import chicago, suburbs
from teams.models import ActionTeam, UnemploymentFigure
from teams.statistics import area_overview
from teams.statistics.areas import STEPS


class ChoiceGroup:
    """Boxes below one heading, in sight or folded behind it."""

    def __init__(self, heading: str, boxes: list[BoundWidget], *, is_open: bool = False) -> None:
        self.heading, self.boxes = heading, boxes
        self.is_open = is_open or any(box.data["selected"] for box in boxes)


class ChooseForm(forms.Form):
    """Which areas, and why."""

    why = CleanFormField(
        label="Why",
        max_length=300,
        help_text="One sentence. Everyone can read it on the pages of these areas.",
        error_messages={"required": "Say in one sentence why the team chooses these areas."},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    areas = forms.MultipleChoiceField(
        label="Community areas of Chicago", required=False, widget=forms.CheckboxSelectMultiple
    )
    suburbs = forms.MultipleChoiceField(
        label="Suburbs in Cook County", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any, *, teams: Sequence[ActionTeam]) -> None:
        """Offer the areas that are not yet targets of the team, each with its rate."""
        super().__init__(data, label_suffix="")
        self.teams = teams
        self.high_codes: set[str] = set()
        taken = set(teams[0].target_areas.open().values_list("area_code", flat=True))
        for name, region in (("areas", chicago()), ("suburbs", suburbs())):
            rows = [
                row for row in area_overview(region, targets=()).rows if row.area.code not in taken
            ]
            field = cast("forms.MultipleChoiceField", self.fields[name])
            field.choices = [(row.area.code, _with_rate(str(row.area), row.figure)) for row in rows]
            self.high_codes |= {row.area.code for row in rows if row.step == len(STEPS)}

    def groups(self) -> Iterator[ChoiceGroup]:
        """Yield the boxes: those of the areas with the highest rates, then the others of the city
        and of the suburbs, which are folded unless one of them is checked."""
        city, suburb = self["areas"].subwidgets, self["suburbs"].subwidgets
        high = [box for box in (*city, *suburb) if box.data["value"] in self.high_codes]
        yield ChoiceGroup("At least twice the rate for Chicago overall", high, is_open=True)
        other = "Other community" if high else "Community"
        yield ChoiceGroup(
            f"{other} areas of Chicago",
            [box for box in city if box not in high],
            is_open=not high,
        )
        yield ChoiceGroup("Suburbs in Cook County", [box for box in suburb if box not in high])

    def clean(self) -> dict[str, Any]:
        """Return the areas of both lists as one; refuse none, and several teams at once."""
        if len(self.teams) > 1:
            raise ValidationError("Choose the areas of one team at a time.")
        chosen = [*self.cleaned_data.get("areas", ()), *self.cleaned_data.get("suburbs", ())]
        if not chosen and not self.errors.keys() & {"areas", "suburbs"}:
            self.add_error("areas", "Choose at least one area.")
        return {"why": self.cleaned_data.get("why", ""), "areas": chosen}


def _with_rate(name: str, figure: UnemploymentFigure | None) -> str:
    """Return what a choice says about an area."""
    if figure is None:
        return name
    uncertain = ", uncertain" if figure.is_uncertain else ""
    return f"{name}: {figure.rate}%{uncertain}"


class ChooseAreas(BulkAction[ActionTeam]):
    """The areas that a team works in from now on."""

    model = ActionTeam
    name, label, title = "choose-areas", "Choose target areas", "Choose target areas of {}"
    nouns = ("team", "teams")
    description = (
        "The map will mark the areas, and their pages will say why the team chose them. You can "
        "end a target later, with a reason; it remains in the history of its area."
    )
    template = "admin/teams/actionteam/choose_areas.html"
    needs_form = True

    def is_available(self, team: ActionTeam) -> bool:
        return True

    def get_form(self, request: HttpRequest, records: Sequence[ActionTeam]) -> forms.Form:
        return ChooseForm(request.POST if request.method == "POST" else None, teams=records)

    def preview_data(self, form: forms.Form) -> None:
        """Return None: it sends no email and changes nothing but the map."""

    def get_context_data(
        self, request: HttpRequest, records: Sequence[ActionTeam], form: forms.Form
    ) -> dict[str, Any]:
        """Return the present targets of the team."""
        context = super().get_context_data(request, records, form)
        return {**context, "descriptions": [], "targets": records[0].target_areas.open()}

    def success_url(self, form_data: dict[str, Any]) -> str:
        return reverse("admin:teams_targetarea_changelist")
