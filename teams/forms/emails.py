"""The form of which emails a member wants."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from members.forms import BaseForm
from teams.models import ActionTeam, EmailChoice


class EmailChoicesForm(BaseForm):
    """Which emails a member wants from each of their teams and from the whole Collaborative."""

    def __init__(
        self,
        *args: Any,
        teams: Sequence[ActionTeam],
        offered: Mapping[str, Sequence[EmailChoice.Wants]],
        chosen: Mapping[tuple[int | None, str], str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {
            f"team-{team.pk}-{kind}" if team else f"all-{kind}": (team.pk if team else None, kind)
            for team in [*teams, None]
            for kind in offered
        }
        message = "Choose one of the options"
        for name, (team, kind) in self.keys.items():
            self.fields[name] = forms.ChoiceField(
                label=EmailChoice.Kind(kind).label,
                choices=[(wants.value, wants.label) for wants in offered[kind]],
                initial=chosen.get((team, kind), EmailChoice.Wants.EACH),
                error_messages={"required": message, "invalid_choice": message},
                widget=forms.RadioSelect,
            )
        # The last one, without a team, is the whole Collaborative.
        self.sections = [
            (team, [self[name] for name, (key, _) in self.keys.items() if key == number])
            for team, number in [*((team, team.pk) for team in teams), (None, None)]
        ]

    @property
    def choices(self) -> dict[tuple[int | None, str], str]:
        """What was chosen, by the key of the team (None: the Collaborative) and kind."""
        return {key: self.cleaned_data[name] for name, key in self.keys.items()}
