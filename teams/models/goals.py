"""What teams want to reach, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.template.defaultfilters import floatformat
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.areas import Area, all_areas
from teams.models.teams import MARKDOWN_HELP, ActionTeam

# An open goal without an update for longer is shown as stale.
STALE_AFTER = timedelta(days=90)


def amount(value: Decimal | None, unit: str) -> str:
    """Return a number with its unit: "58%", "12 organizations"; empty without a number."""
    if value is None:
        return ""
    number = floatformat(value, "-2g")
    return f"{number}%" if unit == "%" else f"{number} {unit}".strip()


def amount_of(value: Decimal | None, target: Decimal | None, unit: str) -> str:
    """Return a number with its target, if there is one: "9 of 12 organizations", "58% of 70%";
    empty without a number."""
    if value is None or target is None:
        return amount(value, unit)
    return f"{amount(value, '%' if unit == '%' else '')} of {amount(target, unit)}"


class GoalQuerySet(models.QuerySet["Goal"]):
    def public(self) -> GoalQuerySet:
        """What everyone may read: no goal of a team that is a draft."""
        return self.exclude(team__state=ActionTeam.State.DRAFT)

    def visible_to(self, person: Member | AnonymousUser) -> GoalQuerySet:
        """The goals of the teams that `person` may know of."""
        teams = ActionTeam.objects.visible_to(person).order_by().values("pk")
        return self.filter(team__in=teams)

    def open(self) -> GoalQuerySet:
        """Goals that are still worked on."""
        return self.exclude(state__in=Goal.OVER)

    def stale(self) -> GoalQuerySet:
        """Open goals about which nothing was reported for 90 days, or never."""
        before = timezone.localdate() - STALE_AFTER
        return self.open().filter(Q(reported_on=None) | Q(reported_on__lt=before))


class Goal(models.Model):
    """What a team wants to reach, and how far it is."""

    class State(models.TextChoices):
        UNREPORTED = "unreported", "No update yet"
        NOT_STARTED = "not_started", "Not started"
        ON_TRACK = "on_track", "On track"
        AT_RISK = "at_risk", "At risk"
        REACHED = "reached", "Reached"
        ENDED = "ended", "Ended"

    OVER = (State.REACHED, State.ENDED)

    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, related_name="goals")
    slug = models.SlugField(
        "address",
        max_length=80,
        help_text="The words that name the goal in links, such as fair-hiring. It is permanent.",
    )
    position = models.PositiveSmallIntegerField(
        "place", default=0, help_text="Lower numbers come first."
    )
    title = CleanCharField(max_length=200)
    body = CleanTextField("description", blank=True, help_text=MARKDOWN_HELP)
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNREPORTED)
    state_reason = CleanCharField("why it is at risk", max_length=300, blank=True)
    current = models.DecimalField("now", max_digits=12, decimal_places=2, null=True, blank=True)
    target = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="Such as 70."
    )
    unit = CleanCharField(max_length=40, blank=True, help_text="Such as % or employers.")
    due_on = models.DateField("by", null=True, blank=True)
    reported_on = models.DateField("last update", null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who is asked about it. Seen at the desk only.",
    )
    # The days before and after `due_on` on which the facilitators were reminded.
    reminded_on = models.DateField(null=True, blank=True, editable=False)
    overdue_reminded_on = models.DateField(null=True, blank=True, editable=False)
    # Codes of `teams.areas`, with commas between them.
    area_codes = models.TextField(blank=True, default="", db_default="", editable=False)

    objects = GoalQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["reminded_on", "overdue_reminded_on"])

    class Meta:
        ordering: ClassVar = ["team", "position", "title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "slug"], name="teams_goal_slug_once_per_team"),
            models.CheckConstraint(
                name="teams_goal_state_known",
                condition=Q(
                    state__in=[
                        "unreported", "not_started", "on_track", "at_risk", "reached", "ended"
                    ]
                ),
            ),
            models.CheckConstraint(
                name="teams_goal_target_above_zero",
                condition=Q(target=None) | Q(target__gt=0),
                violation_error_message="Give a target above 0, or none.",
            ),
            models.CheckConstraint(
                name="teams_goal_now_needs_target",
                condition=Q(current=None) | Q(target__isnull=False),
                violation_error_message="A number needs a target. Set the target first.",
            ),
            models.CheckConstraint(
                name="teams_goal_now_not_below_zero",
                condition=Q(current=None) | Q(current__gte=0),
                violation_error_message="Enter 0 or a number above it.",
            ),
            models.CheckConstraint(
                name="teams_goal_at_risk_with_reason",
                condition=~Q(state="at_risk") | ~Q(state_reason=""),
                violation_error_message="Say in one sentence why the goal is at risk.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    @property
    def areas(self) -> list[Area]:
        """The areas that the goal is about, in the order of their numbers."""
        codes = set(self.area_codes.split(","))
        return [area for code, area in all_areas().items() if code in codes]

    @property
    def percent(self) -> int | None:
        """How much of the target is reached, 0 to 100; None without numbers."""
        if self.current is None or not self.target:
            return None
        return max(0, min(100, round(self.current * 100 / self.target)))

    @property
    def first_number(self) -> GoalUpdate | None:
        """The first report with a number; prefetch `updates` where there are many goals."""
        with_number = [update for update in self.updates.all() if update.value is not None]
        return with_number[-1] if with_number else None

    @property
    def started_at(self) -> Decimal | None:
        """The number that the goal started from, once a later report gave another one."""
        first = self.first_number
        return first.value if first and first.value != self.current else None

    @property
    def expected_percent(self) -> int | None:
        """Where an even pace from the first number to the target would be today, 0 to 100.

        None for a goal without numbers or a day, and for one that is over or past its day.
        """
        first, today = self.first_number, timezone.localdate()
        if not (first and self.target and self.due_on) or self.state in self.OVER:
            return None
        began = timezone.localdate(first.reported_at)
        if not began < today <= self.due_on:
            return None
        start = first.value or Decimal()
        passed = Decimal((today - began).days) / (self.due_on - began).days
        return max(0, min(100, round((start + (self.target - start) * passed) * 100 / self.target)))

    @property
    def is_stale(self) -> bool:
        """Whether the last news is long ago; a goal that is over needs none."""
        if self.reported_on is None or self.state in self.OVER:
            return False
        return self.reported_on < timezone.localdate() - STALE_AFTER


class GoalUpdateQuerySet(models.QuerySet["GoalUpdate"]):
    def public(self) -> GoalUpdateQuerySet:
        """What everyone may read: nothing about a team that is a draft."""
        return self.exclude(goal__team__state=ActionTeam.State.DRAFT)


class GoalUpdate(models.Model):
    """What a facilitator reported about a goal. Never changed and never deleted: the next update
    corrects a mistake."""

    goal = models.ForeignKey(Goal, on_delete=models.PROTECT, related_name="updates")
    state = models.CharField(max_length=12, choices=Goal.State.choices)
    value = models.DecimalField(
        "now", max_digits=12, decimal_places=2, null=True, blank=True, help_text="Such as 58."
    )
    sentence = CleanCharField("what was done", max_length=300)
    reported_at = models.DateTimeField("when", default=timezone.now, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = GoalUpdateQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-reported_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_goalupdate_state_known",
                condition=Q(
                    state__in=["not_started", "on_track", "at_risk", "reached", "ended"]
                ),
                violation_error_message="Say how the goal stands.",
            ),
            models.CheckConstraint(
                name="teams_goalupdate_value_not_below_zero",
                condition=Q(value=None) | Q(value__gte=0),
                violation_error_message="Enter 0 or a number above it.",
            ),
            models.CheckConstraint(
                name="teams_goalupdate_with_sentence",
                condition=~Q(sentence=""),
                violation_error_message="Say in one sentence what was done.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.goal}: {self.get_state_display()}, {timezone.localdate(self.reported_at)}"
