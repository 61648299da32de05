"""Reading unemployment by area from the files in which it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from django.core.files.uploadedfile import UploadedFile
from rapidfuzz import process

from desk.imports.reader import TableRow, read_table
from members.normalize import fold
from members.services import Refused
from teams.areas import Area, all_areas, find_area
from teams.services.areas import AreaRate
from teams.statistics import rate_of

# By the headings of the Chicago Metropolitan Agency for Planning (CMAP), of files made by hand with
# numbers of people, and of tables of rates: the columns for code, name, people and rate.
LAYOUTS = (
    ("GEOID", "GEOG", "UNEMP", "IN_LBFRC"),
    ("area_number", "unemployed", "labor_force"),
    ("Area", "Rate"),
)
HEADINGS_NEEDED = (
    "The headings must be GEOID, GEOG, UNEMP and IN_LBFRC, as CMAP publishes them; or area_number, "
    "unemployed and labor_force; or Area and Rate."
)
# Above it is the rate of the whole city, which some tables have in a row of its own.
WHOLE_CITY = {"chicago", "city of chicago", "all chicago"}
MAX_NAMES_SHOWN = 20
# More people than in the whole county.
MAX_PEOPLE = 10_000_000


@dataclass
class AreaFigures:
    """What a file holds: a rate for each area, the rate for Chicago overall if known, how the file
    was read, and what is wrong with it, row by row."""

    rates: list[AreaRate] = field(default_factory=list)
    city_rate: Decimal | None = None
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def read_area_figures(upload: UploadedFile[bytes]) -> AreaFigures:
    """Return the figures of a file. Refuses a file that is no table or has none of the LAYOUTS."""
    layout, rows, notes = _read_any_layout(upload)
    figures = AreaFigures(notes=notes)
    seen: dict[Area, int] = {}
    elsewhere: list[str] = []
    for row in rows:
        name = row.cells[layout[1] if layout == LAYOUTS[0] else layout[0]].strip()
        try:
            if fold(name) in WHOLE_CITY:
                figures.city_rate = _numbers(row, layout)[0]
                continue
            area = _area(row, layout)
            if area is None:
                elsewhere.append(name)
                continue
            if area in seen:
                raise Refused(f"{area} is already in row {seen[area]}. Remove one of the two.")
            seen[area] = row.number
            figures.rates.append(AreaRate(area, *_numbers(row, layout)))
        except Refused as refusal:
            figures.errors.append(f"Row {row.number}: {refusal}")
    if elsewhere:
        shown = ", ".join(elsewhere[:MAX_NAMES_SHOWN])
        more = f" and {len(elsewhere) - MAX_NAMES_SHOWN} more" * (len(elsewhere) > MAX_NAMES_SHOWN)
        figures.notes.append(
            f"Not read: {shown}{more}, which are neither community areas of Chicago nor suburbs in "
            "Cook County."
        )
    if figures.city_rate is None:
        figures.city_rate = _city_rate(figures.rates)
    return figures


def _read_any_layout(
    upload: UploadedFile[bytes],
) -> tuple[Sequence[str], list[TableRow], list[str]]:
    """Return the first of LAYOUTS that the file has, its rows, and how it was read."""
    for layout in LAYOUTS:
        upload.seek(0)
        try:
            table = read_table(upload, layout)
        except Refused as refusal:
            if not str(refusal).startswith("The column “") or "is missing" not in str(refusal):
                raise
        else:
            return layout, table.rows, table.notes()
    raise Refused(HEADINGS_NEEDED)


def _area(row: TableRow, layout: Sequence[str]) -> Area | None:
    """Return the area of a row; None for a place elsewhere. Refuses a name that may be misspelled,
    and a code without a place."""
    text = row.cells[layout[0]].strip()
    if not text:
        raise Refused("The area is missing. Enter its name or number.")
    area = find_area(text)
    if area or layout != LAYOUTS[2]:
        return area
    names = [each.name for each in all_areas().values()]
    nearest = process.extractOne(text, names, score_cutoff=75)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    raise Refused(f"There is no area “{text}”.{hint}")


def _numbers(row: TableRow, layout: Sequence[str]) -> tuple[Decimal, int | None, int | None]:
    """Return rate, people out of work and labor force of a row."""
    if problem := next(iter(row.problems.values()), ""):
        raise Refused(problem)
    if layout == LAYOUTS[2]:
        rate = _number(row.cells[layout[1]].rstrip("% "), layout[1])
        if rate > 100:
            raise Refused(f"A rate of {rate}% is not possible. Enter a rate from 0 to 100.")
        return round(rate, 1), None, None
    unemployed, labor_force = (_people(row.cells[name], name) for name in layout[-2:])
    if not labor_force or unemployed > labor_force:
        raise Refused(
            f"{unemployed:,} people out of work in a labor force of {labor_force:,} is not "
            "possible. Check both numbers."
        )
    return rate_of(unemployed, labor_force), unemployed, labor_force


def _people(text: str, column: str) -> int:
    """Return the number of people in a cell. Some files have it estimated, with a fraction."""
    number = _number(text, column)
    if number > MAX_PEOPLE:
        raise Refused(f"{text} under {column} is not possible.")
    return round(number)


def _number(text: str, column: str) -> Decimal:
    """Return a number of a cell, without the commas between thousands."""
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise Refused(f"“{text}” under {column} is not a number.") from None
    if not number.is_finite() or number < 0:
        raise Refused(f"{text} under {column} is not possible.")
    return number


def _city_rate(rates: Sequence[AreaRate]) -> Decimal | None:
    """Return the rate of all Chicago from the people in its community areas; None if a number, or
    an area, is missing."""
    counted = [
        each
        for each in rates
        if each.area.is_community_area and each.labor_force and each.unemployed is not None
    ]
    if len(counted) < 77:
        return None
    unemployed = sum(each.unemployed or 0 for each in counted)
    return rate_of(unemployed, sum(each.labor_force or 0 for each in counted))
