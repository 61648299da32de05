"""Decisions at the desk: one page and one address for each, from a list or from a record.

The page says what will happen, down to the first email; pressing its button (POST) takes the
decision for each row through the services. A row that somebody else has decided meanwhile is
told and does not stop the others. For two minutes the emails wait and all of it can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from desk.actions.preview import effects, first_visible_email
from desk.changelist import RecordAdmin, counted, parse_pk, require_staff
from members.history.decisions import Step
from members.models import Decision, DecisionItem, Member
from members.services import Preview, Refused, create_decision, preview_action, process_decision

MAX_DECISION_ROWS = 2000  # rows that one press decides
IN_ADDRESS = 200  # rows that an address can carry; more are carried by the form
TOLD = 20  # rows whose results are told right where one came from
NAMED = 50  # rows that the page names
SECONDS = 3.0  # so long a press works itself; what is left then goes on in the background
FILTERS = "_changelist_filters"  # where stock admin keeps the filters of the list one came from
Row = TypeVar("Row", bound=models.Model)


class BulkAction(Generic[Row]):
    """Something that the people at the desk decide about rows."""

    name: str  # in the address, and as the action of the list
    label: str  # on buttons and in the action menu
    title: str  # of the page, with the counted rows: "Decline {}"
    rows_are: tuple[str, str]  # "request", "requests"
    says: str  # what will happen, in words
    template = "admin/decide.html"
    asks = False  # whether its page asks for more than the press itself
    can_be_undone = True
    shows_email = False  # whether the page shows the email of the first of many rows too

    def has_permission(self, desk: Member, row: Row | None = None) -> bool:
        """Whether `desk` may take it: at all (otherwise it does not exist), or about `row`."""
        return True

    @property
    def in_lists(self) -> bool:
        """Whether one press in a list may take it."""
        return not self.asks

    def is_available(self, row: Row) -> bool:
        """Whether the page of `row` offers this; the service has the last word."""
        raise NotImplementedError

    def take(self, row: Row, by: Member, answers: dict[str, Any]) -> str:
        """Decide about `row`; returns what happened, in words. Raises Refused."""
        raise NotImplementedError

    def heading(self, rows: Sequence[Row]) -> str:
        """What is decided about how many: "Decline 7 requests"."""
        return self.title.format(counted(len(rows), *self.rows_are))

    def page_title(self, rows: Sequence[Row]) -> str:
        """The heading of its page, which names a single row: "Recognize Lake Clinic"."""
        return self.title.format(self.named(rows[0])) if len(rows) == 1 else self.heading(rows)

    def named(self, row: Row) -> str:
        """What the page's title calls a single row."""
        return str(row)

    def press(self, row: Row) -> dict[str, str] | None:
        """What one press sends, past the page; None: the page asks first."""
        return None if self.asks else {}

    def press_label(self, row: Row) -> str:
        """What stands on the button of that press."""
        return self.label

    def landing(self, answers: dict[str, Any]) -> str:
        """The page to go to afterwards; empty: back where one came from."""
        return ""

    def visible_email(self, foreseen: Preview, desk: Member) -> Any:
        """The first email that `desk` may read, as a sample."""
        return first_visible_email(foreseen, desk)

    def step(self, model: type[Row], by: Member, answers: dict[str, Any]) -> Step:
        """The decision as a function of the key of a row."""

        def take(key: int) -> str:
            row = model._default_manager.filter(pk=key).first()
            if row is None:
                raise Refused("It is not there any more. Nothing was changed.")
            return self.take(row, by, answers)

        return take

    def form(self, request: HttpRequest, rows: Sequence[Row]) -> forms.Form:
        """What the page asks for; its clean answers are plain enough for JSON."""
        return forms.Form(answers_in(request))

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """The answers with which the page foretells what will happen: those that were typed,
        else those it starts from. None: it cannot tell."""
        if form.is_bound:
            return form.cleaned_data if form.is_valid() else None
        return {
            name: form.get_initial_for_field(field, name) for name, field in form.fields.items()
        }

    def line(self, row: Row) -> str:
        """How the page names `row`."""
        return str(row)

    def facts(self, request: HttpRequest, rows: Sequence[Row], form: forms.Form) -> dict[str, Any]:
        """What the page shows besides."""
        lines = [self.line(row) for row in rows[:NAMED]]
        return {"lines": lines, "more": len(rows) - len(lines)}


def answers_in(request: HttpRequest) -> QueryDict | None:
    """What was sent from the page of a decision; None when it is shown for the first time."""
    sent = request.method == "POST" and request.POST.get("show") != "page"
    return request.POST if sent else None


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        error_messages={"required": "Give a reason. The member reads it."},
        widget=forms.Textarea(attrs={"rows": 5, "cols": 60}),
    )


class ActionWithReason(BulkAction[Row]):
    """A decision that needs a reason: prepared ones to start from, each of them a button that
    fills the box, so that it works without JavaScript."""

    asks = shows_email = True
    prepared: tuple[str, ...]
    reason_help = "The member reads it in the email. Change it as you like."

    def form(self, request: HttpRequest, rows: Sequence[Row]) -> forms.Form:
        shown = request.POST.get("show", "")
        number = int(shown) if shown in map(str, range(len(self.prepared))) else 0
        typed = request.method == "POST" and ("show" not in request.POST or shown == "mail")
        form = ReasonForm(
            request.POST if typed else None, initial={"reason": self.prepared[number]}
        )
        form.fields["reason"].help_text = self.reason_help
        return form

    def facts(self, request: HttpRequest, rows: Sequence[Row], form: forms.Form) -> dict[str, Any]:
        return {**super().facts(request, rows, form), "prepared": list(enumerate(self.prepared))}


class ActionAdmin(RecordAdmin[Row]):
    """A list whose rows are decided about."""

    decisions: ClassVar[Sequence[BulkAction[Any]]]

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

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """The decisions; each opens its page for the selected rows. Django 6.1 also asks for those
        on the page of one record, where we show none of its kind."""
        if IS_POPUP_VAR in request.GET or getattr(action_location, "name", "") == "CHANGE_FORM":
            return {}
        return {
            decision.name: (partial(_open_page, decision), decision.name, decision.label)
            for decision in self.decisions
            if decision.has_permission(require_staff(request))
        }

    def get_list_display(self, request: HttpRequest) -> Any:
        """The columns, and the decision that one press takes about a row."""
        shown = super().get_list_display(request)
        desk = require_staff(request)
        pressed = [kind for kind in self.decisions if kind.in_lists and kind.has_permission(desk)]
        if not pressed or IS_POPUP_VAR in request.GET:
            return shown
        filters = request.GET.urlencode()

        @admin.display(description="decide", empty_value="")
        def decide(row: Row) -> SafeString | None:
            for kind in pressed:
                sent = kind.press(row) if kind.is_available(row) else None
                if sent is not None:
                    context = {
                        "url": self.page_url(kind, [row.pk], filters),
                        "label": kind.press_label(row),
                        "sent": sent,
                        "row": row,
                    }
                    return render_to_string("admin/_press.html", context)
            return None

        return [*shown, decide]

    def decision_view(self, request: HttpRequest, *, decision: BulkAction[Row]) -> HttpResponse:
        """Say what will happen to the rows in `?row=` (GET), or decide about them (POST). A form
        that is posted with `show` is shown again, with the email as it would go.

        Rows that the list does not show are left out; 404 if none is left, and for a decision
        that is not open to whoever is here.
        """
        if not decision.has_permission(require_staff(request)):
            raise Http404
        rows = self._asked_rows(request)
        if not rows:
            raise Http404
        form = decision.form(request, rows)
        pressed = request.method == "POST" and "show" not in request.POST
        if pressed and form.is_valid():
            return self._decide(request, decision, rows, form.cleaned_data)
        return self._decision_page(request, decision, rows, form)

    def _decision_page(
        self, request: HttpRequest, decision: BulkAction[Row], rows: Sequence[Row], form: forms.Form
    ) -> HttpResponse:
        """What will happen, and what is asked for it."""
        ready = [row for row in rows if decision.is_available(row)]
        context = {
            **self.admin_site.each_context(request),
            "title": decision.page_title(rows),
            "subtitle": None,
            "opts": self.opts,
            "decision": decision,
            "form": form,
            "prepared": None,
            "more": 0,
            "more_left": 0,
            "settled": not ready,
            "unready": len(rows) - len(ready),
            "several": len(rows) > 1,
            "carried": [row.pk for row in rows] if "rows" in request.POST else None,
            "back_url": self.back_url(request, rows),
            **self._foretold(request, decision, ready, form),
            **decision.facts(request, rows, form),
        }
        return TemplateResponse(request, decision.template, context)

    def _asked_rows(self, request: HttpRequest) -> list[Row]:
        """The rows that the address names, or the form where an address is too short for them."""
        carried = request.POST.get("rows", "")
        wanted = carried.split(",") if carried else request.GET.getlist("row")
        keys = [pk for pk in map(parse_pk, wanted) if pk is not None]
        return list(self.get_queryset(request).filter(pk__in=keys[:MAX_DECISION_ROWS]))

    def _foretold(
        self, request: HttpRequest, decision: BulkAction[Row], rows: Sequence[Row], form: forms.Form
    ) -> dict[str, Any]:
        """What the decision would do to one row, in words, and the email that it would send."""
        is_told = len(rows) == 1 or (rows and decision.shows_email)
        is_told = is_told and decision.can_be_undone
        answers = decision.preview_data(form) if is_told else None
        if answers is None:
            return {"effects": "", "mail": None}
        desk = require_staff(request)
        foreseen = preview_action(decision.step(self.model, desk, answers), [rows[0].pk])
        return {
            "effects": effects(foreseen) if len(rows) == 1 else "",
            "mail": decision.visible_email(foreseen, desk),
        }

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
                    "press_label": decision.press_label(obj),
                    "url": self.page_url(decision, [obj.pk], request.GET.get(FILTERS)),
                    "press": decision.press(obj),
                }
                for decision in self.decisions
                if decision.is_available(obj)
                and decision.has_permission(require_staff(request), obj)
            ]
        response: HttpResponse = super().render_change_form(
            request, context, add, change, form_url, obj
        )
        return response

    def page_url(self, decision: BulkAction[Row], pks: Sequence[int], filters: str | None) -> str:
        """The page of `decision` about these rows, reached from a list with these filters."""
        query = QueryDict(mutable=True)
        query.setlist("row", [str(pk) for pk in pks])
        if filters is not None:
            query[FILTERS] = filters
        return f"{reverse(f'admin:{self._page_name(decision)}')}?{query.urlencode()}"

    def _page_name(self, decision: BulkAction[Row]) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{decision.name}"

    def _decide(
        self,
        request: HttpRequest,
        decision: BulkAction[Row],
        rows: Sequence[Row],
        answers: dict[str, Any],
    ) -> HttpResponse:
        """Take the decision, and say what came of it: of a few rows right here, of many on the
        page of the decision."""
        desk = require_staff(request)
        taken = create_decision(
            self.model,
            decision.name,
            title=decision.heading(rows),
            keys=[row.pk for row in rows],
            answers=answers,
            can_be_undone=decision.can_be_undone,
            by=desk,
        )
        process_decision(taken, decision.step(self.model, desk, answers), seconds=SECONDS)
        if len(rows) > TOLD or taken.finished_at is None:
            return HttpResponseRedirect(reverse("admin:members_decision_change", args=[taken.pk]))
        tell_results(request, taken)
        landing = "" if FILTERS in request.GET else decision.landing(answers)
        return HttpResponseRedirect(landing or self.back_url(request, rows))

    def back_url(self, request: HttpRequest, rows: Sequence[Row]) -> str:
        """Where one came from: the list with its filters, or the record itself."""
        if "desk" in request.GET:
            return reverse("admin:index")
        filters = request.GET.get(FILTERS)
        stem = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if filters is None and len(rows) == 1:
            return reverse(f"{stem}_change", args=[rows[0].pk])
        return f"{reverse(f'{stem}_changelist')}?{filters or ''}".rstrip("?")


def _open_page(
    decision: BulkAction[Any],
    desk_list: ActionAdmin[Any],
    request: HttpRequest,
    selected: QuerySet[Any],
) -> HttpResponse | None:
    """The action of a list: go to the page of the decision; nothing is decided yet."""
    keys = list(selected.order_by("pk").values_list("pk", flat=True)[: MAX_DECISION_ROWS + 1])
    if len(keys) > MAX_DECISION_ROWS:
        messages.warning(
            request, f"Select at most {MAX_DECISION_ROWS:,} at a time. Nothing was changed."
        )
        return None
    carried = len(keys) > IN_ADDRESS
    url = desk_list.page_url(decision, [] if carried else keys, request.GET.urlencode())
    if not carried:
        return HttpResponseRedirect(url)
    # The form takes so many along; it is shown by a post of the same page.
    request.POST = QueryDict(mutable=True)  # type: ignore[assignment]
    request.POST.update({"rows": ",".join(map(str, keys)), "show": "page"})
    request.GET = QueryDict(url.partition("?")[2])
    return desk_list.decision_view(request, decision=decision)


def tell_results(request: HttpRequest, taken: Decision) -> None:
    """What came of each row, as messages; of a single one that can be undone, the bar that undoes
    it tells."""
    rows = list(taken.rows.all())
    if taken.is_undoable and [row.outcome for row in rows] == [DecisionItem.Outcome.DONE]:
        return
    for row in rows:
        done = row.outcome in {DecisionItem.Outcome.DONE, DecisionItem.Outcome.UNDONE}
        (messages.success if done else messages.warning)(request, row.told)
