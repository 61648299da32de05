"""The list and the records of topics."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from desk.changelist import mark_unseen_people, require_staff, team_tag
from desk.changelist.filters import TeamFilter, WaitsFilter
from desk.records.topics.actions import ACTIONS, ON_ITS_PAGE
from desk.records.topics.importing import TopicImportAdmin
from members.dates import short_date
from members.models import Member
from members.text_fields import CleanFormField
from teams.models import Goal, Meeting, Resource, Topic
from teams.services.topics import LINKS, add_topic, change_topic

# Of each kind, the newest, beside those that are chosen.
MAX_LINKS_OFFERED = 50


class TopicForm(forms.ModelForm[Topic]):
    """A topic as facilitators add and change it, with what belongs to it."""

    # Set by the class that is made for a page.
    staff: ClassVar[Member]

    why = CleanFormField(
        label="Why",
        max_length=300,
        help_text=ON_ITS_PAGE,
        error_messages={"required": "Say in one sentence why it is one of our topics."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    class Meta:
        model = Topic
        fields = ("title", "summary", *LINKS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer what the person sees, and ask for a sentence only where a topic is new."""
        super().__init__(*args, **kwargs)
        topic = self.instance
        if topic.pk:
            self.fields.pop("why", None)
        self.hidden: dict[str, list[Any]] = {}
        for name in LINKS:
            if name in self.fields:
                self._offer(name, list(getattr(topic, name).all()) if topic.pk else [])

    def _offer(self, name: str, chosen: list[Any]) -> None:
        visible: dict[str, QuerySet[Any]] = {
            "goals": Goal.objects.visible_to(self.staff).order_by("-pk"),
            "meetings": Meeting.objects.visible_to(self.staff).order_by("-starts_at"),
            "resources": Resource.objects.visible_to(self.staff).order_by("-added_at"),
        }
        keys = [each.pk for each in chosen]
        seen = set(visible[name].filter(pk__in=keys).values_list("pk", flat=True))
        self.hidden[name] = [each for each in chosen if each.pk not in seen]
        newest = list(visible[name].values_list("pk", flat=True)[:MAX_LINKS_OFFERED])
        field = cast("forms.ModelMultipleChoiceField[Any]", self.fields[name])
        model = visible[name].model
        field.widget = forms.CheckboxSelectMultiple()
        cast("Any", field).label_from_instance = describe_link
        offered = model._default_manager.filter(pk__in=[*newest, *seen])
        field.queryset = offered.select_related("team") if name == "goals" else offered
        field.required = False
        field.help_text = ""

    def clean(self) -> dict[str, Any]:
        """Return the fields with what the person does not see. Refuses a title that exists."""
        cleaned = super().clean() or self.cleaned_data
        title = cleaned.get("title", "")
        same = Topic.objects.exclude(pk=self.instance.pk).filter(title__iexact=title)
        if title and (other := same.exclude(state=Topic.State.DISMISSED).first()):
            self.add_error("title", f"There is a topic “{other}” already.")
        return cleaned

    def links(self) -> dict[str, list[Any]]:
        """What is chosen of each kind, with what the person does not see."""
        return {
            name: [*self.cleaned_data.get(name, ()), *self.hidden.get(name, ())] for name in LINKS
        }


def describe_link(record: Goal | Meeting | Resource) -> str:
    """Return a record with what tells it from others of its name."""
    if isinstance(record, Goal):
        return f"{record} ({record.team})"
    if isinstance(record, Meeting):
        return f"{record} ({record.day:%b} {record.day.day}, {record.day.year})"
    return f"{record} ({record.host})"


class TopicAdmin(TopicImportAdmin):
    """The topics, which all facilitators share: proposals of visitors, and what became of them."""

    can_add = can_change = True
    change_form_template = "admin/teams/topic/change_form.html"

    form = TopicForm
    add_words = "Add a topic"
    bulk_actions = ACTIONS
    list_display = ["title", "state_badge", "team_or_none", "proposed", "support"]
    list_filter = [WaitsFilter, "state", TeamFilter]
    search_fields = ["title", "summary"]
    export_columns = [
        ("Title", "title"), ("Summary", "summary"), ("State", "get_state_display"),
        ("Focus area", "team"), ("Proposed", "proposed_at"), ("Decided", "decided_at"),
        ("Decided by", "decided_by"), ("Matters to organizations", "support_count"),
        ("Page", "get_absolute_url"),
    ]  # fmt: skip
    FACTS = ("state_badge", "team_or_none", "proposed", "address", "support")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return Topic.objects.select_related("team", "decided_by").with_support()

    def get_fieldsets(self, request: HttpRequest, obj: Topic | None = None) -> Any:
        """Return the fields; of a stored topic its facts first. The links are folded: their lists
        grow with each meeting and resource."""
        first = ("title", "summary", "why") if obj is None else (*self.FACTS, "title", "summary")
        return [
            (None, {"fields": first}),
            ("Goals, meetings, resources", {"fields": LINKS, "classes": ["collapse"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> Any:
        return self.FACTS if obj else ()

    def save_model(self, request: HttpRequest, obj: Topic, form: Any, change: bool) -> None:
        """Add or change through the services."""
        staff, entered = require_staff(request), form.cleaned_data
        words = {"title": entered["title"], "summary": entered["summary"]}
        if not change:
            added = add_topic(**words, why=entered["why"], by=staff)
            obj.pk, obj.slug, obj.state = added.pk, added.slug, added.state
            obj._state.adding = False
            words = {}
        change_topic(obj, by=staff, links=form.links(), **words)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save nothing: the links are saved with the topic."""

    def get_record_context(self, request: HttpRequest, record: Topic) -> dict[str, Any]:
        """Return all its steps, newest first."""
        steps = list(record.steps.select_related("team", "by").order_by("-taken_at", "-pk"))
        mark_unseen_people(steps, require_staff(request))
        return {**super().get_record_context(request, record), "steps": steps}

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        if isinstance(obj, Topic) and obj.state not in (Topic.State.WAITING, Topic.State.DISMISSED):
            return obj.get_absolute_url()
        return None

    @admin.display(description="state", ordering="state")
    def state_badge(self, topic: Topic) -> SafeString | str:
        return self.status_badge(topic)

    @admin.display(description="focus area", ordering="team")
    def team_or_none(self, topic: Topic) -> SafeString | str:
        return team_tag(topic.team) if topic.team else "none"

    @admin.display(ordering="proposed_at")
    def proposed(self, topic: Topic) -> str:
        return short_date(topic.proposed_at)

    @admin.display(description="matters to", ordering="support_count")
    def support(self, topic: Topic) -> str:
        # Annotated by get_queryset.
        number: int = topic.support_count  # type: ignore[attr-defined]
        return f"{number} organization{'' if number == 1 else 's'}" if number else "nobody yet"
