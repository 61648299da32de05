"""Lists with actions: one page and one address for each, about a record or a stored selection.

The page says what will happen, down to the first email; submitting it creates a decision, which is
processed record by record through the services. A record that someone else has decided meanwhile
is reported and does not stop the others. For two minutes the emails wait and all can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from desk.actions.bulk_action import (
    DASHBOARD,
    FILTERS_PARAM,
    IMPORT_ORIGIN,
    ORIGIN_PARAM,
    PREPARED_PARAM,
    PREVIEW_PARAM,
    BulkAction,
    Record,
)
from desk.actions.preview import describe_effects
from desk.actions.results import hide_unseen_results
from desk.changelist import RecordAdmin, mark_unseen_people, require_staff
from desk.models import Selection
from members.models import Decision, DecisionItem, Member
from members.services import create_decision, preview_action
from teams.actions import process_decision

MAX_DECISION_ROWS = 2000
# Results of more records are on the page of the decision.
MAX_RESULT_MESSAGES = 20
# A request processes a decision for so long; the mail worker continues with the rest.
REQUEST_SECONDS = 3.0


class ActionAdmin(RecordAdmin[Record]):
    """A list whose records have actions."""

    bulk_actions: ClassVar[Sequence[BulkAction[Any]]]

    def get_urls(self) -> list[URLPattern]:
        pages = [url for bulk_action in self.bulk_actions for url in self._action_urls(bulk_action)]
        return pages + super().get_urls()

    def _action_urls(self, bulk_action: BulkAction[Record]) -> list[URLPattern]:
        record_view = partial(self.record_action_view, bulk_action=bulk_action)
        selection_view = partial(self.selection_action_view, bulk_action=bulk_action)
        wrap = self.admin_site.admin_view
        name = f"{self.opts.app_label}_{self.opts.model_name}_{bulk_action.name}"
        return [
            path(f"<int:object_id>/{bulk_action.name}/", wrap(record_view), name=name),
            path(
                f"{bulk_action.name}/<int:selection_id>/",
                wrap(selection_view),
                name=f"{name}_selection",
            ),
        ]

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions of the list; each opens its page for the ticked records.

        Django 6.1 also asks for those of the page of one record, which has buttons instead.
        """
        if IS_POPUP_VAR in request.GET or getattr(action_location, "name", "") == "CHANGE_FORM":
            return {}
        staff = require_staff(request)
        return {
            bulk_action.name: (
                partial(_open_page, bulk_action), bulk_action.name, bulk_action.label,
            )
            for bulk_action in self.bulk_actions
            if bulk_action.has_permission(staff)
        }  # fmt: skip

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, with a column of one-click buttons if there are any."""
        columns = super().get_list_display(request)
        staff = require_staff(request)
        offered = [
            bulk_action
            for bulk_action in self.bulk_actions
            if bulk_action.is_one_click_in_lists and bulk_action.has_permission(staff)
        ]
        if not offered or IS_POPUP_VAR in request.GET:
            return columns
        origin = {FILTERS_PARAM: request.GET.urlencode()}

        @admin.display(description="decide", empty_value="")
        def one_click(record: Record) -> SafeString | None:
            buttons = (_one_click_button(each, record, origin) for each in offered)
            return next(filter(None, buttons), None)

        return [*columns, one_click]

    def record_action_view(
        self, request: HttpRequest, object_id: int, *, bulk_action: BulkAction[Record]
    ) -> HttpResponse:
        """Say what the action will do to one record (GET), or decide it (POST).

        404 for a record that the list does not show, and for an action that is not permitted.
        """
        if not bulk_action.has_permission(require_staff(request)):
            raise Http404
        record = get_object_or_404(self.get_queryset(request), pk=object_id)
        return self._action_view(request, bulk_action, [record], None)

    def selection_action_view(
        self, request: HttpRequest, selection_id: int, *, bulk_action: BulkAction[Record]
    ) -> HttpResponse:
        """As `record_action_view`, about the records of a selection, which only its owner may see.

        Records that the list no longer shows are left out, and a message says how many. A
        selection that has led to a decision leads to its result; an expired one says so.
        """
        staff = require_staff(request)
        if not bulk_action.has_permission(staff):
            raise Http404
        selections = Selection.objects.of(staff).filter(model_label=self.opts.label_lower)
        selection = get_object_or_404(selections, pk=selection_id)
        if selection.decision_id:
            return HttpResponseRedirect(_result_url(selection.decision_id))
        if selection.is_expired:
            messages.warning(
                request,
                "This selection is more than a day old, and the list may have changed since. "
                "Nothing was changed. Select the records again.",
            )
            return HttpResponseRedirect(self.back_url(request, []))
        records = list(self.get_queryset(request).filter(pk__in=selection.object_ids))
        if not records:
            raise Http404
        if left_out := len(selection.object_ids) - len(records):
            messages.warning(
                request,
                f"{left_out:,} of the {len(selection.object_ids):,} records that you selected "
                f"{'is' if left_out == 1 else 'are'} left out: gone, or no longer yours to see.",
            )
        return self._action_view(request, bulk_action, records, selection)

    def _action_view(
        self,
        request: HttpRequest,
        bulk_action: BulkAction[Record],
        records: Sequence[Record],
        selection: Selection | None,
    ) -> HttpResponse:
        mark_unseen_people(records, require_staff(request))
        form = bulk_action.get_form(request, records)
        shows_page_again = {PREPARED_PARAM, PREVIEW_PARAM} & request.POST.keys()
        if request.method == "POST" and not shows_page_again and form.is_valid():
            return self._decide(request, bulk_action, records, form, selection)
        return self._action_page(request, bulk_action, records, form)

    def _action_page(
        self,
        request: HttpRequest,
        bulk_action: BulkAction[Record],
        records: Sequence[Record],
        form: forms.Form,
    ) -> HttpResponse:
        """Return the page that says what will happen, with the form."""
        available = [record for record in records if bulk_action.is_available(record)]
        context = {
            "bulk_action": bulk_action,
            "form": form,
            "form_url": bulk_action.url_for(request),
            "prepared_reasons": None,
            "unlisted_count": 0,
            "is_settled": not available,
            "unavailable_count": len(records) - len(available),
            "is_bulk": len(records) > 1,
            "back_url": self.back_url(request, records),
            **self._preview(request, bulk_action, available, form),
            **bulk_action.get_context_data(request, records, form),
        }
        title = bulk_action.page_title(records)
        return self.render_page(request, bulk_action.template, title, **context)

    def _preview(
        self,
        request: HttpRequest,
        bulk_action: BulkAction[Record],
        records: Sequence[Record],
        form: forms.Form,
    ) -> dict[str, Any]:
        """Return what the action would do to a single record, in words, and the first email."""
        has_preview = len(records) == 1 or (records and bulk_action.shows_email)
        has_preview = has_preview and bulk_action.can_be_undone
        form_data = bulk_action.preview_data(form) if has_preview else None
        if form_data is None:
            return {"effects": "", "email": None}
        staff = require_staff(request)
        preview = preview_action(bulk_action.action.step(staff, form_data), [records[0].pk])
        return {
            "effects": describe_effects(preview) if len(records) == 1 else "",
            "email": bulk_action.visible_email(preview, staff),
        }

    def get_record_context(self, request: HttpRequest, record: Record) -> dict[str, Any]:
        """Return the actions that are available on it."""
        staff = require_staff(request)
        filters = request.GET.get(FILTERS_PARAM)
        origin = {} if filters is None else {FILTERS_PARAM: filters}
        bulk_actions = [
            {
                "label": bulk_action.label,
                "one_click_label": bulk_action.one_click_label(record),
                "one_click_data": bulk_action.one_click_data(record),
                "url": bulk_action.record_url(record.pk, **origin),
            }
            for bulk_action in self.bulk_actions
            if bulk_action.is_available(record) and bulk_action.has_permission(staff, record)
        ]
        return {**super().get_record_context(request, record), "bulk_actions": bulk_actions}

    def _decide(
        self,
        request: HttpRequest,
        bulk_action: BulkAction[Record],
        records: Sequence[Record],
        form: forms.Form,
        selection: Selection | None,
    ) -> HttpResponse:
        """Create and process the decision; show the results of a few records as messages, of many
        on the page of the decision. What was typed about a record that someone else has decided
        meanwhile is shown with the result."""
        form_data = form.cleaned_data
        decision = _get_or_create_decision(
            bulk_action, records, form_data, selection, by=require_staff(request)
        )
        process_decision(decision, seconds=REQUEST_SECONDS)
        if len(records) > MAX_RESULT_MESSAGES or decision.finished_at is None:
            return HttpResponseRedirect(_result_url(decision.pk))
        if len(records) == 1 and _is_lost(decision) and (typed := _typed_text(form)):
            message = decision.items.get().result_message
            may = bulk_action.has_permission(require_staff(request), records[0])
            status = HTTPStatus.CONFLICT if may else HTTPStatus.FORBIDDEN
            return self.not_saved_response(request, records[0], typed, message, status)
        add_result_messages(request, decision)
        success_url = "" if FILTERS_PARAM in request.GET else bulk_action.success_url(form_data)
        return HttpResponseRedirect(success_url or self.back_url(request, records))

    def back_url(self, request: HttpRequest, records: Sequence[Record]) -> str:
        """Return where one came from: the dashboard, an import, the list with its filters, or the
        record."""
        origin = request.GET.get(ORIGIN_PARAM, "")
        if origin == DASHBOARD:
            return reverse("admin:index")
        source = origin.removeprefix(IMPORT_ORIGIN)
        if source != origin and source.isdecimal():
            return reverse("admin:desk_import_change", args=[source])
        filters = request.GET.get(FILTERS_PARAM)
        stem = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if filters is None and len(records) == 1:
            return reverse(f"{stem}_change", args=[records[0].pk])
        return f"{reverse(f'{stem}_changelist')}?{filters or ''}".rstrip("?")


def _one_click_button(
    bulk_action: BulkAction[Record], record: Record, origin: dict[str, str]
) -> SafeString | None:
    """Return the button in the row of `record`; None if the action is not available on it, or
    asks for more than one click."""
    data = bulk_action.one_click_data(record) if bulk_action.is_available(record) else None
    if data is None:
        return None
    context = {
        "url": bulk_action.record_url(record.pk, **origin),
        "label": bulk_action.one_click_label(record),
        "data": data,
        "record": record,
    }
    return render_to_string("admin/_one_click.html", context)


def _open_page(
    bulk_action: BulkAction[Any],
    model_admin: ActionAdmin[Any],
    request: HttpRequest,
    selected: QuerySet[Any],
) -> HttpResponse | None:
    """Store the ticked records and go to the page of the action; nothing is decided yet."""
    keys = list(selected.order_by("pk").values_list("pk", flat=True)[: MAX_DECISION_ROWS + 1])
    if len(keys) > MAX_DECISION_ROWS:
        messages.warning(
            request, f"Select at most {MAX_DECISION_ROWS:,} at a time. Nothing was changed."
        )
        return None
    origin = {FILTERS_PARAM: request.GET.urlencode()}
    if len(keys) == 1:
        return HttpResponseRedirect(bulk_action.record_url(keys[0], **origin))
    selection = Selection.objects.create(
        by=require_staff(request), model_label=model_admin.opts.label_lower, object_ids=keys
    )
    return HttpResponseRedirect(bulk_action.selection_url(selection.pk, **origin))


def _get_or_create_decision(
    bulk_action: BulkAction[Record],
    records: Sequence[Record],
    form_data: dict[str, Any],
    selection: Selection | None,
    *,
    by: Member,
) -> Decision:
    """Return the new decision, or the one that another submit of this selection has created."""
    with transaction.atomic():
        if selection:
            selection = Selection.objects.select_for_update(no_key=True).get(pk=selection.pk)
            if selection.decision:
                return selection.decision
        decision = create_decision(
            bulk_action.model,
            bulk_action.name,
            title=bulk_action.decision_title(records),
            keys=[record.pk for record in records],
            form_data=form_data,
            can_be_undone=bulk_action.can_be_undone,
            by=by,
        )
        if selection:
            selection.decision = decision
            selection.save(update_fields=["decision"])
    return decision


def _is_lost(decision: Decision) -> bool:
    """Return whether a decision about one record was refused; not the second press of a button
    whose first one did the same."""
    item = decision.items.get()
    if item.outcome != DecisionItem.Outcome.REFUSED:
        return False
    same = Decision.objects.filter(
        by=decision.by,
        model_label=decision.model_label,
        action=decision.action,
        form_data=decision.form_data,
        items__object_id=item.object_id,
        items__outcome=DecisionItem.Outcome.DONE,
    )
    return not same.exists()


def _typed_text(form: forms.Form) -> list[tuple[str, str]]:
    """Return by label the texts that were typed into `form`."""
    return [
        (str(field.label), form.cleaned_data[field.name])
        for field in form.visible_fields()
        if isinstance(field.field, forms.CharField)
        and field.name in form.changed_data
        and form.cleaned_data.get(field.name)
    ]


def _result_url(decision_id: int) -> str:
    return reverse("admin:members_decision_change", args=[decision_id])


def add_result_messages(request: HttpRequest, decision: Decision) -> None:
    """Show what happened to each record; the bar that undoes it says that of a single one."""
    items = list(decision.items.all())
    if decision.is_undoable and [item.outcome for item in items] == [DecisionItem.Outcome.DONE]:
        return
    hide_unseen_results(decision, items, require_staff(request))
    for item in items:
        is_success = item.outcome in {DecisionItem.Outcome.DONE, DecisionItem.Outcome.UNDONE}
        level = messages.SUCCESS if is_success else messages.WARNING
        messages.add_message(request, level, item.result_message)
