"""What was decided lately at the desk: the result row by row, and undoing it in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, Q, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme

from desk.actions.base import SECONDS, ActionAdmin, tell_results
from desk.changelist import DeskModelAdmin, require_staff
from members.history.decisions import Step
from members.models import Decision, DecisionItem
from members.services import Refused, process_decision, undo_decision
from teams.services import refuse_undo_if_built_upon

A_PAGE = 500  # results on one page
RELOAD = 3  # seconds after which the page of an unfinished decision looks again
LEFT_ALONE = timedelta(seconds=10)  # an unfinished decision that old is nobody's any more
BACKGROUND_SECONDS = 1.0  # of work at a time: emails go out in between
GONE_ON_WITH = 5  # unfinished decisions that are gone on with at a time


def step_of(decision: Decision) -> Step:
    """What `decision` does to one row; refuses every row when nobody can tell any more."""
    model = apps.get_model(decision.about)
    desk_list = admin.site._registry.get(model)
    kinds = desk_list.decisions if isinstance(desk_list, ActionAdmin) else ()
    for kind in kinds:
        if kind.name == decision.name and decision.by.is_active and decision.by.is_staff:
            return kind.step(model, decision.by, decision.answers)

    def refuse(key: int) -> str:
        raise Refused("Whoever decided this may not decide it any more. Nothing was changed.")

    return refuse


def process_pending_decisions() -> None:
    """Work on for a moment at the decisions that were too many for one press, or whose process
    was killed. Called again and again by the mail worker."""
    waiting = Decision.objects.unfinished().filter(taken_at__lt=timezone.now() - LEFT_ALONE)
    for decision in waiting.select_related("by").order_by("pk")[:GONE_ON_WITH]:
        process_decision(
            decision,
            step_of(decision),
            seconds=BACKGROUND_SECONDS,
            check_undo=refuse_undo_if_built_upon,
        )


@admin.register(Decision)
class DecisionAdmin(DeskModelAdmin[Decision]):
    """One's own decisions of the last days; administrators see everybody's."""

    list_display = ["what", "by", "taken_at", "results", "undo"]
    list_select_related = ["by"]
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"members_decision_{name}",
            )
            for name, view in (("undo", self.undo_view), ("continue", self.continue_view))
        ]
        return pages + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        rows = Decision.objects.select_related("by")
        if not require_staff(request).is_superuser:
            rows = rows.of(require_staff(request))
        outcomes = DecisionItem.Outcome
        return rows.annotate(
            all_rows=Count("rows"),
            open_rows=Count("rows", filter=Q(rows__outcome=outcomes.WAITING)),
            refused_rows=Count("rows", filter=Q(rows__outcome=outcomes.REFUSED)),
            kept_rows=Count("rows", filter=Q(rows__outcome=outcomes.KEPT)),
        ).with_told()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What came of each row. While rows wait the page looks again by itself."""
        decision = self._asked(request, object_id)
        # What went wrong stands on top.
        rows = decision.rows.exclude(outcome=DecisionItem.Outcome.WAITING)
        trouble = Q(outcome__in=[DecisionItem.Outcome.REFUSED, DecisionItem.Outcome.KEPT])
        page = Paginator(
            rows.order_by(Case(When(trouble, then=0), default=1), "pk"), A_PAGE
        ).get_page(request.GET.get("page"))
        about = apps.get_model(decision.about)._meta
        context = {
            **self.admin_site.each_context(request),
            "title": decision.title,
            "subtitle": None,
            "opts": self.opts,
            "decision": decision,
            "page": page,
            "outcomes": [
                (DecisionItem.Outcome(outcome).label, number)
                for outcome, number in decision.rows.order_by("outcome")
                .values_list("outcome")
                .annotate(number=Count("pk"))
            ],
            "list_url": reverse(f"admin:{about.app_label}_{about.model_name}_changelist"),
            "list_name": about.verbose_name_plural,
        }
        response = TemplateResponse(request, "admin/members/decision/result.html", context)
        if decision.finished_at is None:
            response["Refresh"] = str(RELOAD)
        return response

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo the decision; its emails are never sent."""
        return self._posted(request, pk, undo=True)

    def continue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Work on at once, where nothing works in the background."""
        return self._posted(request, pk, undo=False)

    def _posted(self, request: HttpRequest, pk: int, *, undo: bool) -> HttpResponse:
        decision = self._asked(request, str(pk))
        page = reverse("admin:members_decision_change", args=[decision.pk])
        if request.method != "POST":
            return HttpResponseRedirect(page)
        try:
            if undo:
                undo_decision(decision, by=require_staff(request))
            process_decision(
                decision, step_of(decision), seconds=SECONDS, check_undo=refuse_undo_if_built_upon
            )
        except Refused as refusal:
            messages.warning(request, str(refusal))
            return HttpResponseRedirect(page)
        target = request.POST.get("next", "")
        known = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
        if decision.finished_at is None or decision.rows.count() > 1 or not known:
            return HttpResponseRedirect(page)
        tell_results(request, decision)
        return HttpResponseRedirect(target)

    def _asked(self, request: HttpRequest, object_id: str) -> Decision:
        decision = self.get_object(request, object_id)
        if decision is None:
            raise Http404
        return decision

    @admin.display(description="decision")
    def what(self, row: Any) -> str:
        """Of a single row what came of it, which names it."""
        return str((row.row_count == 1 and row.told) or row.title)

    @admin.display(empty_value="")
    def undo(self, row: Decision) -> str | None:
        """Until when its page undoes it."""
        if not row.is_undoable:
            return None
        until = row.undo_until
        if until is None:
            return "while it is worked off"
        return f"until {date_format(timezone.localtime(until), 'g:i:s A')}"

    @admin.display
    def results(self, row: Any) -> str:
        """In words: how many rows, and what became of them."""
        if row.undo_asked_at:
            kept = f"{row.kept_rows:,} of {row.all_rows:,} not undone"
            return kept if row.kept_rows else "undone"
        done = row.all_rows - row.open_rows - row.refused_rows
        told = f"{done:,} of {row.all_rows:,} done"
        if row.open_rows:
            told += f", {row.open_rows:,} to go"
        return told + (f", {row.refused_rows:,} not done" if row.refused_rows else "")
