"""The figures at the desk: on its first page, the coverage grid, and the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from desk.changelist import require_staff
from desk.changelist.export import BATCH_SIZE, Cell, file_response
from desk.models import Export
from desk.reports.charts import (
    Chart,
    answer_time_chart,
    goals_chart,
    membership_chart,
    memberships_url,
    teams_chart,
)
from members.batches import batched
from members.models import Member, OrganizationQuerySet
from teams.models import ActionTeam
from teams.statistics import (
    MonthlyChanges,
    Period,
    Row,
    changes_by_team,
    coverage_of,
    goals_by_state,
    hours_to_answer,
    recognized_on_teams,
    recognized_without,
    teams_now,
)

PAGE = 100  # organizations on one page of the grid
IN_REPORT = 500  # organizations that the report names


def own(desk: Member) -> list[ActionTeam]:
    return list(ActionTeam.objects.facilitated_by(desk))


def charts(teams: list[ActionTeam], period: Period) -> list[Chart]:
    """All figures about `teams`, now and in `period`."""
    moves: list[MonthlyChanges] = list(changes_by_team(teams, period).values())
    return [
        teams_chart(teams_now(teams)),
        membership_chart(moves, period),
        answer_time_chart(teams, hours_to_answer(teams, period), period),
        goals_chart(goals_by_state(teams)),
    ]


def figures(request: HttpRequest) -> dict[str, Any]:
    """The figures of the last twelve months, for the first page of the desk."""
    teams = own(require_staff(request))
    period = Period.year_until(timezone.localdate())
    return {"period": period, "charts": charts(teams, period) if teams else []}


class MonthField(forms.CharField):
    """A month, such as 2026-03."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-03"})


class PeriodForm(forms.Form):
    """From which month to which."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, label_suffix="")
        for name, label in (("from", "First month"), ("to", "Last month")):
            told = {"required": "Choose a month, like 2026-03."}
            self.fields[name] = MonthField(label=label, max_length=7, error_messages=told)

    def clean(self) -> dict[str, Any]:
        """Adds the `period`; refuses what is no month, an end before the start, and too much."""
        given = self.cleaned_data
        if "from" in given and "to" in given:
            try:
                given["period"] = Period.read(f"{given['from']}..{given['to']}")
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return given


@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Everything for a funder on one page, to print: the period, the figures, who sits where."""
    desk = require_staff(request)
    year = Period.year_until(timezone.localdate())
    default = {"from": f"{year.first:%Y-%m}", "to": f"{year.last:%Y-%m}"}
    form = PeriodForm({**default, **request.GET.dict()})
    context = {
        **admin.site.each_context(request),
        "title": "Report",
        "subtitle": None,
        "form": form,
        "period": None,
    }
    if form.is_valid():
        context |= _report(own(desk), form.cleaned_data["period"])
        context["title"] = f"Report, {context['period']}"
    return TemplateResponse(request, "admin/report.html", context)


def _report(teams: list[ActionTeam], period: Period) -> dict[str, Any]:
    organizations = recognized_on_teams(teams)
    names = list(organizations.values_list("pk", "name")[: IN_REPORT + 1])
    more = organizations.count() - IN_REPORT if len(names) > IN_REPORT else 0
    today = timezone.localdate()
    return {
        "period": period,
        "so_far": period.last == today.replace(day=1),
        "today": today,
        "teams": teams,
        "charts": charts(teams, period),
        "rows": list(coverage_of(names[:IN_REPORT], teams)),
        "more": more,
    }


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """The grid: recognized organizations down, one's own teams across."""
    teams, without, organizations = _narrowed(request)
    page = Paginator(organizations.values_list("pk", "name"), PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        **admin.site.each_context(request),
        "title": "Coverage by organization",
        "subtitle": None,
        "teams": teams,
        "without": without,
        "page": page,
        "rows": [(row, _links(row)) for row in coverage_of(list(page), teams)],
    }
    return TemplateResponse(request, "admin/coverage.html", context)


@require_POST
def coverage_export(request: HttpRequest) -> HttpResponseBase:
    """The grid as a file, as it is narrowed now, on all its pages. It is logged."""
    teams, without, organizations = _narrowed(request)
    file_format = request.POST.get("format")
    if file_format not in Export.Format.values:
        raise Http404
    Export.objects.create(
        by=require_staff(request),
        what="Coverage by organization",
        filters=f"no one on {without}" if without else "",
        file_format=file_format,
        rows=organizations.count(),
    )
    headings = ["Organization"]
    for team in teams:
        headings += [f"{team}: members", f"{team}: since"]
    name = f"coverage-{timezone.localdate():%Y-%m-%d}.{file_format}"
    return file_response(name, headings, _table(organizations, teams))


def _narrowed(
    request: HttpRequest,
) -> tuple[list[ActionTeam], ActionTeam | None, OrganizationQuerySet]:
    """One's own teams, the one that organizations are not on (404 for another's), and those."""
    teams = own(require_staff(request))
    slug = request.GET.get("without", "")
    without = next((team for team in teams if team.slug == slug), None)
    if slug and without is None:
        raise Http404
    return teams, without, recognized_without(without)


def _links(row: Row) -> list[tuple[Any, str]]:
    """Each seat with the list of the people on it."""
    return [
        (
            seat,
            memberships_url(team=seat.team.slug, status__exact="active", organization=str(row.pk)),
        )
        for seat in row.seats
    ]


def _table(organizations: OrganizationQuerySet, teams: list[ActionTeam]) -> Iterator[list[Cell]]:
    names = list(organizations.values_list("pk", "name"))
    for batch in batched(names, BATCH_SIZE):
        for row in coverage_of(batch, teams):
            cells: list[Cell] = [row.name]
            for seat in row.seats:
                cells += [seat.people, seat.since and timezone.localdate(seat.since)]
            yield cells
