"""Records with a readable history: who, when, from what to what, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.admin.utils import unquote
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.text import capfirst
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import ObjDiffDisplay
from simple_history.utils import get_m2m_reverse_field_name

from desk.changelist.base import Row, require_staff
from desk.changelist.export import ExportingAdmin
from desk.changelist.people import people_of
from members.dates import long_date
from members.models import Member
from members.services import save_with_history
from teams.meeting_times import moment_in_words
from teams.services import mark_unseen

# Fields that say why, in words for the person concerned.
REASON_FIELDS = ("reason", "decision_reason")
# What the line says itself (who), or what follows from another field.
HIDDEN_FIELDS = {
    *REASON_FIELDS,
    "affiliation_confirmed_by",
    "decided_by",
    "ended_by",
    "normalized_name",
    # Of calendar entries.
    "sequence",
    "uid",
}
FIELD_LABELS = {"affiliation_confirmed_via": "Affiliation", "is_superuser": "Administrator"}
EMPTY_VALUES = {
    "affiliation_confirmed_via": "not confirmed",
    "facilitators": "nobody",
    "teams": "the whole Collaborative",
}
# Shortens long texts to where they differ.
DIFF_DISPLAY = ObjDiffDisplay(max_length=100)


class Change(NamedTuple):
    """One field, in words."""

    field: str
    old: str
    new: str


def load_people(histories: Iterable[Sequence[Any]], staff: Member) -> None:
    """Load whom the versions list, those of one model in each of `histories`, and let text name
    only the people whom `staff` sees. A few queries for any number of versions."""
    people = []
    for versions in histories:
        people += _load_lists(versions)
        for version in versions:
            people += people_of(version)
    mark_unseen(people, staff)


def describe_changes(versions: Sequence[Any], older: Any = None) -> None:
    """Set on each of `versions` of one record, newest first, what the desk shows of it. They are
    as `load_people` left them.

    `field_changes`, from what to what; `stated_reason`, that was given with it; and `is_empty`,
    whether nothing in it can be seen. `older` is the version before them, if there is one.
    """
    for version, before in zip(versions, [*versions[1:], older], strict=False):
        version.field_changes = _changes(before, version) if before else []
        version.stated_reason = ""
        for name in REASON_FIELDS:
            reason = getattr(version, name, "")
            if reason and reason != getattr(before, name, ""):
                version.stated_reason = reason
        version.is_empty = not (
            before is None
            or version.field_changes
            or version.history_change_reason
            or version.stated_reason
        )


def _load_lists(versions: Sequence[Any]) -> list[Member]:
    """Set `lists` on each version: what its many-to-many fields referred to. Return the people
    among it.

    One query for all versions and each field.
    """
    people: list[Member] = []
    for version in versions:
        version.lists = defaultdict(list)
    by_key = {version.pk: version for version in versions}
    for field in versions[0]._history_m2m_fields if versions else ():
        target = get_m2m_reverse_field_name(field)
        entries = getattr(type(versions[0]), field.name).model._base_manager
        for entry in entries.filter(history__in=versions).select_related(target):
            listed = getattr(entry, target)
            by_key[entry.history_id].lists[field.name].append(listed)
            if isinstance(listed, Member):
                people.append(listed)
    return people


def _changes(older: Any, newer: Any) -> list[Change]:
    changes = []
    for field in [*newer.tracked_fields, *newer._history_m2m_fields]:
        if field.name in HIDDEN_FIELDS or _is_timestamp(field):
            continue
        old, new = _describe_value(older, field), _describe_value(newer, field)
        if old != new:
            label = FIELD_LABELS.get(field.name) or capfirst(str(field.verbose_name))
            changes.append(Change(label, *DIFF_DISPLAY.common_shorten_repr(old, new)))
    return sorted(changes)


def _is_timestamp(field: Any) -> bool:
    """Return whether `field` only stores when something else happened."""
    return isinstance(field, models.DateTimeField) and not field.editable


def _describe_value(version: Any, field: Any) -> str:
    """Return the value of `field` as the desk shows it elsewhere."""
    if isinstance(field, models.ManyToManyField):
        listed = sorted(map(str, version.lists[field.name]))
        return ", ".join(listed) or EMPTY_VALUES[field.name]
    value = getattr(version, field.attname)
    if value in (None, ""):
        return EMPTY_VALUES.get(field.name, "not given")
    if isinstance(field, models.ForeignKey):
        return str(getattr(version, field.name) or "gone")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime) and field.editable:
        return moment_in_words(value)
    if isinstance(value, date):
        return long_date(value)
    return str(dict(field.flatchoices).get(value, value))


class RecordAdmin(ExportingAdmin[Row], SimpleHistoryAdmin):  # type: ignore[misc]  # untyped
    """A list of records with a readable history: who, when, from what to what, and why.

    History is there for reading. The page of one old version, which can also write it back
    past the services, does not exist.
    """

    object_history_template = "admin/history.html"
    object_history_list_template = "admin/history_list.html"

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        return [url for url in urls if not (url.name or "").endswith("_simple_history")]

    def revert_disabled(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return True

    def get_history_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        """Return the versions with who made them, which stock simple-history forgets for records
        that refer to no other."""
        versions: QuerySet[Any] = super().get_history_queryset(*args, **kwargs)
        fields = (*versions.model.tracked_fields, versions.model._meta.get_field("history_user"))
        return versions.select_related(
            *(field.name for field in fields if isinstance(field, models.ForeignKey))
        )

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, foreign_keys_are_objs: bool = True
    ) -> None:
        """Set what each version on the page changed, and why; the last one is compared as well."""
        end = historical_records.end_index()
        next_page = list(historical_records.paginator.object_list[end : end + 1])
        versions = list(historical_records)
        load_people([[*versions, *next_page]], require_staff(request))
        describe_changes(versions, *next_page)

    def save_model(self, request: HttpRequest, obj: Row, form: Any, change: bool) -> None:
        """Save with a history line. Of a stored record only what the form changed is written, over
        the locked row: a decision taken meanwhile stays."""
        if not change:
            save_with_history(obj, require_staff(request), "added at the desk")
            return
        columns = {field.name for field in self.opts.concrete_fields}
        changes = {name: getattr(obj, name) for name in form.changed_data if name in columns}
        stored = self.model._base_manager.select_for_update().get(pk=obj.pk)
        save_with_history(stored, require_staff(request), "changed at the desk", **changes)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the history of a record that the list shows; 404 for every other one, even if
        it left a history (stock simple-history would show that)."""
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        context = {"title": "History", "subtitle": str(record), **(extra_context or {})}
        response: HttpResponse = super().history_view(request, object_id, context)
        return response
