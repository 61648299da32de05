"""How the desk offers an action of `teams.actions`: its words, its form, and its addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django import forms
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from post_office.models import Email

from desk.actions.preview import first_visible_email
from desk.changelist import counted
from members.models import Member
from members.services import Preview
from members.text_fields import CleanFormField
from teams.actions import Action, get_action

MAX_LISTED_RECORDS = 50
# Where Django admin keeps the filters of the list that one came from.
FILTERS_PARAM = "_changelist_filters"
ORIGIN_PARAM = "from"
DASHBOARD = "dashboard"
# With the key of the import whose people are invited.
IMPORT_ORIGIN = "import-"
# Buttons that show the page again: with a prepared reason, or with what the form would do.
PREPARED_PARAM = "prepared"
PREVIEW_PARAM = "preview"

Record = TypeVar("Record", bound=models.Model)


class BulkAction(Generic[Record]):
    """One action on records of `model`, as the desk shows it: a page, buttons, a list action."""

    model: type[Record]
    # Of the action in teams.actions; also part of the address.
    name: str
    label: str
    # Of the page, with the counted records: "Decline {}".
    title: str
    nouns: tuple[str, str]
    # What to make sure of before anything else.
    precaution = ""
    # What will happen, in words.
    description: str
    template = "admin/action.html"
    # Of the link that leaves its page.
    leave_label = "Cancel"
    # Whether its page asks for more than one click.
    needs_form = False
    # Whether the page of many records shows the email to the first of them.
    shows_email = False

    @property
    def action(self) -> Action:
        """Return what is done, as teams.actions registers it."""
        return get_action(self.model, self.name)

    @property
    def can_be_undone(self) -> bool:
        return self.action.can_be_undone

    @property
    def is_one_click_in_lists(self) -> bool:
        """Return whether rows of the list have a button for it."""
        return not self.needs_form

    def has_permission(self, staff: Member, record: Record | None = None) -> bool:
        """Return whether `staff` may take it at all (without: 404), or on `record`."""
        return self.action.is_allowed_to(staff)

    def is_available(self, record: Record) -> bool:
        """Return whether the page of `record` offers this; the service has the last word."""
        raise NotImplementedError

    def decision_title(self, records: Sequence[Record]) -> str:
        """Return what is decided about how many: "Decline 7 requests"."""
        return self.title.format(counted(len(records), *self.nouns))

    def page_title(self, records: Sequence[Record]) -> str:
        """Return the heading of the page, which names a single record."""
        if len(records) == 1:
            return self.title.format(self.record_name(records[0]))
        return self.decision_title(records)

    def record_name(self, record: Record) -> str:
        """Return what the heading calls a single record."""
        return str(record)

    def describe(self, record: Record) -> str:
        """Return how the page lists `record`."""
        return str(record)

    def one_click_data(self, record: Record) -> dict[str, str] | None:
        """Return what a one-click button posts, past the page; None if the page asks first."""
        return None if self.needs_form else {}

    def one_click_label(self, record: Record) -> str:
        return self.label

    def success_url(self, form_data: dict[str, Any]) -> str:
        """Return the page to show afterwards; empty for the page that one came from."""
        return ""

    def get_form(self, request: HttpRequest, records: Sequence[Record]) -> forms.Form:
        """Return the form of the page; its cleaned data must be ready for JSON."""
        return forms.Form(request.POST if request.method == "POST" else None)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Record], form: forms.Form
    ) -> dict[str, Any]:
        """Return what the template of the page needs besides the form."""
        listed = records[:MAX_LISTED_RECORDS]
        return {
            "descriptions": [self.describe(record) for record in listed],
            "unlisted_count": len(records) - len(listed),
        }

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """Return the form data to preview the action with: what was entered, or the initial data.

        None if there is nothing to preview.
        """
        if form.is_bound:
            return form.cleaned_data if form.is_valid() else None
        return {
            name: form.get_initial_for_field(field, name) for name, field in form.fields.items()
        }

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the first email that `staff` may read, as a sample."""
        return first_visible_email(preview, staff)

    def record_url(self, pk: int, **query: str) -> str:
        """Return the address of its page about one record."""
        return self._url("", pk, query)

    def selection_url(self, pk: int, **query: str) -> str:
        """Return the address of its page about a stored selection."""
        return self._url("_selection", pk, query)

    def url_for(self, request: HttpRequest, **query: str) -> str:
        """Return the address of its page about the records of `request`, keeping the way back."""
        match = request.resolver_match
        kwargs = match.kwargs if match else {}
        query |= origin_of(request)
        if "selection_id" in kwargs:
            return self.selection_url(kwargs["selection_id"], **query)
        return self.record_url(kwargs["object_id"], **query)

    def _url(self, suffix: str, pk: int, query: dict[str, str]) -> str:
        opts = self.model._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_{self.name}{suffix}"
        return f"{reverse(name, args=[pk])}?{urlencode(query)}".rstrip("?")


def origin_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the address that say where one came from."""
    return {
        name: request.GET[name] for name in (FILTERS_PARAM, ORIGIN_PARAM) if name in request.GET
    }


class ReasonForm(forms.Form):
    def __init__(self, *args: Any, max_length: int, help_text: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = CleanFormField(
            label="Reason",
            max_length=max_length,
            help_text=help_text,
            error_messages={"required": "Give a reason. The member reads it."},
            widget=forms.Textarea(attrs={"rows": 5, "cols": 60}),
        )


class ActionWithReason(BulkAction[Record]):
    """An action that needs a reason: each prepared one is a button that fills the box, so that it
    works without JavaScript."""

    needs_form = shows_email = True
    prepared_reasons: tuple[str, ...]
    reason_help = "The member reads it in the email. Change it as you like."
    # What the column that it is stored in can hold.
    max_reason_length = 1000

    def get_form(self, request: HttpRequest, records: Sequence[Record]) -> forms.Form:
        chosen = request.POST.get(PREPARED_PARAM, "")
        index = int(chosen) if chosen in map(str, range(len(self.prepared_reasons))) else 0
        is_entered = request.method == "POST" and PREPARED_PARAM not in request.POST
        return ReasonForm(
            request.POST if is_entered else None,
            initial={"reason": self.prepared_reasons[index]},
            max_length=self.max_reason_length,
            help_text=self.reason_help,
        )

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Record], form: forms.Form
    ) -> dict[str, Any]:
        return {
            **super().get_context_data(request, records, form),
            "prepared_reasons": list(enumerate(self.prepared_reasons)),
        }
