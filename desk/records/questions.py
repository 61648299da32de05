"""The desk's list of visitors' questions, which all facilitators share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.bulk_action import MAX_LISTED_RECORDS
from desk.changelist import require_staff
from desk.changelist.filters import WaitsFilter
from desk.records.similar_entries import similar_entries
from desk.records.submissions import (
    DismissAction,
    SubmissionAction,
    SubmissionAdmin,
)
from members.dates import short_date
from members.models import Member
from members.normalize import clean_text
from members.text_fields import CleanFormField
from teams.actions import TEAM_PREFIX
from teams.models import ActionTeam, FaqEntry, Question


class QuestionAction(SubmissionAction[Question]):
    model = Question
    nouns = ("question", "questions")
    template = "admin/teams/question/action.html"

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Question], form: forms.Form
    ) -> dict[str, Any]:
        """Return the questions in full, each with the entries that may answer it already."""
        listed = records[:MAX_LISTED_RECORDS]
        entries = similar_entries(listed)
        own = FaqEntry.objects.editable_by(require_staff(request))
        own_keys = set(own.values_list("pk", flat=True))

        def publish_url(entry: FaqEntry) -> str:
            """Return the page that publishes the same questions with `entry` chosen."""
            if entry.pk not in own_keys:
                return ""
            return Publish().url_for(request, entry=str(entry.pk))

        return {
            **super().get_context_data(request, records, form),
            "is_settled": all(self.why_unavailable(question) for question in records),
            "items": [
                {
                    "question": question,
                    "why_unavailable": self.why_unavailable(question),
                    "similar": [(entry, publish_url(entry)) for entry in entries[question.pk]],
                }
                for question in listed
            ],
        }


class AnswerForm(forms.Form):
    answer = CleanFormField(
        initial="",
        max_length=5000,
        error_messages={"required": "Write the answer. The asker reads it in the email."},
        help_text="Plain text. The email quotes the question above it.",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60}),
    )


class Answer(QuestionAction):
    name, label, title = "answer", "Answer", "Answer {}"
    description = "The asker gets your answer by email. It is not published."

    def is_available(self, question: Question) -> bool:
        return question.is_waiting and bool(question.email)

    def why_unavailable(self, question: Question) -> str:
        if question.is_waiting and not question.email:
            return "The asker left no address, so no answer reaches them: publish it instead."
        return super().why_unavailable(question)

    def get_form(self, request: HttpRequest, records: Sequence[Question]) -> forms.Form:
        is_entered = request.method == "POST" and "answer" in request.POST
        return AnswerForm(request.POST if is_entered else None)


class PublishForm(forms.Form):
    """Into which entry, or a new one: its question and where it stands."""

    entry = forms.ChoiceField(
        label="Put it into",
        required=False,
        help_text="If an entry answers it already, choose that and leave the rest as it is. What "
        "you write below as the answer is added to it as a new paragraph.",
        error_messages={"required": "Choose an entry."},
    )
    question = CleanFormField(
        required=False,
        max_length=200,
        help_text="Of a new entry: short, and without anybody’s name.",
        widget=forms.TextInput(attrs={"size": 60}),
    )
    answer = CleanFormField(
        required=False,
        initial="",
        help_text="Blank line: new paragraph. *word*: emphasis. - item: list.",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60}),
    )
    place = forms.ChoiceField(
        label="Where it goes",
        required=False,
        help_text="Of a new entry: a topic of the FAQ page, or one of your teams.",
    )

    def __init__(self, *args: Any, staff: Member, is_bulk: bool, **kwargs: Any) -> None:
        """Offer the entries of `staff`; for several questions only those, and no new entry."""
        super().__init__(*args, **kwargs)
        entry, place = (cast("forms.ChoiceField", self.fields[name]) for name in ("entry", "place"))
        entries = FaqEntry.objects.editable_by(staff).published().order_by("question")
        choices = list(entries.values_list("pk", "question"))
        entry.choices = [("", "Choose" if is_bulk else "A new entry"), ("Entries", choices)]
        if is_bulk:
            del self.fields["question"], self.fields["place"]
            entry.required = True
            return
        teams = ActionTeam.objects.facilitated_by(staff)
        place.choices = [
            ("", "Choose"),
            ("General", FaqEntry.Topic.choices),
            ("Teams", [(f"{TEAM_PREFIX}{team.pk}", team.name) for team in teams]),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse a new entry that lacks something."""
        if "place" in self.fields and not self.cleaned_data.get("entry", "?"):
            for name, message in (
                ("question", "Write the question."),
                ("answer", "Write the answer, or choose an entry that has it."),
                ("place", "Choose where it goes."),
            ):
                if not self.cleaned_data.get(name) and name not in self.errors:
                    self.add_error(name, message)
        return self.cleaned_data


class Publish(QuestionAction):
    name, label, title = "publish", "Publish", "Publish the answer to {}"
    description = (
        "The answer appears on the public FAQ page right away. An asker who left an address gets "
        "the link by email; the address is not published."
    )

    def get_form(self, request: HttpRequest, records: Sequence[Question]) -> forms.Form:
        is_entered = request.method == "POST" and "answer" in request.POST
        return PublishForm(
            request.POST if is_entered else None,
            staff=require_staff(request),
            is_bulk=len(records) > 1,
            initial={
                "entry": request.GET.get("entry", ""),
                "question": clean_text(records[0].text)[:200],
                "place": "",
            },
        )


class Dismiss(DismissAction[Question], QuestionAction):
    description = (
        "The question is closed without an answer. With a reason, an asker who left an address "
        "is notified by email. Without one nobody is notified: do that with spam."
    )
    reason_help = "Optional. An asker who left an address reads it in the email."
    prepared_reasons = (
        "This portal is only about the action teams, so we cannot help with this.",
        "We did not understand the question. You are welcome to ask it again in other words.",
        "Please contact the hospital’s human resources department; we do not hire for hospitals.",
    )


class AnswerFilter(WaitsFilter):
    waits_for = ("answer", "An answer")


class QuestionAdmin(SubmissionAdmin[Question]):
    """What visitors asked. Only actions change it."""

    title = "Visitors’ questions"
    no_address = "none, or erased: the asker can only be answered on the FAQ page"
    bulk_actions = [Answer(), Publish(), Dismiss()]
    list_display = ["__str__", "asked", "age", "address_given", "status_badge"]
    list_filter = [AnswerFilter, "status"]
    search_fields = ["text"]
    export_columns = [
        ("Question", "text"), ("Asked", "asked_at"), ("Status", "get_status_display"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Answer", "answer"),
        ("Published in", "published_in"),
    ]  # fmt: skip
    fields = [
        "text", "asked", "age", "address", "status_badge", "decided", "answer_or_reason", "entry",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Question]:
        return Question.objects.select_related("decided_by", "published_in")

    @admin.display(ordering="asked_at")
    def asked(self, question: Question) -> str:
        return short_date(question.asked_at)

    @admin.display(description="address given")
    def address_given(self, question: Question) -> str:
        return "yes" if question.email else "no"

    @admin.display(description="answer or reason")
    def answer_or_reason(self, question: Question) -> str:
        return question.answer or "none"

    @admin.display(description="published in")
    def entry(self, question: Question) -> SafeString | str:
        if question.published_in is None:
            return "not published"
        url = reverse("faq_detail", args=[question.published_in.slug])
        return format_html('<a href="{}">{}</a>', url, question.published_in)
