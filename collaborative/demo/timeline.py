"""The demo's past. Its services all ran a moment ago; here that becomes fourteen months.

Only times are moved, in the rows and in their history, and always by the same days: nothing
else of what the services wrote is touched, so no line of history is added.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Min
from django.utils import timezone

from members.models import Member, Organization
from teams.models import Goal, GoalUpdate, Membership, Question

FIRST_DAY = 425  # days ago
LAST_DAY = 25


def _days_ago(days: int) -> datetime:
    """Ten in the morning so many days ago; an hour ago, today."""
    if days == 0:
        return timezone.now() - timedelta(hours=1)
    day = timezone.localdate() - timedelta(days=days)
    return timezone.make_aware(datetime.combine(day, time(10)))


def date_report(update: GoalUpdate, days_ago: int) -> None:
    """Let `update`, the last report on its goal, be so many days old."""
    moment = _days_ago(days_ago)
    GoalUpdate.objects.filter(pk=update.pk).update(reported_at=moment)
    on = timezone.localdate(moment)
    Goal.objects.filter(pk=update.goal_id).update(reported_on=on)
    _move_newest_line(update.goal, moment, reported_on=on)


def date_question(question: Question, days_ago: int) -> None:
    """Let `question` be so many days old; its decision, if there is one, came two days later."""
    asked, decided = _days_ago(days_ago), None
    if question.decided_at:
        decided = asked + timedelta(days=2)
        _move_newest_line(question, decided, decided_at=decided)
    Question.objects.filter(pk=question.pk).update(asked_at=asked, decided_at=decided)
    question.history.update(asked_at=asked)
    question.history.filter(decided_at=None).update(history_date=asked)


def let_time_pass(addresses: Iterable[str]) -> None:
    """Spread what these people did, and their organizations, over the time since FIRST_DAY:
    one after the other, in the order in which they came. Of the requests that wait, the first
    came today and each further one a day earlier, so some are late."""
    people = Member.objects.filter(email__in=list(addresses))
    stays = Membership.objects.filter(member__in=people)
    for days, stay in enumerate(stays.waiting().order_by("-pk")):
        _move_stay(stay, days, 0)
    settled = stays.exclude(status=Membership.Status.REQUESTED).order_by("pk")
    step = (FIRST_DAY - LAST_DAY) / max(1, len(settled))
    for number, stay in enumerate(settled):
        _move_stay(stay, FIRST_DAY - round(number * step), number)
    for person in people.annotate(first=Min("memberships__requested_at")):
        _move_person(person, person.first or _days_ago(FIRST_DAY))
    employers = Organization.objects.filter(members__in=people)
    for employer in employers.distinct():
        _move_organization(employer)


def _move_stay(stay: Membership, days_ago: int, number: int) -> None:
    """Requested so many days ago; decided up to 9 days later by a person, at once by the email
    domain; ended after some weeks, withdrawn after two days."""
    requested = _days_ago(days_ago)
    decided = ended = None
    if stay.decided_at:
        decided = requested + timedelta(days=1 + number * 4 % 9 if stay.decided_by_id else 0)
    if stay.ended_at:
        weeks = timedelta(days=20 + number * 37 % 120) if decided else timedelta(days=2)
        ended = min((decided or requested) + weeks, _days_ago(1))
    Membership.objects.filter(pk=stay.pk).update(
        requested_at=requested, decided_at=decided, ended_at=ended
    )
    lines = stay.history.all()
    lines.update(requested_at=requested, history_date=requested)
    if decided:
        lines.exclude(decided_at=None).update(decided_at=decided, history_date=decided)
    if ended:
        lines.exclude(ended_at=None).update(ended_at=ended, history_date=ended)


def _move_person(person: Member, joined: datetime) -> None:
    confirmed = joined if person.affiliation_confirmed_at else None
    moved = {"date_joined": joined, "affiliation_confirmed_at": confirmed}
    Member.objects.filter(pk=person.pk).update(**moved)
    lines = person.history.all()
    lines.update(date_joined=joined, history_date=joined)
    lines.exclude(affiliation_confirmed_at=None).update(affiliation_confirmed_at=joined)


def _move_organization(employer: Organization) -> None:
    """Known since its first member; recognized the day before, or declined with a request."""
    created = employer.members.earliest("date_joined").date_joined
    if employer.is_recognized:
        created -= timedelta(days=1)
    decided = created if employer.decided_at else None
    declined = Membership.objects.filter(member__organization=employer, status="declined")
    if decided and not employer.is_recognized:
        decided = declined.latest("decided_at").decided_at
    Organization.objects.filter(pk=employer.pk).update(created_at=created, decided_at=decided)
    lines = employer.history.all()
    lines.update(created_at=created, history_date=created)
    lines.exclude(decided_at=None).update(decided_at=decided, history_date=decided)


def _move_newest_line(row: Any, moment: datetime, **values: Any) -> None:
    newest = row.history.first()
    row.history.filter(pk=newest.pk).update(history_date=moment, **values)
