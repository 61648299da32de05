"""Statistics at the desk: on its first page, the coverage grid, and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.cache import caches
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from desk.changelist import require_staff
from desk.changelist.export import BATCH_SIZE, file_response
from desk.models import Export
from desk.reports.charts import (
    Chart,
    answers_chart,
    changes_chart,
    goals_chart,
    memberships_url,
    teams_chart,
)
from members.batches import batched
from members.csv_files import Cell
from members.models import Member, Organization, OrganizationQuerySet
from teams.models import ActionTeam
from teams.services import Waiting
from teams.statistics import (
    Coverage,
    OrganizationAttendance,
    Period,
    attendance_by_organization,
    attendance_by_quarter,
    changes_by_team,
    count_teams,
    coverage_of,
    goal_progress,
    goals_by_state,
    hours_to_answer,
    joined_by_invitation,
    kinds_on_teams,
    recognized_on_teams,
    recognized_without,
    target_areas_of,
)

ORGANIZATIONS_PER_PAGE = 100
MAX_ORGANIZATIONS_IN_REPORT = 500
# Of a year, so they hardly change; counting them is a quarter of the work of the desk's first page.
CHARTS_SECONDS = 10
KIND_LABELS = dict(Organization.Kind.choices)


def facilitated_teams(staff: Member) -> list[ActionTeam]:
    """Return the teams whose statistics `staff` may see."""
    return list(ActionTeam.objects.facilitated_by(staff))


def charts_of(teams: list[ActionTeam], period: Period) -> list[Chart]:
    """Return all statistics about `teams`, now and in `period`."""
    return [
        teams_chart(count_teams(teams)),
        changes_chart(list(changes_by_team(teams, period).values()), period),
        answers_chart(teams, hours_to_answer(teams, period), period),
        goals_chart(goals_by_state(teams)),
    ]


def dashboard_charts(request: HttpRequest, waiting: Mapping[str, Waiting]) -> list[Chart]:
    """Return the charts of the last twelve months, for the first page of the desk: counted within
    the last CHARTS_SECONDS, and since what is `waiting` there has changed."""
    teams = facilitated_teams(require_staff(request))
    if not teams:
        return []
    period = Period.year_until(timezone.localdate())
    numbers = [count.number for count in waiting.values()]
    key = "-".join(map(str, ["charts", period.code, *numbers, *(team.pk for team in teams)]))
    count = partial(charts_of, teams, period)
    return cast(list[Chart], caches["desk_counts"].get_or_set(key, count, CHARTS_SECONDS))


class MonthField(forms.CharField):
    """A month, such as 2026-03."""

    widget = forms.TextInput(attrs={"type": "month"})
    default_error_messages: ClassVar = {"required": "Choose a month, like 2026-03."}

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Return none: HTML has no longest length for a month."""
        return {}


class PeriodForm(forms.Form):
    """The first and the last month of a report."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, label_suffix="")
        # "from" is a keyword of Python, so it cannot be an attribute of the class.
        self.fields["from"] = MonthField(label="First month", max_length=7)
        self.fields["to"] = MonthField(label="Last month", max_length=7)

    def clean(self) -> dict[str, Any]:
        """Add the `period`; refuse an end before the start, and too many months."""
        data = self.cleaned_data
        if "from" in data and "to" in data:
            try:
                data["period"] = Period.parse(f"{data['from']}..{data['to']}")
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return data


@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Show everything for a funder on one page to print: charts, and coverage by organization."""
    teams = facilitated_teams(require_staff(request))
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
        context |= _report_context(teams, form.cleaned_data["period"])
        context["title"] = f"Report, {context['period']}"
    return TemplateResponse(request, "admin/report.html", context)


def _report_context(teams: list[ActionTeam], period: Period) -> dict[str, Any]:
    limit = MAX_ORGANIZATIONS_IN_REPORT
    organizations = recognized_on_teams(teams)
    shown = list(organizations.values_list("pk", "name")[: limit + 1])
    today = timezone.localdate()
    return {
        "period": period,
        "is_unfinished": period.last == today.replace(day=1),
        "today": today,
        "teams": teams,
        "charts": charts_of(teams, period),
        "joined_by_invitation": joined_by_invitation(teams, period),
        "quarters": attendance_by_quarter(teams, period),
        "kinds": kinds_on_teams(teams),
        "goals": goal_progress(teams, period),
        "targets": target_areas_of(teams),
        "rows": _with_attendance(shown[:limit], teams, period),
        "more": organizations.count() - limit if len(shown) > limit else 0,
    }


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """Show the grid: recognized organizations down, the teams of the facilitator across."""
    teams, without, kind, organizations = _filter_coverage(request)
    paginator = Paginator(organizations.values_list("pk", "name"), ORGANIZATIONS_PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "Coverage by organization",
        "subtitle": None,
        "teams": teams,
        "without": without,
        "kind": kind,
        "kinds": Organization.Kind.choices,
        "page": page,
        "rows": _with_attendance(list(page), teams, Period.year_until(timezone.localdate())),
    }
    return TemplateResponse(request, "admin/coverage.html", context)


@require_POST
def coverage_export(request: HttpRequest) -> HttpResponseBase:
    """Return the grid as a file, with its filter and all its pages. The export is logged."""
    teams, without, kind, organizations = _filter_coverage(request)
    file_format = request.POST.get("format")
    if file_format not in Export.Format.values:
        raise Http404
    Export.objects.create(
        by=require_staff(request),
        what="Coverage by organization",
        filters=", ".join(
            filter(None, [f"no one on {without}" if without else "", kind and KIND_LABELS[kind]])
        ),
        file_format=file_format,
        rows=organizations.count(),
    )
    headings = ["Organization", "Kind"]
    for team in teams:
        headings += [f"{team}: members", f"{team}: since"]
    for name in (*(str(team) for team in teams), "Whole Collaborative"):
        headings += [
            f"{name}: meetings attended in 12 months",
            f"{name}: meetings with recorded attendance",
            f"{name}: people who came",
        ]
    file_name = f"coverage-{timezone.localdate():%Y-%m-%d}.{file_format}"
    return file_response(file_name, headings, _export_rows(organizations, teams))


def _filter_coverage(
    request: HttpRequest,
) -> tuple[list[ActionTeam], ActionTeam | None, str, OrganizationQuerySet]:
    """Return the teams of the facilitator, the one of `?without=`, the kind of `?kind=`, and the
    organizations of that kind that are not on that team. Anything else there is a 404."""
    teams = facilitated_teams(require_staff(request))
    slug = request.GET.get("without", "")
    without = next((team for team in teams if team.slug == slug), None)
    kind = request.GET.get("kind", "")
    if (slug and without is None) or kind not in {"", *KIND_LABELS}:
        raise Http404
    organizations = recognized_without(without)
    return teams, without, kind, organizations.filter(kind=kind) if kind else organizations


@dataclass(frozen=True)
class CoverageCell:
    """The coverage of one team by one organization, the list of its members, and to how many of
    the team's meetings they came."""

    coverage: Coverage
    url: str
    attendance: OrganizationAttendance


@dataclass(frozen=True)
class CoverageRow:
    """One organization: its coverage of each team, and its attendance at meetings of the whole
    Collaborative."""

    pk: int
    name: str
    # In words; empty where nobody has said.
    kind: str
    cells: list[CoverageCell]
    whole: OrganizationAttendance


def _with_attendance(
    organizations: Sequence[tuple[int, str]], teams: list[ActionTeam], period: Period
) -> list[CoverageRow]:
    """Return the coverage of each team by `organizations`, given as key and name, and to how many
    meetings of `period` their people came."""
    attendance = attendance_by_organization([pk for pk, _ in organizations], teams, period)
    keys = [pk for pk, _ in organizations]
    kinds = dict(Organization.objects.filter(pk__in=keys).values_list("pk", "kind"))
    rows = []
    for organization in coverage_of(organizations, teams):
        came = attendance[organization.pk]
        query = {"status__exact": "active", "organization": str(organization.pk)}
        cells = [
            CoverageCell(
                coverage,
                memberships_url(team=coverage.team.slug, **query),
                came[coverage.team.pk],
            )
            for coverage in organization.teams
        ]
        kind = KIND_LABELS.get(kinds.get(organization.pk, ""), "")
        rows.append(CoverageRow(organization.pk, organization.name, kind, cells, came[None]))
    return rows


def _export_rows(
    organizations: OrganizationQuerySet, teams: list[ActionTeam]
) -> Iterator[list[Cell]]:
    year = Period.year_until(timezone.localdate())
    names = list(organizations.values_list("pk", "name"))
    for batch in batched(names, BATCH_SIZE):
        for row in _with_attendance(batch, teams, year):
            cells: list[Cell] = [row.name, row.kind]
            for cell in row.cells:
                since = cell.coverage.since
                cells += [cell.coverage.members, since and timezone.localdate(since)]
            for attendance in (*(cell.attendance for cell in row.cells), row.whole):
                cells += [attendance.meetings, attendance.of, attendance.people]
            yield cells
