"""What merging organizations, merging members and moving email domains have in common at the desk:
the page first asks for the record that they go to, then says what would happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.text import get_text_list

from desk.actions.bulk_action import BulkAction, Record, origin_of
from desk.actions.preview import describe_effects
from desk.changelist import counted, parse_pk, require_staff
from members.services import Preview, preview_action


class MergeForm(forms.Form):
    """The record to merge into, once it is known."""

    into = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages={"required": "Say first into which one."},
    )

    def __init__(self, data: QueryDict | None, target: models.Model | None) -> None:
        super().__init__(data, label_suffix="")
        self.target = target
        self.initial["into"] = target.pk if target else None

    def clean_into(self) -> int:
        """Return the key; refuses that of a record that is no longer there."""
        if self.target is None:
            raise forms.ValidationError("This one is no longer there. Choose again.")
        return int(self.target.pk)


class Merge(BulkAction[Record]):
    """Make records part of another one: `?into=` is its key, `?search=` what was entered for it."""

    # Of the record that they go to; None: of the same model.
    target_model: type[models.Model] | None = None

    name, label, title = "merge", "Merge", "Merge {}"
    needs_form = True
    template = "admin/members/merge.html"
    search_label: str
    search_help: str
    # Whether the field suggests the names of recognized organizations.
    has_suggestions = False

    def find_target(self, search: str) -> Any:
        """Return the record that `search` means."""
        raise NotImplementedError

    def describe_merge(self, records: Sequence[Record], target: Any, preview: Preview) -> str:
        """Return in words what merging `records` into `target` would move."""
        raise NotImplementedError

    def merge_form(
        self, data: QueryDict | None, records: Sequence[Record], target: Any
    ) -> MergeForm:
        return MergeForm(data, target)

    def success_url(self, form_data: dict[str, Any]) -> str:
        """Return the record that was merged into."""
        opts = self.model._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[form_data["into"]])

    def get_form(self, request: HttpRequest, records: Sequence[Record]) -> MergeForm:
        data = request.POST if request.method == "POST" and "into" in request.POST else None
        pk = parse_pk(request.POST.get("into") or request.GET.get("into", ""))
        if pk is not None:
            model = self.target_model or self.model
            target: Any = model._default_manager.filter(pk=pk).first()
        else:
            target = self.find_target(request.GET.get("search", "").strip())
        return self.merge_form(data, records, target)

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """Return None: `get_context_data` previews it, and for all records together."""
        return None

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Record], form: forms.Form
    ) -> dict[str, Any]:
        """Return what to ask while there is no target, else what would happen or be refused."""
        target: Any = form.target if isinstance(form, MergeForm) else None
        context = {
            **super().get_context_data(request, records, form),
            "search": request.GET.get("search", "").strip(),
            "search_url": request.path,
            "origin": origin_of(request),
            "target": target,
            "refusals": [],
            "reverse_url": "",
            "is_settled": True,
        }
        form_data = super().preview_data(form)
        if target is None or form_data is None:
            return context
        staff = require_staff(request)
        keys = [record.pk for record in records]
        preview = preview_action(self.action.step(staff, form_data), keys)
        context["refusals"] = preview.refusals
        if len(preview.refusals) < len(records):
            sentences = [
                self.describe_merge(records, target, preview),
                describe_effects(preview),
            ]
            context["effects"] = " ".join(filter(None, sentences))
            context["email"] = self.visible_email(preview, staff)
            context["is_settled"] = False
        elif len(records) == 1 and records[0] != target and self.target_model is None:
            context["reverse_url"] = self.record_url(
                target.pk, into=str(records[0].pk), **origin_of(request)
            )
        return context


def enumerate_counts(counts: Sequence[tuple[int, str, str]]) -> str:
    """Return counted things, without those of which there are none: "7 members and 1 former name".

    "nothing" if there is nothing at all.
    """
    parts = [counted(number, one, many) for number, one, many in counts if number]
    return get_text_list(parts, "and") or "nothing"
