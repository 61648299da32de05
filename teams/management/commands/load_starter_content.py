from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, Goal
from teams.starter_content import GOALS, QUESTIONS, TEAMS


class Command(BaseCommand):
    help = (
        "Load the three teams, their goals and the questions that the portal starts with. "
        "Safe to repeat: what was edited stays as it is, what was removed stays away."
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """All or nothing, so that an interrupted run can simply be repeated."""
        with transaction.atomic():
            teams = sum(_add(ActionTeam(position=n, **row)) for n, row in enumerate(TEAMS, 1))
            goals = sum(
                _add(Goal(team=team, position=n, **row))
                for team in ActionTeam.objects.filter(slug__in=GOALS)
                for n, row in enumerate(GOALS[team.slug], 1)
            )
            questions = sum(_add(FaqEntry(position=n, **row)) for n, row in enumerate(QUESTIONS, 1))
        if not verbosity:
            return
        counts = [(teams, "team"), (goals, "goal"), (questions, "question")]
        added = ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)
        self.stdout.write(f"Starter content: {added} added." if added else "Nothing to add.")


def _add(row: ActionTeam | Goal | FaqEntry) -> bool:
    """Store `row`, unless one with its slug is there or has ever been there."""
    key: dict[str, Any] = {"slug": row.slug}
    if isinstance(row, Goal):
        key["team"] = row.team
    kind = type(row)
    if kind._default_manager.filter(**key).exists() or kind.history.filter(**key).exists():
        return False
    if isinstance(row, ActionTeam) and ActionTeam.objects.filter(name=row.name).exists():
        return False  # made by hand, under another slug
    save_with_history(row, None, "starter content")
    return True
