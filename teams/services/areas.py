"""Choosing and ending target areas, and storing figures about areas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.text import get_text_list

from members.models import Member
from members.services import Refused, save_with_history
from members.wording import end_sentence
from teams.areas import Area, all_areas
from teams.models import ActionTeam, TargetArea, UnemploymentFigure, UnemploymentSurvey
from teams.services.submissions import serialize_inserts


@dataclass(frozen=True)
class AreaRate:
    """What a survey found in one area: the rate in percent, and the numbers of people where the
    source has them."""

    area: Area
    rate: Decimal
    unemployed: int | None = None
    labor_force: int | None = None


@transaction.atomic
def choose_targets(
    team: ActionTeam, codes: Iterable[str], *, why: str, by: Member
) -> list[TargetArea]:
    """Make the areas with these codes targets of `team` from today on, for the reason `why`;
    return the new targets. Refuses without a reason, without an area, and areas that are targets
    of the team already."""
    if not why.strip():
        raise Refused("Say in one sentence why the team chooses these areas.")
    areas = [all_areas()[code] for code in dict.fromkeys(codes) if code in all_areas()]
    if not areas:
        raise Refused("Choose at least one area.")
    # Two facilitators may choose at the same time.
    ActionTeam.objects.select_for_update(no_key=True).get(pk=team.pk)
    chosen = set(team.target_areas.open().values_list("area_code", flat=True))
    if again := [str(area) for area in areas if area.code in chosen]:
        verb = "is already a target" if len(again) == 1 else "are already targets"
        raise Refused(f"{get_text_list(again, 'and')} {verb} of {team}. Nothing was changed.")
    targets = []
    for area in areas:
        target = TargetArea(team=team, area_code=area.code, why=why.strip(), chosen_by=by)
        save_with_history(target, by, "chosen as a target area")
        targets.append(target)
    return targets


@transaction.atomic
def end_target(target: TargetArea, *, reason: str, by: Member) -> TargetArea:
    """End a target area today, for `reason`; return the stored one. It stays in the history that
    everyone reads. Refuses one that has ended, and without a reason."""
    target = TargetArea.objects.select_for_update(no_key=True, of=["self"]).get(pk=target.pk)
    if target.ended_on:
        raise Refused(f"{target.area} is no longer a target of {end_sentence(target.team)}")
    if not reason.strip():
        raise Refused("Say in one sentence why it ends.")
    changes = {
        "ended_on": timezone.localdate(),
        "ended_why": reason.strip(),
        "ended_by": by,
    }
    save_with_history(target, by, "no longer a target area", **changes)
    return target


@transaction.atomic
def store_figures(
    survey: UnemploymentSurvey, rates: Sequence[AreaRate], *, by: Member
) -> UnemploymentSurvey:
    """Store a survey with its figures; return it. One of the same last year is replaced, older and
    newer ones stay."""
    # Two people may import the same years at once.
    serialize_inserts(UnemploymentSurvey)
    stored = UnemploymentSurvey.objects.select_for_update().filter(last_year=survey.last_year)
    if existing := stored.first():
        survey.pk = existing.pk
        survey._state.adding = False
        existing.figures.all().delete()
    changes = {
        name: getattr(survey, name)
        for name in ("name", "first_year", "last_year", "source", "source_url", "city_rate")
    }
    changes |= {"imported_by": by, "imported_at": timezone.now()}
    why = "imported again" if existing else "imported"
    save_with_history(survey, by, why, **changes)
    UnemploymentFigure.objects.bulk_create(
        UnemploymentFigure(
            survey=survey,
            area_code=each.area.code,
            rate=each.rate,
            unemployed=each.unemployed,
            labor_force=each.labor_force,
        )
        for each in rates
    )
    return survey
