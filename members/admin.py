"""What all lists of the desk have in common; and the list of mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from post_office.models import Email
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper

from members.models import Member
from members.services import Refused, record

Row = TypeVar("Row", bound=models.Model)


def at_desk(request: HttpRequest) -> Member:
    """Who works at the desk: an open account that may use it. Refuses everybody else."""
    person = request.user
    if not (isinstance(person, Member) and person.is_active and person.is_staff):
        raise PermissionDenied
    return person


def is_administrator(request: HttpRequest) -> bool:
    """Whether the person at the desk sees and may do everything there."""
    return at_desk(request).is_superuser


def counted(number: int, one: str, many: str) -> str:
    """The number with its noun: "1 person", "7 people"."""
    return f"{number} {one if number == 1 else many}"


def badge(kind: str, word: str) -> SafeString:
    """A status with its glyph and word; `kind` as in _badge.html."""
    return render_to_string("_badge.html", {"kind": kind, "word": word})


class DeskModelAdmin(admin.ModelAdmin[Row]):
    """A list at the desk. Everyone at the desk may view and change what `get_queryset` shows.

    A row that it does not show answers 404, on every page. Nobody deletes anything. A subclass
    narrows `get_queryset`, and the permissions where less is allowed.
    """

    show_full_result_count = False
    view_on_site = False
    title = ""  # of the list; empty: the plural name of the model

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return bool(at_desk(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(at_desk(request))

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return bool(at_desk(request))

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the list offers as a filter: other fields would answer questions about
        rows and people that the list does not show."""
        for offered in self.get_list_filter(request):
            if isinstance(offered, str):
                if lookup.split("__")[0] == offered:
                    return True
            elif lookup == getattr(offered, "parameter_name", None):
                return True
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under its own name. Ids that are no numbers are refused as a bad request."""
        if not all(pk.isdecimal() for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest
        title = self.title or capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form. A step that the services refuse is told in words, and nothing is saved."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Out of sight is not found; stock admin redirects and repeats the id."""
        raise Http404


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


@admin.register(Email)
class MailAdmin(DeskModelAdmin[Email]):
    """The mails and whether they went out, for administrators. No text is shown, and of a mail
    with a sign-in code not even the subject."""

    title = "Mail"
    list_display = ["recipient", "about", "status", "created", "last_updated"]
    list_display_links = None
    list_filter = ["status"]
    search_fields = ["to"]
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        """The list only; no page of a single mail."""
        return [url for url in super().get_urls() if (url.name or "").endswith("_changelist")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return super().get_queryset(request).defer("message", "html_message")

    def has_view_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False

    @admin.display(description="to")
    def recipient(self, mail: Email) -> str:
        return ", ".join(mail.to)

    @admin.display(description="subject")
    def about(self, mail: Email) -> str:
        return "Sign-in code" if mail.expires_at else mail.subject
