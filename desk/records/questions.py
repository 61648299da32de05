"""The desk's list of visitors' questions, which all facilitators share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from post_office.models import Email

from desk.actions.bulk_action import (
    MAX_LISTED_RECORDS,
    PREPARED_PARAM,
    ActionWithReason,
    BulkAction,
)
from desk.changelist import badge, counted, require_staff
from desk.records.claims import ClaimableAdmin, with_claim
from desk.records.similar_entries import similar_entries
from members.dates import long_date
from members.models import Member
from members.normalize import clean_text
from members.services import Preview
from members.text_fields import CleanFormField
from members.wording import end_sentence
from teams.actions import TEAM_PREFIX
from teams.models import ActionTeam, FaqEntry, Question
from teams.models.faq import QuestionQuerySet
from teams.workdays import working_days_since

BADGES = {"waiting": "waiting", "answered": "confirmed", "published": "confirmed"}


class QuestionAction(BulkAction[Question]):
    model = Question
    nouns = ("question", "questions")
    template = "admin/teams/question/action.html"
    needs_form = True

    def record_name(self, question: Question) -> str:
        return f"“{question}”"

    def is_available(self, question: Question) -> bool:
        return question.is_waiting

    def why_unavailable(self, question: Question) -> str:
        """Return why nothing can be decided about `question` here; empty if something can."""
        if question.is_waiting:
            return ""
        status = question.get_status_display().lower()
        return end_sentence(f"Already {status} by {question.decided_by}")

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the first email: all facilitators share the questions and their answers."""
        return next(iter(preview.emails), None)

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
        label="Status",
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


class Dismiss(QuestionAction, ActionWithReason[Question]):
    name, label, title = "dismiss", "Dismiss", "Dismiss {}"
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

    def get_form(self, request: HttpRequest, records: Sequence[Question]) -> forms.Form:
        form = super().get_form(request, records)
        form.fields["reason"].required = False
        if PREPARED_PARAM not in request.POST:
            form.initial["reason"] = ""
        return form


class WaitsFilter(admin.SimpleListFilter):
    title = "what it is waiting for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("answer", "An answer")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Question]) -> QuerySet[Question]:
        questions = cast("QuestionQuerySet", queryset)
        return questions.waiting() if self.value() == "answer" else questions


class QuestionAdmin(ClaimableAdmin[Question]):
    """What visitors asked. Only actions change it."""

    title = "Visitors’ questions"
    bulk_actions = [Answer(), Publish(), Dismiss()]
    list_display = ["__str__", "asked", "age", "address_given", "status_badge"]
    list_filter = [WaitsFilter, "status"]
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

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        return ("asked_at", "pk") if "waits" in request.GET else ("-asked_at", "-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Question | None = None) -> bool:
        return False

    @admin.display(ordering="asked_at")
    def asked(self, question: Question) -> str:
        return long_date(question.asked_at)

    @admin.display
    def age(self, question: Question) -> SafeString | str:
        """Return the working days that it waits, and whether the promised day has passed."""
        if not question.is_waiting:
            return "no longer waits"
        today = timezone.localdate()
        days = working_days_since(timezone.localdate(question.asked_at), today)
        age = counted(days, "working day", "working days")
        return format_html("{} {}", age, badge("attention", "Late")) if question.is_late else age

    @admin.display(description="address given")
    def address_given(self, question: Question) -> str:
        return "yes" if question.email else "no"

    @admin.display(description="asker’s address")
    def address(self, question: Question) -> str:
        if question.email:
            return f"{question.email} (not verified)"
        return "none, or erased: the asker can only be answered on the FAQ page"

    @admin.display(description="status", ordering="status")
    def status_badge(self, question: Question) -> SafeString | str:
        status = badge(BADGES.get(question.status, "closed"), question.get_status_display())
        return with_claim(status, question)

    @admin.display
    def decided(self, question: Question) -> str:
        if question.decided_at is None:
            return "not yet"
        when = long_date(question.decided_at)
        return f"{when}, by {question.decided_by}"

    @admin.display(description="answer or reason")
    def answer_or_reason(self, question: Question) -> str:
        return question.answer or "none"

    @admin.display(description="published in")
    def entry(self, question: Question) -> SafeString | str:
        if question.published_in is None:
            return "not published"
        url = reverse("faq_detail", args=[question.published_in.slug])
        return format_html('<a href="{}">{}</a>', url, question.published_in)
