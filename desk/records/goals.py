"""The desk's list of goals, and reporting on them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin, BulkAction
from desk.changelist import badge
from desk.records.memberships import TeamFilter
from desk.records.teams import PublishedAdmin, own_teams
from members.dates import long_date
from members.models import Member
from teams.models import Goal, GoalQuerySet, amount
from teams.services import report_goal

BADGES = {"on_track": "open", "at_risk": "attention", "reached": "confirmed"}
SHOWN = 5  # updates on the page of a report
STATES = [choice for choice in Goal.State.choices if choice[0] != Goal.State.UNREPORTED]


class ReportForm(forms.Form):
    """How one goal stands."""

    state = forms.ChoiceField(
        label="How does it stand?",
        choices=STATES,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Say how the goal stands.",
            "invalid_choice": "Say how the goal stands.",
        },
    )
    value = forms.DecimalField(
        label="Now",
        max_digits=12,
        decimal_places=2,
        min_value=0,
        required=False,
        error_messages={
            "invalid": "Enter a number, such as 58.",
            "min_value": "Enter 0 or a number above it.",
        },
    )
    sentence = forms.CharField(
        label="What was done?",
        max_length=300,
        help_text="One sentence, shown on the team’s page. If the goal is at risk, say why.",
        error_messages={"required": "Say in one sentence what was done."},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )

    def __init__(self, data: Any, *, goals: Sequence[Goal]) -> None:
        super().__init__(data, label_suffix="")
        self.goals = goals
        goal = goals[0]
        if goal.state != Goal.State.UNREPORTED:
            self.initial["state"] = goal.state
        if goal.target is None:
            del self.fields["value"]
            return
        value = self.fields["value"]
        value.label = f"Now, in {goal.unit}" if goal.unit else "Now"
        value.help_text = f"The target is {amount(goal.target, goal.unit)}."
        if goal.current is not None:
            known = amount(goal.current, goal.unit)
            value.help_text += f" The last number is {known}; leave this empty to keep it."

    def clean(self) -> dict[str, Any]:
        """The number as text, which a decision can carry. Refuses several goals."""
        if len(self.goals) > 1:
            raise forms.ValidationError("Report on one goal at a time.")
        value = self.cleaned_data.get("value")
        return {**self.cleaned_data, "value": None if value is None else str(value)}


class Report(BulkAction[Goal]):
    """How a goal stands; each goal has a report of its own."""

    name, label, title = "report", "Report progress", "Report progress on {}"
    rows_are = ("goal", "goals")
    says = (
        "What you report is shown on the team’s page at once, without your name. "
        "It is permanent; correct a mistake with the next update."
    )
    template = "admin/teams/goal/report.html"
    asks = True
    can_be_undone = False

    def named(self, row: Goal) -> str:
        return f"“{row}”"

    def is_available(self, row: Goal) -> bool:
        return True

    def form(self, request: HttpRequest, rows: Sequence[Goal]) -> forms.Form:
        return ReportForm(request.POST if request.method == "POST" else None, goals=rows)

    def preview_data(self, form: forms.Form) -> None:
        """It sends no email and changes nothing but the goal: there is nothing to foretell."""

    def facts(self, request: HttpRequest, rows: Sequence[Goal], form: forms.Form) -> dict[str, Any]:
        """The goal with its latest updates; of several, each with the way to its own report."""
        if len(rows) > 1:
            return {"several": rows, "settled": True}
        updates = list(rows[0].updates.select_related("by")[: SHOWN + 1])
        return {"goal": rows[0], "updates": updates[:SHOWN], "has_more": len(updates) > SHOWN}

    def take(self, row: Goal, by: Member, answers: dict[str, Any]) -> str:
        value = answers.get("value")
        report_goal(
            row,
            state=answers["state"],
            value=None if value is None else Decimal(value),
            sentence=answers["sentence"],
            by=by,
        )
        return f"Your report on “{row}” is on the team’s page now."


class StaleFilter(admin.SimpleListFilter):
    title, parameter_name = "last update", "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "No update for 90 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Goal]) -> QuerySet[Goal]:
        return cast("GoalQuerySet", queryset).stale() if self.value() == "1" else queryset


@admin.register(Goal)
class GoalAdmin(PublishedAdmin, ActionAdmin[Any]):
    """The goals of one's own teams; a goal stays with its team. What it wants is changed here,
    how it stands only by a report."""

    decisions = [Report()]
    slug_from = "title"
    list_display = ["title", "team", "stands", "progress", "due_on", "report"]
    list_filter = [TeamFilter, StaleFilter, "state"]
    search_fields = ["title", "body"]
    export_columns = [
        ("Goal", "title"), ("Team", "team"), ("State", "get_state_display"),
        ("Why", "state_reason"), ("Now", "current"), ("Target", "target"), ("Unit", "unit"),
        ("By", "due_on"), ("Last update", "reported_on"),
    ]  # fmt: skip
    WANTED = ("team", "title", "slug", "position", "body", ("target", "unit"), "due_on")
    STANDS = ("standing", "state_reason", "now", "reported_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Goal]:
        goals: QuerySet[Goal] = super().get_queryset(request)
        return goals.filter(team__in=own_teams(request)).select_related("team")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What the goal wants; once it is there also how it stands, to read."""
        if obj is None:
            return [(None, {"fields": [name for name in self.WANTED if name != "position"]})]
        stands = {"fields": self.STANDS, "description": "Changed by “Report progress” only."}
        return [(None, {"fields": self.WANTED}), ("How it stands", stands)]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["team", "slug", *self.STANDS] if obj else []

    def save_model(self, request: HttpRequest, obj: Goal, form: Any, change: bool) -> None:
        """A new goal comes last in its team. Without a target there is nothing to measure, so
        the number goes with it; the reports keep theirs."""
        if not change:
            last = Goal.objects.filter(team=obj.team).aggregate(last=Max("position"))["last"]
            obj.position = (last or 0) + 1
        elif "target" in form.changed_data and obj.target is None:
            obj.current = None
            form.changed_data.append("current")
        super().save_model(request, obj, form, change)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Goal | None = None,
    ) -> HttpResponse:
        """The record, with all its updates, newest first."""
        if obj is not None:
            context["updates"] = obj.updates.select_related("by")
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="state", ordering="state")
    def standing(self, row: Goal) -> SafeString:
        return badge(BADGES.get(row.state, "closed"), row.get_state_display())

    @admin.display(description="state", ordering="reported_on")
    def stands(self, row: Goal) -> SafeString:
        """Its state, and since when nobody has said otherwise."""
        if row.reported_on is None:
            return self.standing(row)
        told = long_date(row.reported_on)
        return format_html("<span>{}<br>reported {}</span>", self.standing(row), told)

    @admin.display
    def now(self, row: Goal) -> str:
        return amount(row.current, row.unit) or "no number"

    @admin.display(empty_value="no target")
    def progress(self, row: Goal) -> str | None:
        """Such as "9 of 12 organizations"; without a number yet "target 12 organizations"."""
        target = amount(row.target, row.unit)
        if row.current is None:
            return f"target {target}" if target else None
        return f"{amount(row.current, '%' if row.unit == '%' else '')} of {target}"

    @admin.display
    def report(self, row: Goal) -> SafeString:
        (decision,) = self.decisions
        url = self.page_url(decision, [row.pk], None)
        return format_html('<a href="{}" aria-label="Report progress on {}">Report</a>', url, row)
