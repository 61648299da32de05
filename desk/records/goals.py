"""The desk's list of goals, and reporting on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import ForeignKey, Max, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction, origin_of
from desk.changelist import badge, mark_unseen_people, own_teams, require_staff, team_tag
from desk.changelist.filters import TeamFilter
from desk.records.teams import PublishedAdmin
from members.dates import short_date
from members.models import Member
from members.services import save_with_history
from members.text_fields import CleanFormField
from teams.areas import Area, all_areas
from teams.models import Goal, GoalQuerySet, Resource, TargetArea, amount, amount_of

BADGES = {"on_track": "open", "at_risk": "attention", "reached": "confirmed"}
# On the page of a report.
MAX_LATEST_UPDATES = 5
# As documents of a goal, beside those that it has.
MAX_DOCUMENTS_OFFERED = 50
REPORTED_STATES = [choice for choice in Goal.State.choices if choice[0] != Goal.State.UNREPORTED]


class ReportForm(forms.Form):
    """The state of one goal, with a number if it has a target, and a sentence."""

    state = forms.ChoiceField(
        label="What is its status?",
        choices=REPORTED_STATES,
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
    sentence = CleanFormField(
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
            current = amount(goal.current, goal.unit)
            value.help_text += f" The last number is {current}; leave this empty to keep it."

    def clean(self) -> dict[str, Any]:
        """Return the number as text, which JSON can store. Refuses several goals."""
        if len(self.goals) > 1:
            raise forms.ValidationError("Report on one goal at a time.")
        value = self.cleaned_data.get("value")
        return {**self.cleaned_data, "value": None if value is None else str(value)}


class Report(BulkAction[Goal]):
    """What a team achieved; each goal has a report of its own."""

    model = Goal
    name, label, title = "report", "Report progress", "Report progress on {}"
    nouns = ("goal", "goals")
    description = (
        "What you report is shown on the team’s page at once, without your name. "
        "It is permanent; correct a mistake with the next update."
    )
    template = "admin/teams/goal/report.html"
    needs_form = True

    def record_name(self, goal: Goal) -> str:
        return f"“{goal}”"

    def is_available(self, goal: Goal) -> bool:
        return True

    def get_form(self, request: HttpRequest, records: Sequence[Goal]) -> forms.Form:
        return ReportForm(request.POST if request.method == "POST" else None, goals=records)

    def preview_data(self, form: forms.Form) -> None:
        """Return None: it sends no email and changes nothing but the goal."""

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Goal], form: forms.Form
    ) -> dict[str, Any]:
        """Return the goal with its latest updates, or several goals to choose one from."""
        if len(records) > 1:
            goals = [(goal, self.record_url(goal.pk, **origin_of(request))) for goal in records]
            return {"goals": goals, "is_settled": True}
        (goal,) = records
        updates = list(goal.updates.select_related("by")[: MAX_LATEST_UPDATES + 1])
        mark_unseen_people(updates, require_staff(request))
        return {
            "goals": [],
            "goal": goal,
            "updates": updates[:MAX_LATEST_UPDATES],
            "has_more_updates": len(updates) > MAX_LATEST_UPDATES,
        }


class GoalForm(forms.ModelForm[Goal]):
    """A goal, with the areas that it is about, and its documents."""

    documents = forms.ModelMultipleChoiceField(
        Resource.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Resources that belong to this goal. Those that everyone may see are listed "
        "under it on the team’s page.",
    )

    areas = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The target areas of the team that this goal is about. Their pages name it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the areas that the goal may name, and the documents that it may have."""
        super().__init__(*args, **kwargs)
        documents = cast("forms.ModelMultipleChoiceField[Resource]", self.fields["documents"])
        documents.queryset = offered_documents(self.instance)
        if self.instance.pk:
            self.initial["documents"] = list(self.instance.resources.values_list("pk", flat=True))
        field = cast("forms.MultipleChoiceField", self.fields["areas"])
        field.choices = [(area.code, str(area)) for area in offered_areas(self.instance)]
        self.initial["areas"] = [area.code for area in self.instance.areas]

    def clean(self) -> dict[str, Any]:
        """Put the areas into the goal; refuse an owner who does not report on it."""
        owner = self.cleaned_data.get("owner")
        team = self.instance.team if self.instance.team_id else self.cleaned_data.get("team")
        if owner and team and not owner.facilitated_teams.contains(team):
            self.add_error("owner", "Choose someone who facilitates this team.")
        self.instance.area_codes = ",".join(self.cleaned_data.get("areas", ()))
        return self.cleaned_data


def offered_documents(goal: Goal | None) -> QuerySet[Resource]:
    """Return the resources that `goal` may have as documents: the newest for its team, and those
    that it has already. A new goal has none yet."""
    if goal is None or goal.pk is None:
        return Resource.objects.none()
    for_team = Resource.objects.published().of_teams([goal.team_id]).order_by("-added_at", "-pk")
    newest = list(for_team.values_list("pk", flat=True)[:MAX_DOCUMENTS_OFFERED])
    keys = [*newest, *goal.resources.values_list("pk", flat=True)]
    return Resource.objects.filter(pk__in=keys).order_by("title", "pk")


def offered_areas(goal: Goal | None) -> list[Area]:
    """Return the areas that `goal` may name: the targets of its team (of a new goal, of any team),
    and those that it names already."""
    targets = TargetArea.objects.open()
    if goal and goal.pk:
        targets = targets.filter(team=goal.team_id)
    codes = {*targets.values_list("area_code", flat=True)}
    codes |= {area.code for area in goal.areas} if goal else set()
    return [area for code, area in all_areas().items() if code in codes]


class StaleFilter(admin.SimpleListFilter):
    title, parameter_name = "last update", "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "No update for 90 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Goal]) -> QuerySet[Goal]:
        return cast("GoalQuerySet", queryset).stale() if self.value() == "1" else queryset


class GoalAdmin(PublishedAdmin, ActionAdmin[Any]):
    """The goals of one's own teams; a goal stays with its team. What it aims for is changed here,
    its progress only by a report."""

    form = GoalForm
    bulk_actions = [Report()]
    slug_from = "title"
    list_display = ["title", "team_tag", "current_state", "progress", "due_by", "report"]
    list_filter = [TeamFilter, StaleFilter, "state"]
    search_fields = ["title", "body"]
    export_columns = [
        ("Goal", "title"), ("Team", "team"), ("State", "get_state_display"),
        ("Why", "state_reason"), ("Now", "current"), ("Target", "target"), ("Unit", "unit"),
        ("By", "due_on"), ("Last update", "reported_on"),
    ]  # fmt: skip
    TARGET_FIELDS = (
        "team",
        "title",
        "slug",
        "position",
        "body",
        ("target", "unit"),
        "due_on",
        "owner",
    )
    PROGRESS_FIELDS = ("state_badge", "state_reason", "now", "reported_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Goal]:
        goals: QuerySet[Goal] = super().get_queryset(request)
        return goals.filter(team__in=own_teams(request)).select_related("team")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return what the goal aims for; of a stored one also its progress, to read."""
        goal = cast("Goal | None", obj)
        areas = ["areas"] if offered_areas(goal) else []
        documents = ["documents"] if offered_documents(goal) else []
        fields = [*self.TARGET_FIELDS, *areas, *documents]
        if obj is None:
            return [(None, {"fields": [name for name in fields if name != "position"]})]
        progress = {
            "fields": self.PROGRESS_FIELDS,
            "description": "Changed by “Report progress” only.",
        }
        return [(None, {"fields": fields}), ("How it stands", progress)]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["team", "slug", *self.PROGRESS_FIELDS] if obj else []

    def save_model(self, request: HttpRequest, obj: Goal, form: Any, change: bool) -> None:
        """Save; a new goal comes last in its team. Without a target there is nothing to measure, so
        the number is removed with it; the reports keep theirs."""
        if not change:
            last = Goal.objects.filter(team=obj.team).aggregate(last=Max("position"))["last"]
            obj.position = (last or 0) + 1
        elif "target" in form.changed_data and obj.target is None:
            obj.current = None
            form.changed_data.append("current")
        if "areas" in form.changed_data:
            form.changed_data.append("area_codes")
        super().save_model(request, obj, form, change)
        if "documents" in form.changed_data:
            documents = list(form.cleaned_data["documents"])
            obj.resources.set(documents)
            names = ", ".join(str(document) for document in documents) or "none"
            why = f"documents: {names}"[:100]
            # Of a hundred characters at most; and a line of history needs a field that is saved.
            save_with_history(obj, require_staff(request), why, title=obj.title)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer as owners those who facilitate the person's teams."""
        if db_field.name == "owner":
            facilitators = Member.objects.filter(
                is_active=True, facilitated_teams__in=own_teams(request)
            )
            kwargs["queryset"] = facilitators.distinct().order_by("full_name", "email")
            kwargs["empty_label"] = "All facilitators of the team"
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_record_context(self, request: HttpRequest, record: Goal) -> dict[str, Any]:
        """Return all its updates, newest first."""
        updates = list(record.updates.select_related("by"))
        mark_unseen_people(updates, require_staff(request))
        return {**super().get_record_context(request, record), "updates": updates}

    @admin.display(description="team", ordering="team")
    def team_tag(self, goal: Goal) -> SafeString:
        return team_tag(goal.team)

    @admin.display(description="state", ordering="state")
    def state_badge(self, goal: Goal) -> SafeString:
        return badge(BADGES.get(goal.state, "closed"), goal.get_state_display())

    @admin.display(description="by", ordering="due_on")
    def due_by(self, goal: Goal) -> str:
        return short_date(goal.due_on) if goal.due_on else ""

    @admin.display(description="state", ordering="reported_on")
    def current_state(self, goal: Goal) -> SafeString:
        """Return its state, and when that was last reported."""
        if goal.reported_on is None:
            return self.state_badge(goal)
        day = short_date(goal.reported_on)
        return format_html("<span>{}<br>reported {}</span>", self.state_badge(goal), day)

    @admin.display
    def now(self, goal: Goal) -> str:
        return amount(goal.current, goal.unit) or "no number"

    @admin.display(empty_value="no target")
    def progress(self, goal: Goal) -> str | None:
        """Return "9 of 12 organizations"; while there is no number "target 12 organizations"."""
        target = amount(goal.target, goal.unit)
        if goal.current is None:
            return f"target {target}" if target else None
        return amount_of(goal.current, goal.target, goal.unit)

    @admin.display
    def report(self, goal: Goal) -> SafeString:
        (report,) = self.bulk_actions
        url = report.record_url(goal.pk)
        return format_html('<a href="{}" aria-label="Report progress on {}">Report</a>', url, goal)
