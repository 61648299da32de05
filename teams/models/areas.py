"""Figures about areas, and the areas that teams have chosen as their targets."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.areas import Area, all_areas
from teams.models.teams import ActionTeam

# Fewer people in the labor force: the survey asked too few of them for a reliable figure.
RELIABLE_LABOR_FORCE = 3000
# Of percent: smaller differences may be chance.
RELIABLE_DIFFERENCE = Decimal(3)


def validate_area(code: str) -> None:
    """Refuse anything but the code of an area."""
    if code not in all_areas():
        raise ValidationError("There is no area with this number.")


class AreaField(models.CharField[str, str]):
    """The code of an area of `teams.areas`."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"max_length": 7, "validators": [validate_area], **options})  # type: ignore[arg-type]


class UnemploymentSurvey(models.Model):
    """Unemployment in the areas, as one survey over some years found it. A newer one is added
    beside it; the same years imported again replace it."""

    name = CleanCharField(
        max_length=100,
        default="American Community Survey, 5-year estimates",
        help_text="Such as American Community Survey, 5-year estimates.",
    )
    first_year = models.PositiveSmallIntegerField()
    last_year = models.PositiveSmallIntegerField(unique=True)
    source = CleanCharField(
        max_length=200, help_text="Who published the file, and its title, as people can find it."
    )
    source_url = models.URLField("address of the source", max_length=500, blank=True)
    # Of 16 and over who work or look for work, in percent: of all Chicago.
    city_rate = models.DecimalField("rate of Chicago overall", max_digits=4, decimal_places=1)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    imported_at = models.DateTimeField(default=timezone.now)

    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-last_year"]
        verbose_name = "survey"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_unemploymentsurvey_years_in_order",
                condition=Q(first_year__lte=F("last_year")),
                violation_error_message="The first year is after the last one.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.years}"

    @property
    def years(self) -> str:
        """In words: "2016 to 2020"."""
        if self.first_year == self.last_year:
            return str(self.last_year)
        return f"{self.first_year} to {self.last_year}"


class UnemploymentFigure(models.Model):
    """What a survey found in one area. The numbers of people are not in every source."""

    survey = models.ForeignKey(UnemploymentSurvey, on_delete=models.CASCADE, related_name="figures")
    area_code = AreaField()
    rate = models.DecimalField(max_digits=4, decimal_places=1)
    unemployed = models.PositiveIntegerField(null=True)
    labor_force = models.PositiveIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["survey", "area_code"], name="teams_unemploymentfigure_once_per_area"
            ),
            models.CheckConstraint(
                name="teams_unemploymentfigure_rate_is_percent",
                condition=Q(rate__gte=0, rate__lte=100),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.area}: {self.rate}%"

    @property
    def area(self) -> Area:
        return all_areas()[self.area_code]

    @property
    def is_uncertain(self) -> bool:
        """Whether so few people work or look for work there that the figure may be chance."""
        return self.labor_force is not None and self.labor_force < RELIABLE_LABOR_FORCE


class TargetAreaQuerySet(models.QuerySet["TargetArea"]):
    def open(self) -> TargetAreaQuerySet:
        """Those that teams work in now."""
        return self.filter(ended_on=None)

    def public(self) -> TargetAreaQuerySet:
        """What everyone may read: none of a team that is a draft."""
        return self.exclude(team__state=ActionTeam.State.DRAFT)

    def editable_by(self, staff: Member) -> TargetAreaQuerySet:
        """Those of the teams that `staff` facilitates."""
        return self.filter(team__in=ActionTeam.objects.facilitated_by(staff).order_by())


class TargetArea(models.Model):
    """An area that a team has chosen to work in, and why. It ends with a reason and is never
    deleted."""

    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, related_name="target_areas")
    area_code = AreaField()
    since = models.DateField(default=timezone.localdate)
    why = CleanCharField(max_length=300)
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_on = models.DateField(null=True, blank=True)
    ended_why = CleanCharField("why it ended", max_length=300, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = TargetAreaQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["team", "since", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "area_code"],
                condition=Q(ended_on=None),
                name="teams_targetarea_one_open_per_team",
            ),
            models.CheckConstraint(
                name="teams_targetarea_with_reason",
                condition=~Q(why=""),
                violation_error_message="Say in one sentence why the team chooses this area.",
            ),
            models.CheckConstraint(
                name="teams_targetarea_ended_with_reason",
                condition=Q(ended_on=None, ended_why="")
                | Q(~Q(ended_why=""), ended_on__gte=F("since")),
                violation_error_message="Say in one sentence why it ends.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.area}, {self.team}"

    @property
    def area(self) -> Area:
        return all_areas()[self.area_code]
