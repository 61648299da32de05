"""Forms of the teams: turn input into clean values, or say how to fix it."""

from teams.forms.emails import EmailChoicesForm
from teams.forms.joining import InviteForm, JoinForm, JoinTeamForm, TeamCheckboxes
from teams.forms.moving import MoveForm, MoveRequestForm
from teams.forms.visitors import (
    GuestForm,
    QuestionForm,
    ResourceSuggestionForm,
    SearchForm,
    TopicForm,
    WebAddressField,
)

__all__ = [
    "EmailChoicesForm",
    "GuestForm",
    "InviteForm",
    "JoinForm",
    "JoinTeamForm",
    "MoveForm",
    "MoveRequestForm",
    "QuestionForm",
    "ResourceSuggestionForm",
    "SearchForm",
    "TeamCheckboxes",
    "TopicForm",
    "WebAddressField",
]
