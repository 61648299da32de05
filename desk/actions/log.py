"""The decisions of the last days: what happened to each record, and undoing them in time."""

from __future__ import annotations

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

from desk.actions.base import REQUEST_SECONDS, add_result_messages
from desk.actions.results import hide_unseen_results, hide_unseen_summaries
from desk.changelist import DeskModelAdmin, require_staff
from members.models import Decision, DecisionItem
from members.services import Refused, undo_decision
from teams.actions import process_decision

RESULTS_PER_PAGE = 500
# The page of an unfinished decision reloads.
RELOAD_SECONDS = 3


class DecisionAdmin(DeskModelAdmin[Decision]):
    """One's own decisions; administrators see those of all."""

    can_add = can_change = False
    list_display = ["summary", "by", "created_at", "results", "undo"]
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
        decisions = Decision.objects.select_related("by")
        if not require_staff(request).is_superuser:
            decisions = decisions.of(require_staff(request))
        outcomes = DecisionItem.Outcome
        return decisions.with_summary().annotate(
            waiting_count=Count("items", filter=Q(items__outcome=outcomes.WAITING)),
            refused_count=Count("items", filter=Q(items__outcome=outcomes.REFUSED)),
            undo_refused_count=Count("items", filter=Q(items__outcome=outcomes.UNDO_REFUSED)),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, with the results that the reader may see."""
        response = super().changelist_view(request, extra_context)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context:
            hide_unseen_summaries(context["cl"].result_list, require_staff(request))
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return what happened to each record; the page reloads until the decision is finished."""
        decision = self._get_decision(request, object_id)
        outcomes = DecisionItem.Outcome
        # What went wrong comes first.
        is_trouble = Q(outcome__in=[outcomes.REFUSED, outcomes.UNDO_REFUSED])
        items = decision.items.exclude(outcome=outcomes.WAITING).order_by(
            Case(When(is_trouble, then=0), default=1), "pk"
        )
        counts = decision.items.order_by("outcome").values_list("outcome")
        opts = apps.get_model(decision.model_label)._meta
        page = Paginator(items, RESULTS_PER_PAGE).get_page(request.GET.get("page"))
        page.object_list = list(page.object_list)
        hide_unseen_results(decision, page.object_list, require_staff(request))
        context = {
            "decision": decision,
            "page": page,
            "outcomes": [
                (outcomes(outcome).label, count)
                for outcome, count in counts.annotate(count=Count("pk"))
            ],
            "list_url": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
            "list_name": opts.verbose_name_plural,
        }
        template = "admin/members/decision/result.html"
        response = self.render_page(request, template, decision.title, **context)
        if decision.finished_at is None:
            response["Refresh"] = str(RELOAD_SECONDS)
        return response

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo the decision (POST); its emails are never sent."""
        decision = self._get_decision(request, str(pk))
        if request.method != "POST":
            return self._redirect_to_result(decision)
        try:
            undo_decision(decision, by=require_staff(request))
        except Refused as refusal:
            messages.warning(request, str(refusal))
            return self._redirect_to_result(decision)
        return self._process(request, decision)

    def continue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Process more items (POST), in case no mail worker does."""
        decision = self._get_decision(request, str(pk))
        if request.method != "POST":
            return self._redirect_to_result(decision)
        return self._process(request, decision)

    def _process(self, request: HttpRequest, decision: Decision) -> HttpResponse:
        process_decision(decision, seconds=REQUEST_SECONDS)
        next_url = request.POST.get("next", "")
        is_safe = url_has_allowed_host_and_scheme(
            next_url, {request.get_host()}, request.is_secure()
        )
        if decision.finished_at is None or decision.items.count() > 1 or not is_safe:
            return self._redirect_to_result(decision)
        add_result_messages(request, decision)
        return HttpResponseRedirect(next_url)

    def _get_decision(self, request: HttpRequest, object_id: str) -> Decision:
        decision = self.get_object(request, object_id)
        if decision is None:
            raise Http404
        return decision

    def _redirect_to_result(self, decision: Decision) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:members_decision_change", args=[decision.pk]))

    @admin.display(description="decision")
    def summary(self, decision: Any) -> str:
        """Return what happened to a single record, which names it, else the title."""
        return str((decision.item_count == 1 and decision.summary) or decision.title)

    @admin.display(empty_value="")
    def undo(self, decision: Decision) -> str | None:
        """Return until when its page undoes it."""
        if not decision.is_undoable:
            return None
        until = decision.undo_until
        if until is None:
            return "while it is being processed"
        return f"until {date_format(timezone.localtime(until), 'g:i:s A')}"

    @admin.display
    def results(self, decision: Any) -> str:
        """Return in words how many records there are, and what happened to them."""
        total = decision.item_count
        if decision.undo_requested_at:
            refused = decision.undo_refused_count
            return f"{refused:,} of {total:,} not undone" if refused else "undone"
        done = total - decision.waiting_count - decision.refused_count
        parts = [f"{done:,} of {total:,} done"]
        if decision.waiting_count:
            parts.append(f"{decision.waiting_count:,} to go")
        if decision.refused_count:
            parts.append(f"{decision.refused_count:,} not done")
        return ", ".join(parts)
