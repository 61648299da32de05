"""Reminders of goals to those who report on them: before the day by which they are due, and after.

Whom a goal concerns: its owner, or without one all facilitators of its team. What was sent is noted
with the emails, with the goal locked, so that any number of processes remind once.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from members.models import Bounce, Member
from teams import emails
from teams.models import ActionTeam, Goal
from teams.workdays import is_working_day

NOTICE = timedelta(days=14)


def send_goal_reminders(today: date) -> int:
    """Queue the reminders that are due; return of how many goals. On a working day each open goal
    is reminded of once in the two weeks before its day, and once after it. A goal that got
    another day since is reminded of again."""
    if not is_working_day(today):
        return 0
    goals = Goal.objects.open().exclude(team__state=ActionTeam.State.DRAFT)
    soon = Q(due_on__gte=today, due_on__lte=today + NOTICE) & (
        Q(reminded_on=None) | Q(reminded_on__lt=F("due_on") - NOTICE)
    )
    past = Q(due_on__lt=today) & (
        Q(overdue_reminded_on=None) | Q(overdue_reminded_on__lte=F("due_on"))
    )
    keys = list(goals.filter(soon | past).order_by("due_on", "pk").values_list("pk", flat=True))
    return sum(_remind(key, today) for key in keys)


@transaction.atomic
def _remind(key: int, today: date) -> bool:
    """Remind of one goal, unless another process has done so since; return whether it did."""
    goal = (
        Goal.objects.select_for_update(no_key=True, of=["self"]).select_related("team").get(pk=key)
    )
    if goal.due_on is None or goal.state in Goal.OVER:
        return False
    is_past = goal.due_on < today
    noted = goal.overdue_reminded_on if is_past else goal.reminded_on
    since = goal.due_on if is_past else goal.due_on - NOTICE - timedelta(days=1)
    if noted and noted > since:
        return False
    # Not a fact about the goal: no line of history.
    name = "overdue_reminded_on" if is_past else "reminded_on"
    Goal.objects.filter(pk=key).update(**{name: today})
    for person in _concerned(goal):
        emails.goal_due(goal, person, is_past=is_past)
    return True


def _concerned(goal: Goal) -> list[Member]:
    """Return who is reminded of `goal`; nobody to whose address emails come back."""
    people = goal.team.facilitators.filter(is_active=True)
    if goal.owner_id and (owner := people.filter(pk=goal.owner_id)):
        people = owner
    bounced = Bounce.objects.open().filter(member=OuterRef("pk"))
    return list(people.exclude(Exists(bounced)).order_by("pk"))
