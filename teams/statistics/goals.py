"""What was achieved: goals with their numbers, and what was reported about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Prefetch

from teams.models import ActionTeam, Goal, GoalUpdate, amount_of
from teams.statistics.periods import Period


@dataclass(frozen=True)
class GoalProgress:
    """A goal as its last report before the end of a period says, its number before the period, and
    the reports of the period, newest first."""

    goal: Goal
    state: str
    state_in_words: str
    number: Decimal | None
    number_before: Decimal | None
    updates: list[GoalUpdate]

    @property
    def number_in_words(self) -> str:
        """Such as "9 of 12 organizations"; empty without a number."""
        return amount_of(self.number, self.goal.target, self.goal.unit)


def goal_progress(teams: Sequence[ActionTeam], period: Period) -> list[GoalProgress]:
    """Return the progress of each goal of `teams` in `period`, by team and in the order of their
    pages. Two queries."""
    reported = Prefetch("updates", GoalUpdate.objects.filter(reported_at__lt=period.end))
    goals = Goal.objects.filter(team__in=teams).select_related("team").prefetch_related(reported)
    ordered = goals.order_by("team__position", "team__name", "position", "title")
    return [_progress(goal, period) for goal in ordered]


def _progress(goal: Goal, period: Period) -> GoalProgress:
    # Newest first.
    updates = list(goal.updates.all())
    state = Goal.State(updates[0].state if updates else Goal.State.UNREPORTED)
    before = [update for update in updates if update.reported_at < period.start]
    return GoalProgress(
        goal,
        state.value,
        state.label,
        _last_number(updates),
        _last_number(before),
        updates[: len(updates) - len(before)],
    )


def _last_number(updates: Sequence[GoalUpdate]) -> Decimal | None:
    return next((update.value for update in updates if update.value is not None), None)
