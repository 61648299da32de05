"""Loading what the portal says on its first day."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from members.models import SiteIdentity
from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, Goal, SiteText, SynonymGroup
from teams.starter_content import GOALS, QUESTIONS, SITE_TEXTS, SYNONYMS, TEAMS


class Command(BaseCommand):
    help = (
        "Load the three teams, their goals, the questions, the name and the texts of the site and "
        "the synonyms "
        "that the portal starts with. "
        "Safe to repeat: what was edited stays as it is, what was removed stays away."
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Add what is missing, all or nothing, so that an interrupted run can be repeated."""
        with transaction.atomic():
            counts = {
                "team": _add_teams(),
                "goal": _add_goals(),
                "question": _add_questions(),
                "text": _add_site_texts(),
                "name": _add_site_identity(),
                "synonym group": _add_synonyms(),
            }
        if not verbosity:
            return
        added = ", ".join(
            f"{number} {noun}{'s' if number > 1 else ''}"
            for noun, number in counts.items()
            if number
        )
        self.stdout.write(f"Starter content: {added} added." if added else "Nothing to add.")


def _add_teams() -> int:
    return sum(
        _add(ActionTeam(position=position, **fields)) for position, fields in enumerate(TEAMS, 1)
    )


def _add_goals() -> int:
    return sum(
        _add(Goal(team=team, position=position, **fields))
        for team in ActionTeam.objects.filter(slug__in=GOALS)
        for position, fields in enumerate(GOALS[team.slug], 1)
    )


def _add_questions() -> int:
    return sum(
        _add(FaqEntry(position=position, **fields)) for position, fields in enumerate(QUESTIONS, 1)
    )


def _add_site_texts() -> int:
    stored = set(SiteText.objects.values_list("place", flat=True))
    missing = [place for place in SITE_TEXTS if place not in stored]
    for place in missing:
        text = SiteText(place=place, text=SITE_TEXTS[place])
        save_with_history(text, None, "starter content")
    return len(missing)


def _add_site_identity() -> int:
    if SiteIdentity.objects.exists():
        return 0
    save_with_history(SiteIdentity(), None, "starter content")
    return 1


def _add_synonyms() -> int:
    """Store the groups and return how many, unless there is or ever was one."""
    if SynonymGroup.history.exists():
        return 0
    for words in SYNONYMS:
        save_with_history(SynonymGroup(words=words), None, "starter content")
    return len(SYNONYMS)


def _add(record: ActionTeam | Goal | FaqEntry) -> bool:
    """Store `record` and return True, unless one with its slug is or ever was there."""
    key: dict[str, Any] = {"slug": record.slug}
    if isinstance(record, Goal):
        key["team"] = record.team
    model = type(record)
    if model._default_manager.filter(**key).exists() or model.history.filter(**key).exists():
        return False
    # A team made by hand, under another slug.
    if isinstance(record, ActionTeam) and ActionTeam.objects.filter(name=record.name).exists():
        return False
    save_with_history(record, None, "starter content")
    return True
