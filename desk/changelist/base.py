"""What all lists of the desk have in common; and the list of emails."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from desk.changelist.pagination import EstimatedCountPaginator
from desk.changelist.search import narrowed
from members.models import Member
from members.services import Refused

Row = TypeVar("Row", bound=models.Model)


def require_staff(request: HttpRequest) -> Member:
    """Who works at the desk: an open account that may use it. Refuses everybody else."""
    person = request.user
    if not (isinstance(person, Member) and person.is_active and person.is_staff):
        raise PermissionDenied
    return person


def is_administrator(request: HttpRequest) -> bool:
    """Whether the person at the desk sees and may do everything there."""
    return require_staff(request).is_superuser


def parse_pk(text: str) -> int | None:
    """Return the primary key that a request names; None for what can be none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def counted(number: int, one: str, many: str) -> str:
    """The number with its noun: "1 person", "7 people"."""
    return f"{number} {one if number == 1 else many}"


@lru_cache(maxsize=100)  # there are few, and some on every line of a list
def badge(kind: str, word: str) -> SafeString:
    """A status with its glyph and word; `kind` as in _badge.html."""
    return render_to_string("_badge.html", {"kind": kind, "word": word})


def in_words(shown: ChangeList) -> str:
    """What a list is narrowed to: 'search "rush"; team: Hiring'."""
    parts = [f'search "{shown.query}"'] if shown.query else []
    for spec in shown.filter_specs:
        choices = list(spec.choices(shown))[1:]  # the first one is "All"
        chosen = [str(choice["display"]) for choice in choices if choice.get("selected")]
        if chosen:
            parts.append(f"{spec.title}: {', '.join(chosen)}")
    return "; ".join(parts)


class DayInput(forms.DateInput):
    """A date, by the browser's own calendar."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"type": "date", **(attrs or {})}, format="%Y-%m-%d")


class DeskModelAdmin(admin.ModelAdmin[Row]):
    """A list at the desk. Everyone at the desk may view and change what `get_queryset` shows.

    A row that it does not show answers 404, on every page. Nobody deletes anything. A subclass
    narrows `get_queryset`, and the permissions where less is allowed.
    """

    list_per_page = 50
    paginator = EstimatedCountPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for every choice, over a million rows
    view_on_site = False
    title = ""  # of the list; empty: the plural name of the model
    formfield_overrides = {models.DateField: {"widget": DayInput}}

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[tuple[str, str]]:
        """Return the actions of the list; Django 6.1 also says on which page."""
        return super().get_action_choices(request, [("", "Choose what to do")])

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """As stock, without the pop-ups beside a list of choices, which need JavaScript; what
        is missing is asked for by its name."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is None:
            return None
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        verb = "Choose" if isinstance(field.widget, forms.Select) else "Enter"
        asked = f"{verb} the {str(field.label or db_field.verbose_name).lower()}"
        if "error_messages" not in kwargs:
            field.error_messages["required"] = asked
        return field

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return bool(require_staff(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(require_staff(request))

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return bool(require_staff(request))

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        """An entry that is not stored: the history of the row says it, and forgets people."""
        return LogEntry()

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        """An entry that is not stored, as with `log_addition`."""
        return LogEntry()

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

    def action_checkbox(self, obj: Row) -> SafeString:
        """The box that selects a row, in our words; stock renders a template for each."""
        box = '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="Select {}">'
        return format_html(box, ACTION_CHECKBOX_NAME, obj.pk, "action-select", obj)

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **options: Any
    ) -> EstimatedCountPaginator:
        """Pages that know which of them is asked for."""
        pages = EstimatedCountPaginator(queryset, per_page, *args, **options)
        wanted = request.GET.get(PAGE_VAR, "")
        pages.wanted = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 1
        return pages

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Row], search_term: str
    ) -> tuple[models.QuerySet[Row], bool]:
        """Rows that hold each word in one of `search_fields`; none of them twice."""
        fields = self.get_search_fields(request)
        return narrowed(queryset, search_term, self.model, fields), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, under its own name. Refuses keys that can be none as a bad request."""
        if None in map(parse_pk, request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest
        if ERROR_FLAG in request.GET:
            messages.warning(request, "This filter does not exist. The whole list is shown.")
        title = self.title or capfirst(str(self.opts.verbose_name_plural))
        shown = super().changelist_view(request, {"title": title, **(extra_context or {})})
        if (
            isinstance(shown, TemplateResponse)
            and shown.context_data
            and "cl" in shown.context_data
        ):
            shown.context_data["narrowed_to"] = in_words(shown.context_data["cl"])
        return shown

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

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Row | None:
        """Stock, but an empty `_to_field` in the address is none at all and no error."""
        return super().get_object(request, object_id, from_field or None)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Out of sight is not found; stock admin redirects and repeats the id."""
        raise Http404
