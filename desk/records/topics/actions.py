"""What facilitators decide about topics: each step with a sentence that everyone reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from desk.actions.bulk_action import (
    PREPARED_PARAM,
    ActionWithReason,
    BulkAction,
)
from desk.changelist import own_teams
from desk.records.submissions import DismissAction, SubmissionAction
from members.models import Member
from members.text_fields import CleanFormField
from teams.models import Topic
from teams.services.topics import BEFORE

ON_ITS_PAGE = "One sentence. Everyone reads it on the topic’s page."


class WhyForm(forms.Form):
    """The sentence that a step needs."""

    why = CleanFormField(
        label="Why",
        max_length=300,
        help_text=ON_ITS_PAGE,
        error_messages={
            "required": "Say in one sentence why.",
            "max_length": "Shorten the sentence to at most 300 characters.",
        },
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


class PublishForm(WhyForm):
    """The words with which a proposal is shown: a visitor wrote them."""

    title = CleanFormField(
        label="Title",
        max_length=120,
        help_text="As everyone reads it. Change it as you like.",
        error_messages={"required": "Enter the title."},
    )
    summary = CleanFormField(
        label="Summary",
        max_length=2000,
        required=False,
        help_text="A visitor wrote it. Leave out what is about people.",
        widget=forms.Textarea(attrs={"rows": 6, "cols": 60}),
    )
    field_order = ("title", "summary", "why")

    def __init__(self, data: Any = None, *, topics: Sequence[Topic]) -> None:
        super().__init__(data)
        self.is_single = len(topics) == 1
        self.initial = {"title": topics[0].title, "summary": topics[0].summary}

    def clean(self) -> dict[str, Any]:
        """Return the fields. Refuses several proposals at once."""
        if not self.is_single:
            raise ValidationError("Publish one topic at a time.")
        return self.cleaned_data


class ClassifyForm(WhyForm):
    """Into the focus area of which team, and why."""

    team = forms.ChoiceField(
        label="Focus area",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the team into whose focus area it goes.",
            "invalid_choice": "Choose one of your teams.",
        },
    )
    field_order = ("team", "why")


class TopicAction(SubmissionAction[Topic]):
    model = Topic
    nouns = ("topic", "topics")
    template = "admin/teams/topic/action.html"
    # The state into which it brings a topic.
    target: str

    def is_available(self, topic: Topic) -> bool:
        return topic.state in BEFORE[self.target]

    def get_form(self, request: HttpRequest, records: Sequence[Topic]) -> forms.Form:
        return WhyForm(request.POST if request.method == "POST" else None)

    def why_unavailable(self, topic: Topic) -> str:
        if self.is_available(topic):
            return ""
        return f"It is {topic.get_state_display().lower()} now."


class StepAction(TopicAction):
    """A step that sends no email. Those of a team decide about its topics."""

    def has_permission(self, staff: Member, record: Topic | None = None) -> bool:
        """Return whether `staff` may take it at all, or on `record`."""
        if not super().has_permission(staff, record):
            return False
        if record is None or record.team is None or staff.is_superuser:
            return True
        return record.team.facilitators.filter(pk=staff.pk).exists()

    def preview_data(self, form: forms.Form) -> None:
        """Return None: it sends no email and changes nothing but the topic."""


class Publish(TopicAction):
    name, label, title = "publish", "Publish", "Publish {}"
    target = Topic.State.PROPOSED
    description = (
        "It is on the page of topics right away, as proposed. Who proposed it and left an address "
        "gets the link by email; the address is not published."
    )

    def get_form(self, request: HttpRequest, records: Sequence[Topic]) -> forms.Form:
        is_entered = request.method == "POST"
        return PublishForm(request.POST if is_entered else None, topics=records)

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """Return what was entered; before that, with a sentence in the place of the missing one."""
        data = super().preview_data(form)
        return data if data is None else {**data, "why": data.get("why") or "…"}


class Dismiss(DismissAction[Topic], TopicAction):
    target = Topic.State.DISMISSED
    description = (
        "It is not published. With a reason, a person who left an address is notified by email. "
        "Without one nobody is notified: do that with spam."
    )
    reason_help = "Optional. A person who left an address reads it in the email."
    prepared_reasons = (
        "Thank you. We have this among our topics already, in other words.",
        "Thank you. It is not about the healthcare workforce.",
        "Thank you. It is about one employer, and our topics concern many.",
    )


class Study(StepAction):
    name, label, title = "study", "Study", "Study {}"
    target = Topic.State.STUDIED
    description = "Its page says that it is being studied, and why."


class Classify(StepAction):
    name, label, title = "classify", "Classify", "Classify {}"
    target = Topic.State.CLASSIFIED
    description = (
        "It belongs to the focus area of the team from now on, and is on the team’s page. One that "
        "is in focus is no longer."
    )

    def get_form(self, request: HttpRequest, records: Sequence[Topic]) -> forms.Form:
        form = ClassifyForm(request.POST if request.method == "POST" else None)
        teams = own_teams(request).order_by("position", "name")
        field = cast("forms.ChoiceField", form.fields["team"])
        field.choices = [(str(team.pk), team.name) for team in teams]
        return form


class Focus(StepAction):
    name, label, title = "focus", "Put in focus", "Put {} in focus"
    target = Topic.State.IN_FOCUS
    description = "The team works on it now: it comes first on the team’s page."

    def is_available(self, topic: Topic) -> bool:
        return topic.state == Topic.State.CLASSIFIED


class SetAside(StepAction, ActionWithReason[Topic]):
    name, label, title = "set-aside", "Set aside", "Set {} aside"
    target = Topic.State.SET_ASIDE
    description = "It stays on its page, with the reason. It can be studied again."
    shows_email = False
    reason_help = ON_ITS_PAGE
    prepared_reasons = (
        "Others already work on it; we will follow what they find.",
        "Our members say that it matters less to them now.",
        "It is too wide for a team; we look at parts of it.",
    )

    def get_form(self, request: HttpRequest, records: Sequence[Topic]) -> forms.Form:
        form = ActionWithReason.get_form(self, request, records)
        form.fields["reason"] = CleanFormField(
            label="Why",
            max_length=300,
            help_text=ON_ITS_PAGE,
            error_messages={
                "required": "Say in one sentence why.",
                "max_length": "Shorten the sentence to at most 300 characters.",
            },
            widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        )
        if PREPARED_PARAM not in request.POST:
            form.initial["reason"] = ""
        return form


ACTIONS: list[BulkAction[Any]] = [
    Publish(), Study(), Classify(), Focus(), SetAside(), Dismiss(),
]  # fmt: skip
