"""Figures about areas for tests."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from teams.models import UnemploymentFigure, UnemploymentSurvey


def make_survey(
    rates: Mapping[str, str],
    people: Mapping[str, tuple[int, int]] | None = None,
    **fields: Any,
) -> UnemploymentSurvey:
    """Return a stored survey of 2016 to 2020, unless `fields` say otherwise, with these rates, and
    the numbers of people out of work and in the labor force, by the codes of areas."""
    values = {
        "first_year": 2016,
        "last_year": 2020,
        "source": "Example Planning Agency",
        "city_rate": Decimal("8.1"),
        **fields,
    }
    survey = UnemploymentSurvey.objects.create(**values)
    for code, rate in rates.items():
        unemployed, labor_force = (people or {}).get(code, (None, None))
        UnemploymentFigure.objects.create(
            survey=survey,
            area_code=code,
            rate=Decimal(rate),
            unemployed=unemployed,
            labor_force=labor_force,
        )
    return survey
