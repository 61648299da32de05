"""What all lists of the desk have in common; and the list of mails."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from members.models import Member
from members.services import Refused

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
