"""The desk's list of questions and answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.changelist import badge, require_staff
from desk.changelist.filters import TeamFilter
from desk.records.teams import PublishedAdmin
from members.dates import short_date
from teams.models import ActionTeam, FaqEntry

# After this an answer should be read again.
RECHECK_AFTER = timedelta(days=180)


class StillTrue(BulkAction[FaqEntry]):
    model = FaqEntry
    name, label, title = "confirm", "Still true", "Still true: {}"
    nouns = ("answer", "answers")
    description = (
        "You have read each answer, and it is still true. "
        "The public pages show today as the day on which it was last checked."
    )

    def record_name(self, entry: FaqEntry) -> str:
        return f"“{entry}”"

    def is_available(self, entry: FaqEntry) -> bool:
        return entry.checked_on != timezone.localdate()

    def describe(self, entry: FaqEntry) -> str:
        answer = Truncator(entry.answer).chars(300)
        return f"{entry} {answer} (last checked: {describe_last_check(entry)})"


def describe_last_check(entry: FaqEntry) -> str:
    return short_date(entry.checked_on) if entry.checked_on else "not known"


class TeamOrGeneralFilter(TeamFilter):
    """One's own teams, and the entries of no team."""

    # No slug looks like this.
    GENERAL = "*"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.GENERAL, "General"), *super().lookups(request, model_admin)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.GENERAL:
            return queryset.filter(team=None)
        return super().queryset(request, queryset)


class CheckedFilter(admin.SimpleListFilter):
    title = "last check"
    parameter_name = "checked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("old", f"Not checked for {RECHECK_AFTER.days} days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FaqEntry]) -> QuerySet[FaqEntry]:
        if self.value() != "old":
            return queryset
        return queryset.filter(
            Q(checked_on=None) | Q(checked_on__lt=timezone.localdate() - RECHECK_AFTER)
        )


class FaqEntryAdmin(PublishedAdmin, ActionAdmin[FaqEntry]):
    """The questions of one's own teams, and the general ones, which all facilitators share."""

    slug_from = "question"
    bulk_actions = [StillTrue()]
    list_display = ["question", "team_or_general", "topic", "published", "checked"]
    list_filter = [TeamOrGeneralFilter, "topic", "is_published", CheckedFilter]
    list_select_related = ["team"]
    search_fields = ["question", "answer"]
    export_columns = [
        ("Question", "question"), ("Answer", "answer"), ("Team", "team"),
        ("Topic", "get_topic_display"), ("Position", "position"), ("Published", "is_published"),
        ("Last checked", "checked_on"),
    ]  # fmt: skip
    fields = ["team", "topic", "question", "slug", "answer", "position", "is_published"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FaqEntry]:
        return FaqEntry.objects.editable_by(require_staff(request)).order_by("position", "question")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the fields; a new entry comes last in its section, so it has no position yet."""
        return [name for name in super().get_fields(request, obj) if obj or name != "position"]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, in plain words."""
        kwargs["labels"] = {"slug": "Address", "position": "Place"}
        kwargs["help_texts"] = {
            "topic": "The section of the FAQ page. Ignored for an entry with a team, which "
            "stands under its team.",
            "slug": "The last part of the link to this answer, like who-can-join. "
            "It stays, so that links keep working.",
            "answer": "Blank line: new paragraph. *word*: emphasis. - item: list.",
            "position": "Lower numbers come first in the section.",
        }
        return super().get_form(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: FaqEntry, form: Any, change: bool) -> None:
        """Save; writing an answer counts as checking it. A new entry comes last in its section."""
        if not change:
            obj.position = FaqEntry.objects.next_position(obj.team, obj.topic)
        if not change or "answer" in form.changed_data:
            obj.checked_on = timezone.localdate()
            form.changed_data.append("checked_on")
        super().save_model(request, obj, form, change)

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        if isinstance(obj, FaqEntry) and obj.is_published:
            return obj.get_absolute_url()
        return None

    @admin.display(description="team", ordering="team", empty_value="general")
    def team_or_general(self, entry: FaqEntry) -> ActionTeam | None:
        return entry.team

    @admin.display(ordering="is_published")
    def published(self, entry: FaqEntry) -> SafeString:
        if entry.is_published:
            return badge("confirmed", "Published")
        return badge("closed", "Not published")

    @admin.display(description="last checked", ordering="checked_on")
    def checked(self, entry: FaqEntry) -> str:
        return describe_last_check(entry)
