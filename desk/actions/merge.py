"""What merging organizations and merging members have in common at the desk: the page first asks
into which one, then says what would happen, then takes the press."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django import forms
from django.db import models
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.text import get_text_list

from desk.actions.base import BulkAction
from desk.actions.preview import effects
from desk.changelist import counted, parse_pk, require_staff
from members.models import Member
from members.services import Preview, Refused, preview_action

Row = TypeVar("Row", bound=models.Model)


class MergeForm(forms.Form):
    """The row that goes on, `target`, once it is known."""

    into = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages={"required": "Say first into which one."},
    )

    def __init__(self, data: QueryDict | None, target: models.Model | None) -> None:
        super().__init__(data, label_suffix="")
        self.target = target
        self.initial["into"] = target.pk if target else None

    def clean_into(self) -> int:
        """The key, of a row that is there."""
        if self.target is None:
            raise forms.ValidationError("This one is not there any more. Choose again.")
        return int(self.target.pk)


class Merge(BulkAction[Row]):
    """Make rows part of another one of their kind. `?into=` is its key, `?wanted=` what somebody
    typed to find it."""

    name, label, title = "merge", "Merge", "Merge {}"
    asks = True
    template = "admin/members/merge.html"
    model: type[Row]
    wanted_label: str
    wanted_help: str
    suggests = False  # whether the field suggests the names of recognized organizations

    def find(self, wanted: str) -> Row | None:
        """The row that somebody means who types `wanted`."""
        raise NotImplementedError

    def merge(self, row: Row, into: Row, by: Member, answers: dict[str, Any]) -> str:
        """Merge `row` into `into` through the service; returns what happened, in words."""
        raise NotImplementedError

    def told(self, rows: Sequence[Row], into: Row, foreseen: Preview) -> str:
        """What merging `rows` into `into` would move, in words."""
        raise NotImplementedError

    def form_of(self, data: QueryDict | None, rows: Sequence[Row], into: Row | None) -> MergeForm:
        return MergeForm(data, into)

    def landing(self, answers: dict[str, Any]) -> str:
        """The record that goes on."""
        opts = self.model._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[answers["into"]])

    def take(self, row: Row, by: Member, answers: dict[str, Any]) -> str:
        into = self.model._default_manager.filter(pk=answers["into"]).first()
        if into is None:
            raise Refused("What it was to be merged into is not there any more.")
        return self.merge(row, into, by, answers)

    def form(self, request: HttpRequest, rows: Sequence[Row]) -> MergeForm:
        data = request.POST if request.method == "POST" and "into" in request.POST else None
        pk = parse_pk(request.POST.get("into") or request.GET.get("into", ""))
        if pk is not None:
            into = self.model._default_manager.filter(pk=pk).first()
        else:
            into = self.find(request.GET.get("wanted", "").strip())
        return self.form_of(data, rows, into)

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """None: `facts` rehearses, and for all rows together."""
        return None

    def facts(self, request: HttpRequest, rows: Sequence[Row], form: forms.Form) -> dict[str, Any]:
        """Without a target: what to ask. With it: what would happen, and what is refused."""
        wanted = request.GET.get("wanted", "").strip()
        into: Any = form.target if isinstance(form, MergeForm) else None
        facts = {
            **super().facts(request, rows, form),
            "rows": rows,
            "into": into,
            "wanted": wanted,
            "refusals": [],
            "settled": True,
        }
        answers = super().preview_data(form)
        if into is None or answers is None:
            return facts
        desk = require_staff(request)
        foreseen = preview_action(self.step(self.model, desk, answers), [row.pk for row in rows])
        facts["refusals"] = foreseen.refusals
        if len(foreseen.refusals) < len(rows):
            sentences = [self.told(rows, into, foreseen), effects(foreseen)]
            facts["effects"] = " ".join(filter(None, sentences))
            facts["mail"] = self.visible_email(foreseen, desk)
            facts["settled"] = False
        elif len(rows) == 1 and rows[0] != into:
            facts["other_way"] = f"?row={into.pk}&into={rows[0].pk}"
        return facts


def enumerated(parts: Sequence[tuple[int, str, str]]) -> str:
    """Counted things in words, without those that are none: "7 members, 2 email domains and 1
    former name"; "nothing" if there is none."""
    counts = [counted(number, one, many) for number, one, many in parts if number]
    return get_text_list(counts, "and") or "nothing"
