"""Records with a readable history: who, when, what, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.formats import date_format
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper

from members.admin.desk import DeskModelAdmin, Row, at_desk
from members.services import record

REASONS = ("reason", "decision_reason")  # fields that say why, in words for the person concerned


class HistoryHelper(HistoricalRecordContextHelper):  # type: ignore[misc]  # untyped
    """Tells the changed fields on history pages in the portal's words."""

    def context_for_delta_changes(self, delta: Any) -> list[dict[str, Any]]:
        """The changes that one can see."""
        changes: list[dict[str, Any]] = super().context_for_delta_changes(delta)
        return [change for change in changes if change["old"] != change["new"]]

    def format_delta_change(self, change: Any) -> Any:
        formatted = super().format_delta_change(change)
        if change.field == "is_superuser":
            return replace(formatted, field="Administrator")
        return formatted

    def prepare_delta_change_value(self, change: Any, value: Any) -> str:
        """The value in words, as the desk shows it elsewhere."""
        prepared = super().prepare_delta_change_value(change, value)
        choices = dict(getattr(self.model._meta.get_field(change.field), "flatchoices", ()))
        if isinstance(prepared, DeletedObject) and prepared.pk is None:
            prepared = None  # so simple-history calls a reference that was empty
        if isinstance(prepared, list):
            return ", ".join(map(str, prepared)) or "nobody"
        if isinstance(prepared, bool):
            return "yes" if prepared else "no"
        if isinstance(prepared, date):
            return date_format(prepared, "F j, Y")
        return "not given" if prepared in (None, "") else str(choices.get(prepared, prepared))


def tell_reasons(versions: Sequence[Any]) -> None:
    """For history pages: to each version (newest first) `told_reason`, the reason that was
    given with it, and `is_silent`, whether nothing in it can be seen."""
    for number, version in enumerate(versions):
        older = versions[number + 1] if number + 1 < len(versions) else None
        version.told_reason = ""
        for name in REASONS:
            given = getattr(version, name, "")
            if given and given != getattr(older, name, ""):
                version.told_reason = given
        version.is_silent = (
            older is not None
            and not version.history_delta_changes
            and not version.history_change_reason
            and not version.told_reason
        )


class RecordAdmin(DeskModelAdmin[Row], SimpleHistoryAdmin):  # type: ignore[misc]  # untyped
    """A list of records with a readable history: who, when, what, why.

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

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoryHelper:
        return HistoryHelper(self.model, historical_record)

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, foreign_keys_are_objs: bool = True
    ) -> None:
        """What each version changed, and why."""
        super().set_history_delta_changes(request, historical_records, foreign_keys_are_objs)
        tell_reasons(list(historical_records))

    def save_model(self, request: HttpRequest, obj: Row, form: Any, change: bool) -> None:
        """Save with a history line. Of a stored row only what was typed anew is written, over
        the locked row: a decision taken meanwhile stays."""
        if not change:
            record(obj, at_desk(request), "added at the desk")
            return
        own = {field.name for field in self.opts.concrete_fields}
        typed = {name: getattr(obj, name) for name in form.changed_data if name in own}
        row = self.model._base_manager.select_for_update().get(pk=obj.pk)
        record(row, at_desk(request), "changed at the desk", **typed)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The history of a record that the list shows; 404 for every other one, whatever
        history it left (stock simple-history would show that)."""
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        context = {"title": "History", "subtitle": str(record), **(extra_context or {})}
        response: HttpResponse = super().history_view(request, object_id, context)
        return response
