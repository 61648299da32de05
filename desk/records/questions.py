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

from desk.actions.base import NAMED, ActionAdmin, ActionWithReason, BulkAction
from desk.changelist import badge, counted, parse_pk, require_staff
from desk.records.similar_entries import similar_entries
from members.dates import long_date
from members.models import Member
from members.services import Preview, Refused, one_line
from teams.models import ActionTeam, FaqEntry, Question
from teams.models.faq import QuestionQuerySet
from teams.services import answer_question, dismiss_question, publish_question
from teams.workdays import working_days_since

TEAM = "team-"  # before the key of a team, where topics and teams are offered together
BADGES = {"waiting": "waiting", "answered": "confirmed", "published": "confirmed"}


class QuestionAction(BulkAction[Question]):
    rows_are = ("question", "questions")
    template = "admin/teams/question/decide.html"
    asks = True

    def named(self, row: Question) -> str:
        return f"“{row}”"

    def is_available(self, row: Question) -> bool:
        return row.is_waiting

    def left(self, row: Question) -> str:
        """Why nothing can be decided about `row` here; empty if something can."""
        if row.is_waiting:
            return ""
        return f"Already {row.get_status_display().lower()} by {row.decided_by}."

    def visible_email(self, foreseen: Preview, desk: Member) -> Any:
        """The first email: questions, and what is answered, are shared by all facilitators."""
        return next(iter(foreseen.mails), None)

    def facts(
        self, request: HttpRequest, rows: Sequence[Question], form: forms.Form
    ) -> dict[str, Any]:
        """The questions in full, each with the entries that may answer it already."""
        named = rows[:NAMED]
        entries = similar_entries(named)
        own = FaqEntry.objects.kept_by(require_staff(request)).values_list("pk", flat=True)
        links = {pk: _put_url(request, pk) for pk in own} if "row" in request.GET else {}
        return {
            **super().facts(request, rows, form),
            "settled": all(self.left(row) for row in rows),
            "asked": [
                {
                    "question": row,
                    "left": self.left(row),
                    "alike": [(entry, links.get(entry.pk, "")) for entry in entries[row.pk]],
                }
                for row in named
            ],
        }


def _put_url(request: HttpRequest, entry: int) -> str:
    """The page that publishes these questions, with this entry chosen."""
    query = request.GET.copy()
    query["entry"] = str(entry)
    return f"{reverse('admin:teams_question_publish')}?{query.urlencode()}"


class AnswerForm(forms.Form):
    answer = forms.CharField(
        initial="",
        max_length=5000,
        error_messages={"required": "Write the answer. The asker reads it in the email."},
        help_text="Plain text. The email quotes the question above it.",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60}),
    )


class Answer(QuestionAction):
    name, label, title = "answer", "Answer", "Answer {}"
    says = "The asker gets your answer by email. It is not published."

    def is_available(self, row: Question) -> bool:
        return row.is_waiting and bool(row.email)

    def left(self, row: Question) -> str:
        if row.is_waiting and not row.email:
            return "The asker left no address, so no answer reaches them: publish it instead."
        return super().left(row)

    def form(self, request: HttpRequest, rows: Sequence[Question]) -> forms.Form:
        typed = request.method == "POST" and "answer" in request.POST
        return AnswerForm(request.POST if typed else None)

    def take(self, row: Question, by: Member, answers: dict[str, Any]) -> str:
        answer_question(row, answer=answers["answer"], by=by)
        return f"“{row}” is answered by email."


class PublishForm(forms.Form):
    """Into which entry, or a new one: its question and where it stands."""

    entry = forms.ChoiceField(
        label="Put it into",
        required=False,
        help_text="If an entry answers it already, choose that and leave the rest as it is. What "
        "you write below as the answer is added to it as a new paragraph.",
        error_messages={"required": "Choose an entry."},
    )
    question = forms.CharField(
        required=False,
        max_length=200,
        help_text="Of a new entry: short, and without anybody’s name.",
        widget=forms.TextInput(attrs={"size": 60}),
    )
    answer = forms.CharField(
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

    def __init__(self, *args: Any, desk: Member, many: bool, **kwargs: Any) -> None:
        """For `many` questions: only an entry that answers all of them, no new one."""
        super().__init__(*args, **kwargs)
        entry, place = (cast("forms.ChoiceField", self.fields[name]) for name in ("entry", "place"))
        entries = FaqEntry.objects.kept_by(desk).published().order_by("question")
        offered = list(entries.values_list("pk", "question"))
        entry.choices = [("", "Choose" if many else "A new entry"), ("Entries", offered)]
        if many:
            del self.fields["question"], self.fields["place"]
            entry.required = True
            return
        teams = ActionTeam.objects.facilitated_by(desk)
        place.choices = [
            ("", "Choose"),
            ("General", FaqEntry.Topic.choices),
            ("Teams", [(f"{TEAM}{team.pk}", team.name) for team in teams]),
        ]

    def clean(self) -> dict[str, Any]:
        """A new entry needs everything."""
        if "place" in self.fields and not self.cleaned_data.get("entry", "?"):
            for name, say in (
                ("question", "Write the question."),
                ("answer", "Write the answer, or choose an entry that has it."),
                ("place", "Choose where it stands."),
            ):
                if not self.cleaned_data.get(name) and name not in self.errors:
                    self.add_error(name, say)
        return self.cleaned_data


class Publish(QuestionAction):
    name, label, title = "publish", "Publish", "Publish the answer to {}"
    says = (
        "The answer stands on the public FAQ page at once. An asker who left an address gets the "
        "link by email; the address is not published."
    )

    def form(self, request: HttpRequest, rows: Sequence[Question]) -> forms.Form:
        typed = request.method == "POST" and "answer" in request.POST
        return PublishForm(
            request.POST if typed else None,
            desk=require_staff(request),
            many=len(rows) > 1,
            initial={
                "entry": request.GET.get("entry", ""),
                "question": one_line(rows[0].text)[:200],
                "place": "",
            },
        )

    def take(self, row: Question, by: Member, answers: dict[str, Any]) -> str:
        entry = known_entry(answers["entry"], by) if answers["entry"] else new_entry(answers, by)
        row = publish_question(row, entry=entry, answer=answers["answer"], by=by)
        told = f"“{row}” is answered on the FAQ page, at {entry.get_absolute_url()}"
        return f"{told}; the asker gets the link by email." if row.email else f"{told}."


def known_entry(key: str, desk: Member) -> FaqEntry:
    """The entry that was chosen; refuses one that `desk` may not change."""
    pk = parse_pk(key)
    entry = pk and FaqEntry.objects.kept_by(desk).filter(pk=pk).first()
    if entry:
        return entry
    raise Refused("This FAQ entry is not there, or not yours to change. Nothing was changed.")


def new_entry(answers: dict[str, Any], desk: Member) -> FaqEntry:
    """The entry that was typed, not stored yet; refuses a team that `desk` does not look after."""
    place = answers.get("place", "")
    entry = FaqEntry(question=one_line(answers.get("question", "")), answer=answers["answer"])
    if place.startswith(TEAM):
        teams = ActionTeam.objects.facilitated_by(desk)
        entry.team = teams.filter(pk=place.removeprefix(TEAM)).first()
        if entry.team is None:
            raise Refused("You do not look after this team any more. Nothing was changed.")
    elif place:
        entry.topic = place
    return entry


class Dismiss(QuestionAction, ActionWithReason[Question]):
    name, label, title = "dismiss", "Dismiss", "Dismiss {}"
    says = (
        "The question is closed without an answer. With a reason, an asker who left an address "
        "is told by email. Without one nobody is told: do that with spam."
    )
    reason_help = "May stay empty. An asker who left an address reads it in the email."
    prepared = (
        "This portal is only about the action teams, so we cannot help with this.",
        "We did not understand the question. You are welcome to ask it again in other words.",
        "Please ask the human resources department of the hospital itself; we hire nobody.",
    )

    def form(self, request: HttpRequest, rows: Sequence[Question]) -> forms.Form:
        form = super().form(request, rows)
        form.fields["reason"].required = False
        if "show" not in request.POST:
            form.initial["reason"] = ""
        return form

    def take(self, row: Question, by: Member, answers: dict[str, Any]) -> str:
        row = dismiss_question(row, reason=answers["reason"], by=by)
        told = (
            "the asker gets the reason by email" if row.email and row.answer else "nobody is told"
        )
        return f"“{row}” is dismissed; {told}."


class WaitsFilter(admin.SimpleListFilter):
    title = "what it waits for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("answer", "An answer")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Question]) -> QuerySet[Question]:
        waiting = self.value() == "answer"
        return cast("QuestionQuerySet", queryset).waiting() if waiting else queryset


@admin.register(Question)
class QuestionAdmin(ActionAdmin[Question]):
    """What visitors asked. Only the decisions change it."""

    title = "Visitors’ questions"
    decisions = [Answer(), Publish(), Dismiss()]
    list_display = ["__str__", "asked", "age", "address_given", "state"]
    list_filter = [WaitsFilter, "status"]
    search_fields = ["text"]
    export_columns = [
        ("Question", "text"), ("Asked", "asked_at"), ("Status", "get_status_display"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Answer", "answer"),
        ("Published in", "published_in"),
    ]  # fmt: skip
    fields = ["text", "asked", "age", "address", "state", "decided", "told", "entry"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Question]:
        return Question.objects.select_related("decided_by", "published_in")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits, oldest first; else newest first."""
        return ("asked_at", "pk") if "waits" in request.GET else ("-asked_at", "-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Question | None = None) -> bool:
        return False

    @admin.display(ordering="asked_at")
    def asked(self, row: Question) -> str:
        return long_date(row.asked_at)

    @admin.display
    def age(self, row: Question) -> SafeString | str:
        """In working days, while it waits; and whether the promised day is over."""
        if not row.is_waiting:
            return "does not wait any more"
        today = timezone.localdate()
        days = working_days_since(timezone.localdate(row.asked_at), today)
        told = counted(days, "working day", "working days")
        return format_html("{} {}", told, badge("attention", "Late")) if row.is_late else told

    @admin.display(description="address given")
    def address_given(self, row: Question) -> str:
        return "yes" if row.email else "no"

    @admin.display(description="asker’s address")
    def address(self, row: Question) -> str:
        if row.email:
            return f"{row.email} (nobody has proven it)"
        return "none, or erased: the asker can only be answered on the FAQ page"

    @admin.display(description="status", ordering="status")
    def state(self, row: Question) -> SafeString:
        return badge(BADGES.get(row.status, "closed"), row.get_status_display())

    @admin.display
    def decided(self, row: Question) -> str:
        if row.decided_at is None:
            return "not yet"
        return f"{long_date(row.decided_at)}, by {row.decided_by}"

    @admin.display(description="answer or reason")
    def told(self, row: Question) -> str:
        return row.answer or "none"

    @admin.display(description="published in")
    def entry(self, row: Question) -> SafeString | str:
        if row.published_in is None:
            return "not published"
        url = reverse("faq_detail", args=[row.published_in.slug])
        return format_html('<a href="{}">{}</a>', url, row.published_in)
