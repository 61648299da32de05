"""Decisions at the desk: one page and one address for each, from a list or from a record.

The page (GET) says what will happen; pressing its button (POST) takes the decision for each row
through the services. A row that somebody else has decided meanwhile is told and does not stop
the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from members.admin import RecordAdmin, at_desk, counted
from members.models import Member
from members.services import Refused

AT_ONCE = 200  # rows that one press decides
FILTERS = "_changelist_filters"  # where stock admin keeps the filters of the list one came from
Row = TypeVar("Row", bound=models.Model)


class Decision(Generic[Row]):
    """Something that the people at the desk decide about rows."""

    name: str  # in the address, and as the action of the list
    label: str  # on buttons and in the action menu
    title: str  # of the page, with the counted rows: "Decline {}"
    rows_are: tuple[str, str]  # "request", "requests"
    says: str  # what will happen, in words
    template = "admin/decide.html"
    asks = False  # whether its page asks for more than the press itself

    def is_open_to(self, desk: Member, row: Row | None = None) -> bool:
        """Whether `desk` may take it: at all (otherwise it does not exist), or about `row`."""
        return True

    def is_offered(self, row: Row) -> bool:
        """Whether the page of `row` offers this; the service has the last word."""
        raise NotImplementedError

    def take(self, row: Row, by: Member, answers: dict[str, Any]) -> str:
        """Decide about `row`; returns what happened, in words. Raises Refused."""
        raise NotImplementedError

    def form(self, request: HttpRequest, rows: Sequence[Row]) -> forms.Form:
        """What the page asks for."""
        return forms.Form(request.POST if request.method == "POST" else None)

    def line(self, row: Row) -> str:
        """How the page names `row`."""
        return str(row)

    def facts(self, request: HttpRequest, rows: Sequence[Row], form: forms.Form) -> dict[str, Any]:
        """What the page shows besides."""
        return {"lines": [self.line(row) for row in rows]}


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        error_messages={"required": "Give a reason. The member reads it."},
        widget=forms.Textarea(attrs={"rows": 5, "cols": 60}),
    )


class ReasonedDecision(Decision[Row]):
    """A decision that needs a reason: prepared ones to start from, each of them a link that
    fills the box, so that it works without JavaScript."""

    asks = True
    prepared: tuple[str, ...]
    reason_help = "The member reads it in the mail. Change it as you like."

    def form(self, request: HttpRequest, rows: Sequence[Row]) -> forms.Form:
        wanted = request.GET.get("prepared", "")
        number = int(wanted) if wanted in map(str, range(len(self.prepared))) else 0
        form = ReasonForm(
            request.POST if request.method == "POST" else None,
            initial={"reason": self.prepared[number]},
        )
        form.fields["reason"].help_text = self.reason_help
        return form

    def facts(self, request: HttpRequest, rows: Sequence[Row], form: forms.Form) -> dict[str, Any]:
        links = []
        for number, text in enumerate(self.prepared):
            query = request.GET.copy()
            query["prepared"] = str(number)
            links.append((text, f"?{query.urlencode()}"))
        return {**super().facts(request, rows, form), "prepared": links}


class DecidingAdmin(RecordAdmin[Row]):
    """A list whose rows are decided about."""

    decisions: ClassVar[Sequence[Decision[Any]]]

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"{decision.name}/",
                self.admin_site.admin_view(partial(self.decision_view, decision=decision)),
                name=self._page_name(decision),
            )
            for decision in self.decisions
        ]
        return pages + super().get_urls()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The decisions; each opens its page for the selected rows."""
        if IS_POPUP_VAR in request.GET:
            return {}
        return {
            decision.name: (partial(_open_page, decision), decision.name, decision.label)
            for decision in self.decisions
            if decision.is_open_to(at_desk(request))
        }

    def decision_view(self, request: HttpRequest, *, decision: Decision[Row]) -> HttpResponse:
        """Say what will happen to the rows in `?row=` (GET), or decide about them (POST).

        Rows that the list does not show are left out; 404 if none is left, and for a decision
        that is not open to whoever is here.
        """
        if not decision.is_open_to(at_desk(request)):
            raise Http404
        wanted = [pk for pk in request.GET.getlist("row") if pk.isdecimal() and len(pk) < 19]
        rows = list(self.get_queryset(request).filter(pk__in=wanted[:AT_ONCE]))
        if not rows:
            raise Http404
        form = decision.form(request, rows)
        if request.method == "POST" and form.is_valid():
            self._decide(request, decision, rows, form.cleaned_data)
            return HttpResponseRedirect(self.back_url(request, rows))
        title = decision.title.format(counted(len(rows), *decision.rows_are))
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "opts": self.opts,
            "decision": decision,
            "form": form,
            "back_url": self.back_url(request, rows),
            **decision.facts(request, rows, form),
        }
        return TemplateResponse(request, decision.template, context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        """The record, with the decisions that it waits for."""
        if obj is not None:
            context["decisions"] = [
                {
                    "label": decision.label,
                    "url": self.page_url(decision, [obj.pk], request.GET.get(FILTERS)),
                    "asks": decision.asks,
                }
                for decision in self.decisions
                if decision.is_offered(obj) and decision.is_open_to(at_desk(request), obj)
            ]
        response: HttpResponse = super().render_change_form(
            request, context, add, change, form_url, obj
        )
        return response

    def page_url(self, decision: Decision[Row], pks: Sequence[int], filters: str | None) -> str:
        """The page of `decision` about these rows, reached from a list with these filters."""
        query = QueryDict(mutable=True)
        query.setlist("row", [str(pk) for pk in pks])
        if filters is not None:
            query[FILTERS] = filters
        return f"{reverse(f'admin:{self._page_name(decision)}')}?{query.urlencode()}"

    def _page_name(self, decision: Decision[Row]) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{decision.name}"

    def _decide(
        self,
        request: HttpRequest,
        decision: Decision[Row],
        rows: Sequence[Row],
        answers: dict[str, Any],
    ) -> None:
        """Take the decision about each row on its own, and say what came of each."""
        for row in rows:
            try:
                messages.success(request, decision.take(row, at_desk(request), answers))
            except Refused as refusal:
                messages.warning(request, str(refusal))

    def back_url(self, request: HttpRequest, rows: Sequence[Row]) -> str:
        """Where one came from: the list with its filters, or the record itself."""
        filters = request.GET.get(FILTERS)
        stem = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if filters is None and len(rows) == 1:
            return reverse(f"{stem}_change", args=[rows[0].pk])
        return f"{reverse(f'{stem}_changelist')}?{filters or ''}".rstrip("?")


def _open_page(
    decision: Decision[Any],
    desk_list: DecidingAdmin[Any],
    request: HttpRequest,
    selected: QuerySet[Any],
) -> HttpResponse | None:
    """The action of a list: go to the page of the decision; nothing is decided yet."""
    pks = list(selected.values_list("pk", flat=True)[: AT_ONCE + 1])
    if len(pks) > AT_ONCE:
        messages.warning(request, f"Select at most {AT_ONCE} at a time. Nothing was changed.")
        return None
    url = desk_list.page_url(decision, pks, request.GET.urlencode())
    return HttpResponseRedirect(url)
