"""What is known about the areas, and which of them are targets, for pages that everyone reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from members.wording import number_in_words
from teams.areas import Area, Region, chicago, suburbs
from teams.models import (
    RELIABLE_DIFFERENCE,
    ActionTeam,
    Goal,
    TargetArea,
    UnemploymentFigure,
    UnemploymentSurvey,
)

# Where the steps of the map begin, as multiples of the rate of all Chicago.
STEPS = (Decimal("1"), Decimal("1.5"), Decimal("2"))
TENTH = Decimal("0.1")


def rate_of(unemployed: int, labor_force: int) -> Decimal:
    """Return the rate in percent with one decimal, rounded half up, as published tables do."""
    return (Decimal(100 * unemployed) / labor_force).quantize(TENTH, ROUND_HALF_UP)


def step_of(rate: Decimal, city_rate: Decimal) -> int:
    """Return the step of the map, 0 to 3: below the city's rate, up to 1.5 times, up to twice that,
    and above. The same for every survey, so that maps of different years can be compared."""
    return sum(rate >= step * city_rate for step in STEPS)


@dataclass(frozen=True)
class AreaFacts:
    """An area with its figure, and the teams whose target it is; either may be missing."""

    area: Area
    figure: UnemploymentFigure | None
    step: int | None
    targets: tuple[TargetArea, ...] = ()

    @property
    def step_name(self) -> str:
        """For the class of its shape; empty without a figure."""
        return "" if self.step is None else str(self.step)


@dataclass(frozen=True)
class Step:
    """A line of the legend: the lowest and the highest rate of a step, in percent; None: open."""

    number: int
    lowest: Decimal | None
    highest: Decimal | None


@dataclass(frozen=True)
class AreaOverview:
    """The areas of a region as one survey found them (None: no figures are here yet)."""

    region: Region
    survey: UnemploymentSurvey | None
    rows: list[AreaFacts]

    @property
    def targets(self) -> list[AreaFacts]:
        """The areas that are targets, in the order of their numbers."""
        return [row for row in self.rows if row.targets]

    @property
    def has_numbers(self) -> bool:
        """Whether the map has room for the numbers of areas: suburbs have none."""
        return self.region.areas[0].is_community_area

    @property
    def view_box(self) -> str:
        """Of the map, with room for its outline."""
        return f"-8 -8 {self.region.width + 16} {self.region.height + 16}"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say about the region but names."""
        return not self.targets and all(row.figure is None for row in self.rows)

    @property
    def teams(self) -> list[ActionTeam]:
        """The teams that have targets here, in their order."""
        teams = {target.team for row in self.targets for target in row.targets}
        return sorted(teams, key=lambda team: (team.position, team.name))

    @property
    def summary(self) -> list[str]:
        """How many targets each team has, a sentence each."""
        sentences = []
        for team in self.teams:
            number = sum(team in (each.team for each in row.targets) for row in self.targets)
            areas = "community area as a target" if number == 1 else "community areas as targets"
            sentences.append(f"{team} has chosen {number_in_words(number)} {areas}.")
        return sentences

    @property
    def finding(self) -> str:
        """What the map shows, in a sentence; empty without figures."""
        steps = [row.step for row in self.rows if row.step is not None]
        if not steps:
            return ""
        return (
            f"In {steps.count(len(STEPS))} of {len(steps)} areas the rate is at least twice that "
            f"for Chicago overall, and in {steps.count(0)} it is lower than for Chicago overall."
        )

    @property
    def steps(self) -> list[Step]:
        """The legend of the map; empty without figures."""
        if self.survey is None:
            return []
        starts = [(step * self.survey.city_rate).quantize(TENTH, ROUND_HALF_UP) for step in STEPS]
        bounds = [None, *starts, None]
        return [
            Step(number, bounds[number], end - TENTH if (end := bounds[number + 1]) else None)
            for number in range(len(STEPS) + 1)
        ]


def newest_survey() -> UnemploymentSurvey | None:
    """Return the survey that the pages show; None before the first import."""
    return UnemploymentSurvey.objects.first()


def area_overview(
    region: Region | None = None, targets: Iterable[TargetArea] | None = None
) -> AreaOverview:
    """Return the areas of `region` (Chicago) in their order, with the figures of the newest survey
    and the open targets of public teams. Three queries."""
    region = region or chicago()
    survey = newest_survey()
    figures = (
        {each.area_code: each for each in survey.figures.select_related("survey")} if survey else {}
    )
    chosen: dict[str, list[TargetArea]] = defaultdict(list)
    if targets is None:
        targets = TargetArea.objects.open().public().select_related("team")
    for target in targets:
        chosen[target.area_code].append(target)
    rows = [
        AreaFacts(
            area,
            figure := figures.get(area.code),
            step_of(figure.rate, survey.city_rate) if survey and figure else None,
            tuple(chosen[area.code]),
        )
        for area in region.areas
    ]
    return AreaOverview(region, survey, rows)


def target_areas_of(teams: Sequence[ActionTeam]) -> list[tuple[AreaFacts, list[Goal]]]:
    """Return the open targets of `teams`, by number, each with their goals that name it."""
    targets = list(TargetArea.objects.open().filter(team__in=teams).select_related("team"))
    if not targets:
        return []
    goals = list(Goal.objects.filter(team__in=teams).exclude(area_codes=""))
    rows = [*area_overview(targets=targets).targets, *area_overview(suburbs(), targets).targets]
    return [(row, [goal for goal in goals if row.area in goal.areas]) for row in rows]


def team_areas(team: ActionTeam) -> AreaOverview | None:
    """Return the map of the targets of `team`; None without any, after one query."""
    targets = list(team.target_areas.open().select_related("team"))
    return area_overview(targets=targets) if targets else None


def in_order(rows: Iterable[AreaFacts], order: str) -> list[AreaFacts]:
    """Return `rows` by `order`: "rate" or "people" (the highest first), "name", or else as they
    are, by their numbers. Areas without a figure come last."""
    if order == "name":
        return sorted(rows, key=lambda row: row.area.name)
    if order not in {"rate", "people"}:
        return list(rows)

    def highest_first(row: AreaFacts) -> tuple[bool, Decimal | int]:
        value = row.figure and (row.figure.rate if order == "rate" else row.figure.unemployed)
        return value is None, -(value or 0)

    return sorted(rows, key=highest_first)


def compared_to_city(figure: UnemploymentFigure) -> str:
    """Return how the rate compares to that of all Chicago: "higher than", "lower than" or, where
    the difference may be chance, "about the same as"."""
    difference = figure.rate - figure.survey.city_rate
    if abs(difference) < RELIABLE_DIFFERENCE:
        return "about the same as"
    return "higher than" if difference > 0 else "lower than"


def goals_naming(area: Area) -> list[Goal]:
    """Return the public goals that name `area`, with their teams."""
    goals = Goal.objects.public().exclude(area_codes="").select_related("team")
    return [goal for goal in goals if area in goal.areas]
