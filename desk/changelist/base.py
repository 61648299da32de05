"""What all lists of the desk have in common; and the list of emails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.utils import label_for_field, unquote
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, SEARCH_VAR, ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from desk.changelist.pagination import EstimatedCountPaginator
from desk.changelist.people import mark_unseen_people
from desk.changelist.search import search, split_words
from desk.changelist.second_press import respond_once
from members.models import Member
from members.search_words import cut_search_note
from members.services import Refused
from teams.models import ActionTeam, ActionTeamQuerySet

Row = TypeVar("Row", bound=models.Model)
# In the links of Django's filters by a field.
OFFERED_COMPARISONS = {"", "exact", "id__exact", "isnull"}
CLOSED_MEANWHILE = (
    "While you had this open, someone else decided about it. This text can no longer be changed."
)


def require_staff(request: HttpRequest) -> Member:
    """Return the signed-in facilitator or administrator; PermissionDenied for everyone else."""
    member = request.user
    if not (isinstance(member, Member) and member.is_active and member.is_staff):
        raise PermissionDenied
    return member


def is_administrator(request: HttpRequest) -> bool:
    """Return whether the signed-in staff member sees and may do everything at the desk."""
    return require_staff(request).is_superuser


def own_teams(request: HttpRequest) -> ActionTeamQuerySet:
    """Return the teams that the signed-in staff member facilitates; to administrators all."""
    return ActionTeam.objects.facilitated_by(require_staff(request))


def only_team(request: HttpRequest) -> ActionTeam | None:
    """Return the team of `own_teams` if there is just one."""
    teams = list(own_teams(request)[:2])
    return teams[0] if len(teams) == 1 else None


def parse_pk(text: str) -> int | None:
    """Return the primary key that a request names; None for what can be none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def team_tag(team: ActionTeam) -> SafeString:
    """Return the name of a team beside the dot of its color."""
    return format_html('<span class="tag team-{}">{}</span>', team.color, team)


def describe_filters(changelist: ChangeList) -> str:
    """Return what a list is filtered by: 'search "rush"; team: Hiring'."""
    parts = [f'search "{changelist.query}"'] if changelist.query else []
    for spec in changelist.filter_specs:
        # The first choice is "All".
        choices = list(spec.choices(changelist))[1:]
        selected = [str(choice["display"]) for choice in choices if choice.get("selected")]
        if selected:
            parts.append(f"{spec.title}: {', '.join(selected)}")
    return "; ".join(parts)


def _empty_choice(db_field: models.Field[Any, Any]) -> str:
    return "None" if db_field.blank else "Choose"


class CalendarInput(forms.DateInput):
    """A date, entered with the browser's own calendar."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"type": "date", **(attrs or {})}, format="%Y-%m-%d")


class DeskModelAdmin(admin.ModelAdmin[Row]):
    """A list at the desk. All staff may view and change what `get_queryset` returns.

    Every page answers 404 for a record that it does not return. Nobody deletes anything. A
    subclass narrows `get_queryset`, and the permissions where less is allowed.
    """

    list_per_page = 50
    paginator = EstimatedCountPaginator
    show_full_result_count = False
    # Facets count the rows of every choice, over a million rows.
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False
    # Of the list; empty: the plural name of the model.
    title = ""
    # Of the page that adds a record, and the button that leads to it; empty: as in stock admin.
    add_words = ""
    # Whether all staff may, where it does not depend on the person or the record.
    can_add = can_change = True
    # Texts in the form until a decision, such as publishing, closes them.
    closing_fields: ClassVar[Sequence[str]] = ()
    # Stock admin repeats an address above its field.
    formfield_overrides = {
        models.DateField: {"widget": CalendarInput},
        models.URLField: {"widget": forms.URLInput},
    }

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form, which knows as `staff` who fills it in. Its class is made for a page."""
        form_class: Any = super().get_form(request, obj, change, **kwargs)
        form_class.staff = require_staff(request)
        return form_class

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[tuple[str, str]]:
        """Return the actions of the list; Django 6.1 also says on which page."""
        return super().get_action_choices(request, [("", "Choose what to do")])

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the list as the address narrows it. A filter with a zero character, which
        PostgreSQL refuses, is answered as any other that makes no sense."""
        filters = (values for name, values in request.GET.lists() if name != SEARCH_VAR)
        if any("\0" in value for values in filters for value in values):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Return the field without the pop-ups beside choices, which need JavaScript.

        Its message names the field that is missing. An address without a scheme is one of https.
        """
        if isinstance(db_field, models.URLField):
            kwargs.setdefault("assume_scheme", "https")
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is None:
            return None
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        verb = "Choose" if isinstance(field.widget, forms.Select) else "Enter"
        if "error_messages" not in kwargs:
            label = str(field.label or db_field.verbose_name).lower()
            field.error_messages["required"] = f"{verb} the {label}"
        return field

    def formfield_for_choice_field(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return the field; its empty choice is a word in place of dashes."""
        has_empty = db_field.blank or not (db_field.has_default() or "initial" in kwargs)
        choices = db_field.get_choices(has_empty, blank_choice=[("", _empty_choice(db_field))])
        return super().formfield_for_choice_field(
            db_field, request, **{"choices": choices, **kwargs}
        )

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return the field; its empty choice is a word in place of dashes."""
        kwargs.setdefault("empty_label", _empty_choice(db_field))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return bool(require_staff(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and bool(require_staff(request))

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.can_change and bool(require_staff(request))

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        """Return an entry that is not stored: history says it, and forgets erased people."""
        return LogEntry()

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        """Return an entry that is not stored, as `log_addition` does."""
        return LogEntry()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether the list offers `lookup` as a filter. Any other field would answer
        questions about records that the list does not show; any other comparison (`regex`) would
        take time that the person chooses."""
        field, _, comparison = lookup.partition("__")
        return any(
            field == list_filter and comparison in OFFERED_COMPARISONS
            if isinstance(list_filter, str)
            else lookup == getattr(list_filter, "parameter_name", None)
            for list_filter in self.get_list_filter(request)
        )

    def action_checkbox(self, obj: Row) -> SafeString:
        """Return the checkbox that selects a row; stock renders a template for each."""
        box = '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="Select {}">'
        return format_html(box, ACTION_CHECKBOX_NAME, obj.pk, "action-select", obj)

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **options: Any
    ) -> EstimatedCountPaginator:
        """Return a paginator that knows which page is requested."""
        paginator = EstimatedCountPaginator(queryset, per_page, *args, **options)
        # The list itself refuses a page that is no number.
        with suppress(ValueError):
            paginator.requested_page = int(request.GET.get(PAGE_VAR, 1))
        return paginator

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Row], search_term: str
    ) -> tuple[models.QuerySet[Row], bool]:
        """Return rows that contain each word in one of `search_fields`; none of them twice."""
        has_duplicates = False
        fields = self.get_search_fields(request)
        return search(queryset, search_term, self.model, fields), has_duplicates

    def prepare_rows(self, rows: Collection[Row]) -> None:
        """Load what the columns of a page say besides what its query has loaded."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, under its own name. Refuses keys that can be none as a bad request."""
        if None in map(parse_pk, request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest
        if ERROR_FLAG in request.GET:
            messages.warning(request, "This filter does not exist. The whole list is shown.")
        title = self.title or capfirst(str(self.opts.verbose_name_plural))
        response = super().changelist_view(request, {"title": title, **(extra_context or {})})
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context:
            self.prepare_rows(context["cl"].result_list)
            context["active_filters"] = describe_filters(context["cl"])
            context["search_note"] = cut_search_note(split_words(context["cl"].query))
        return response

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page that adds a record, headed by what it does; add it once (POST)."""
        title = {"title": self.add_words} if self.add_words else {}
        context = {**title, **(extra_context or {})}
        respond = partial(super().add_view, request, form_url, context)
        return respond_once(request, respond, reverse(admin_urlname(self.opts, "changelist")))  # type: ignore[arg-type]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the form; a step that the services refuse becomes a message, nothing is saved.
        What was typed for a field that someone else's decision has closed meanwhile is shown."""
        if request.method == "POST" and object_id is not None and self.closing_fields:
            record = self.get_object(request, unquote(object_id))
            if record is not None and (typed := self._unsaved_text(request, record)):
                return self.not_saved_response(request, record, typed)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def get_record_context(self, request: HttpRequest, record: Row) -> dict[str, Any]:
        """Return what the page of a stored record shows besides its form."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        """Return the form, and of a stored record what `get_record_context` adds."""
        if obj is not None:
            context |= self.get_record_context(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def render_page(
        self, request: HttpRequest, template: str, title: str, /, **context: Any
    ) -> TemplateResponse:
        """Return a page of the desk that belongs to this list: one that extends subpage.html. A
        title in `context` comes first."""
        shared = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "opts": self.opts,
        }
        return TemplateResponse(request, template, {**shared, **context})

    def not_saved_response(
        self,
        request: HttpRequest,
        record: models.Model,
        typed: Sequence[tuple[str, str]],
        message: str = CLOSED_MEANWHILE,
        status: HTTPStatus = HTTPStatus.CONFLICT,
    ) -> HttpResponse:
        """Return the page that says why nothing was saved, in `message`: someone else was faster,
        or the person may not. It shows what was `typed`, by label."""
        url = reverse(admin_urlname(self.opts, "change"), args=[record.pk])  # type: ignore[arg-type]
        context = {"record": record, "record_url": url, "typed": typed, "message": message}
        response = self.render_page(request, "admin/not_saved.html", "Not saved", **context)
        response.status_code = status
        return response

    def _unsaved_text(self, request: HttpRequest, record: Row) -> list[tuple[str, str]]:
        """Return by label what was typed into `closing_fields`, if the form of `record` no longer
        has them."""
        if self.has_change_permission(request, record):
            form = self.get_form(request, record, change=True)
            if form.base_fields.keys() >= set(self.closing_fields):
                return []
        return [
            (str(label_for_field(name, self.model)).capitalize(), request.POST[name])
            for name in self.closing_fields
            if request.POST.get(name, "").split() not in ([], getattr(record, name).split())
        ]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Row | None:
        """Return the record, which names only people whom the reader sees; an empty `_to_field` in
        the address is no error."""
        record = super().get_object(request, object_id, from_field or None)
        if record is not None:
            mark_unseen_people([record], require_staff(request))
        return record

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Answer 404 for what is out of sight; stock admin redirects and repeats the id."""
        raise Http404
