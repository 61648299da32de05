"""The areas of Chicago: unemployment on a map and in a table, and where teams recruit."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from members.csv_files import Cell, stream_csv
from teams.areas import all_areas, suburbs
from teams.models import TargetArea, UnemploymentFigure
from teams.statistics import (
    AreaOverview,
    area_overview,
    compared_to_city,
    goals_naming,
    in_order,
)

ORDERS = {
    "": "in the order of their numbers",
    "name": "by name",
    "rate": "highest rate first",
    "people": "most people out of work first",
}
CSV_HEADINGS = [
    "Area number", "Area", "Rate in percent", "Out of work", "Labor force",
    "Survey", "First year", "Last year", "Source", "Target of", "Target since",
]  # fmt: skip


@login_not_required
@require_safe
def area_list(request: HttpRequest) -> HttpResponse:
    """Show the community areas and the suburbs on maps, and as tables in the order of `?order=`."""
    order = request.GET.get("order", "")
    if order not in ORDERS:
        raise Http404
    return render(
        request,
        "teams/area_list.html",
        {"order": order, "order_words": ORDERS[order], "get_areas": partial(_areas, order)},
    )


def _areas(order: str) -> dict[str, object]:
    """Return both regions and their rows in `order`, for the cached part of the page."""
    city, around = area_overview(), area_overview(suburbs())
    return {
        "city": city,
        "city_rows": in_order(city.rows, order),
        "suburbs": around,
        "suburb_rows": in_order(around.rows, order),
        "suburb_order_words": ORDERS[order or "name"],
    }


@login_not_required
@require_safe
def area_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one area: its figures of all years, which teams recruit there and why, and the goals
    that name it. An address with another name behind the same number leads to this one."""
    area = all_areas().get(slug.partition("-")[0])
    if area is None:
        raise Http404
    if slug != area.slug:
        return redirect(area, permanent=True)
    figures = list(
        UnemploymentFigure.objects.filter(area_code=area.code)
        .select_related("survey")
        .order_by("-survey__last_year")
    )
    targets = TargetArea.objects.public().filter(area_code=area.code).select_related("team")
    return render(
        request,
        "teams/area_detail.html",
        {
            "area": area,
            "figures": figures,
            "compared": compared_to_city(figures[0]) if figures else "",
            "targets": [target for target in targets if not target.ended_on],
            "former_targets": [target for target in targets if target.ended_on],
            "goals": goals_naming(area),
        },
    )


@login_not_required
@require_safe
def area_table(request: HttpRequest) -> StreamingHttpResponse:
    """Return the table as a CSV file, with its survey, years and source in each line."""
    overviews = (area_overview(), area_overview(suburbs()))
    lines = (line for overview in overviews for line in _lines(overview))
    return StreamingHttpResponse(
        stream_csv(CSV_HEADINGS, lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="areas.csv"'},
    )


def _lines(overview: AreaOverview) -> list[list[Cell]]:
    survey = overview.survey
    about: list[Cell] = (
        [survey.name, survey.first_year, survey.last_year, survey.source] if survey else [""] * 4
    )
    lines: list[list[Cell]] = []
    for row in overview.rows:
        figure = row.figure
        numbers: list[Cell] = (
            [figure.rate, figure.unemployed, figure.labor_force] if figure else ["", "", ""]
        )
        lines.append(
            [
                row.area.code,
                row.area.name,
                *numbers,
                *(about if figure else [""] * 4),
                "; ".join(target.team.name for target in row.targets),
                "; ".join(target.since.isoformat() for target in row.targets),
            ]
        )
    return lines
