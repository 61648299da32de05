"""What happened in a period, in words, from the data as it stands. It only reads.

Each kind takes a few queries, whatever the number of records, and what every visitor may see:
nobody's name, nothing of a team that is a draft, nothing for members only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator, get_text_list

from members.models import UNDO_WINDOW, Decision, DecisionItem, Organization
from members.wording import end_sentence
from teams.models import (
    ActionTeam,
    FaqEntry,
    GoalUpdate,
    Meeting,
    Resource,
    ReviewLine,
    TargetArea,
    Topic,
    TopicStep,
    amount,
    amount_of,
)

Kind = ReviewLine.Kind
MAX_TEXT = 300
# In the line about areas that were chosen together.
MAX_AREAS_NAMED = 6


@dataclass(frozen=True)
class Days:
    """A period, the first and the last day included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """Its first moment, in Central Time."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.last + timedelta(days=1))

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def collect_lines(days: Days) -> tuple[list[ReviewLine], int]:
    """Return what happened in `days` as lines that are not stored, by kind and day; and how many
    more are left out because the decision behind them can still be undone."""
    undoable = _undoable_records()
    lines, left_out = [], 0
    for collect in _COLLECTORS:
        for line, records in collect(days):
            if undoable.isdisjoint(records):
                lines.append(line)
            else:
                left_out += 1
    order = list(Kind)
    lines.sort(key=lambda line: (order.index(Kind(line.kind)), line.happened_on, line.text))
    return lines, left_out


# A record by the label of its model and its key, as in the changes of a decision.
_Record = tuple[str, int]
# A line, and the records from which it would be gone if a decision about them were undone.
_Collected = tuple[ReviewLine, list[_Record]]


def _undoable_records() -> set[_Record]:
    """Return what was changed by decisions that can still be undone, or are just being undone."""
    recent = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - UNDO_WINDOW)
    decisions = Decision.objects.filter(recent, can_be_undone=True)
    items = DecisionItem.objects.filter(decision__in=decisions, outcome=DecisionItem.Outcome.DONE)
    return {
        (change["model"], change["pk"])
        for changes in items.values_list("changes", flat=True)
        for change in changes
    }


def _line(kind: Kind, key: object, day: date, text: str, path: str) -> ReviewLine:
    if isinstance(day, datetime):
        day = timezone.localdate(day)
    return ReviewLine(
        kind=kind,
        object_key=str(key),
        happened_on=day,
        text=Truncator(text).chars(MAX_TEXT),
        path=path,
    )


def _goals(days: Days) -> list[_Collected]:
    """The goals with a report: what the last one said, and the number before the period."""
    reported = GoalUpdate.objects.public().filter(
        reported_at__gte=days.start, reported_at__lt=days.end
    )
    updates = list(reported.select_related("goal__team").order_by("reported_at", "pk"))
    last = {update.goal_id: update for update in updates}
    values = {update.goal_id: update.value for update in updates if update.value is not None}
    earlier = GoalUpdate.objects.filter(reported_at__lt=days.start, value__isnull=False)
    reported_before = dict(
        earlier.filter(goal__in=reported.order_by().values("goal"))
        .order_by("reported_at", "pk")
        .values_list("goal", "value")
    )
    collected: list[_Collected] = []
    for key, update in last.items():
        goal = update.goal
        number = _number(values.get(key), reported_before.get(key), goal.target, goal.unit)
        words = ", ".join(filter(None, [update.get_state_display().lower(), number]))
        text = f"{goal.team.name}, “{goal.title}”: {words}. {update.sentence}"
        path = f"{goal.team.get_absolute_url()}#goal-{goal.slug}"
        collected.append((_line(Kind.GOAL, key, update.reported_at, text, path), []))
    return collected


def _number(now: Decimal | None, before: Decimal | None, target: Decimal | None, unit: str) -> str:
    """Return "9 of 12 organizations (7 before)"; empty without a number from the period."""
    if now is None:
        return ""
    words = amount_of(now, target, unit)
    if before in {None, now}:
        return words
    return f"{words} ({amount(before, '%' if unit == '%' else '')} before)"


def _meetings(days: Days) -> list[_Collected]:
    """The public meetings that took place."""
    meetings = Meeting.objects.public().past()
    held = meetings.filter(starts_at__gte=days.start, starts_at__lt=days.end)
    collected: list[_Collected] = []
    for meeting in held.prefetch_related("teams"):
        minutes = " Its minutes are published." if meeting.minutes else ""
        names = get_text_list([team.name for team in meeting.teams.all()], "and")
        whose = end_sentence(names or "the whole Collaborative")
        text = f"{meeting.title}, {meeting.get_kind_display().lower()} of {whose}{minutes}"
        line = _line(Kind.MEETING, meeting.pk, meeting.day, text, meeting.get_absolute_url())
        collected.append((line, [("teams.meeting", meeting.pk)]))
    return collected


def _resources(days: Days) -> list[_Collected]:
    """The public resources that were added and are not archived."""
    resources = Resource.objects.visible_to(AnonymousUser())
    collected: list[_Collected] = []
    for each in resources.filter(added_at__gte=days.start, added_at__lt=days.end):
        publisher = f", from {each.publisher}" if each.publisher else ""
        text = f"{each.get_kind_display()}: {each.title}{publisher}"
        line = _line(Kind.RESOURCE, each.pk, each.added_at, text, each.get_absolute_url())
        collected.append((line, [("teams.resource", each.pk)]))
    return collected


def _organizations(days: Days) -> list[_Collected]:
    """The organizations that were recognized, and never before: neither under a former name."""
    recognized = Organization.objects.recognized()
    decided = recognized.filter(decided_at__gte=days.start, decided_at__lt=days.end)
    keys = decided.order_by().values("pk")
    names = Organization.objects.filter(Q(pk__in=keys) | Q(merged_into__in=keys)).order_by()
    before = Organization.history.filter(
        id__in=names.values("pk"),
        status=Organization.Status.RECOGNIZED,
        history_date__lt=days.start,
    )
    known = set(before.values_list("id", flat=True))
    former = names.filter(pk__in=before.order_by().values("id"))
    known |= set(former.values_list("merged_into", flat=True))
    collected: list[_Collected] = []
    for each in decided:
        if each.pk in known:
            continue
        kind = f" ({each.get_kind_display().lower()})" if each.kind else ""
        # Recognized organizations are named there.
        path, decided_at = reverse("organization_list"), each.decided_at or each.created_at
        line = _line(Kind.ORGANIZATION, each.pk, decided_at, f"{each.name}{kind}", path)
        collected.append((line, [("members.organization", each.pk)]))
    return collected


def _answers(days: Days) -> list[_Collected]:
    """The published entries of the FAQ that are new, or whose question or answer reads otherwise
    than before the period: not what was changed and changed back."""
    entries = {entry.pk: entry for entry in FaqEntry.objects.published()}
    changed = FaqEntry.history.filter(history_date__gte=days.start, history_date__lt=days.end)
    versions = FaqEntry.history.filter(
        id__in=changed.order_by().values("id"), history_date__lt=days.end
    ).order_by("history_date", "history_id")
    before: dict[int, tuple[str, str] | None] = {}
    after: dict[int, tuple[str, str] | None] = {}
    changed_at: dict[int, datetime] = {}
    existed: set[int] = set()
    fields = ("id", "history_date", "history_type", "is_published", "question", "answer")
    for key, moment, kind, is_published, question, answer in versions.values_list(*fields):
        if key not in before and kind != "+":
            # From before there was a history.
            existed.add(key)
        content = (question, answer) if is_published else None
        if moment < days.start:
            before[key] = content
        elif content != after.get(key, before.get(key)):
            changed_at[key] = moment
        before.setdefault(key, None)
        after[key] = content
    collected: list[_Collected] = []
    for key, moment in changed_at.items():
        entry = entries.get(key)
        if entry is None or after[key] in {None, before[key]}:
            continue
        word = "Changed" if before[key] or key in existed else "New"
        text = f"{word}: {entry.question}"
        line = _line(Kind.ANSWER, key, moment, text, entry.get_absolute_url())
        collected.append((line, [("teams.faqentry", key)]))
    return collected


def _topics(days: Days) -> list[_Collected]:
    """The public topics about which something was decided: the last step, and why."""
    steps = (
        TopicStep.objects.filter(
            topic__in=Topic.objects.public().order_by().values("pk"),
            taken_at__gte=days.start,
            taken_at__lt=days.end,
        )
        .exclude(state__in=[Topic.State.WAITING, Topic.State.DISMISSED])
        # It may have been classified into a team of which nobody knows yet, and into another since.
        .exclude(team__state=ActionTeam.State.DRAFT)
        .select_related("topic", "team")
        .order_by("taken_at", "pk")
    )
    last = {step.topic_id: step for step in steps}
    collected: list[_Collected] = []
    for key, step in last.items():
        team = f", {step.team.name}" if step.team else ""
        text = f"{step.topic.title}: {step.get_state_display().lower()}{team}. {step.why}"
        line = _line(Kind.TOPIC, key, step.taken_at, text, step.topic.get_absolute_url())
        collected.append((line, [("teams.topic", key), ("teams.topicstep", step.pk)]))
    return collected


def _target_areas(days: Days) -> list[_Collected]:
    """The target areas that were chosen or ended: one line for those of a team that were so on the
    same day with the same words."""
    chosen = Q(since__gte=days.first, since__lte=days.last)
    ended = Q(ended_on__gte=days.first, ended_on__lte=days.last)
    targets = TargetArea.objects.public().filter(chosen | ended).select_related("team")
    together: dict[tuple[int, date, str, bool], list[TargetArea]] = {}
    for target in targets.order_by("pk"):
        is_ended = target.ended_on is not None and target.ended_on in days
        day, why = (target.ended_on, target.ended_why) if is_ended else (target.since, target.why)
        together.setdefault((target.team_id, day or target.since, why, is_ended), []).append(target)
    collected: list[_Collected] = []
    for (_, day, why, is_ended), group in together.items():
        first = group[0]
        word = "a target area" if len(group) == 1 else "target areas"
        state = f"no longer {word}" if is_ended else word
        text = f"{_area_names(group)}: {state} of {end_sentence(first.team.name)} {why}"
        path = first.area.get_absolute_url() if len(group) == 1 else reverse("area_list")
        line = _line(Kind.TARGET_AREA, first.pk, day, text, path)
        collected.append((line, [("teams.targetarea", each.pk) for each in group]))
    return collected


def _area_names(targets: list[TargetArea]) -> str:
    """Return the names of the areas in words, of many the first ones: the reason has to fit in."""
    names = sorted(target.area.name for target in targets)
    if len(names) > MAX_AREAS_NAMED:
        more = len(names) - MAX_AREAS_NAMED + 1
        names = [*names[: MAX_AREAS_NAMED - 1], f"{more} more areas"]
    return get_text_list(names, "and")


_COLLECTORS: list[Callable[[Days], list[_Collected]]] = [
    _goals,
    _meetings,
    _resources,
    _organizations,
    _answers,
    _topics,
    _target_areas,
]
