"""The past of the demo: its services all ran a moment ago, and here that becomes fourteen months.

Only times are changed, in the records and in their history, and always together: nothing else of
what the services wrote is touched, so no history is added.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Min
from django.utils import timezone

from members.models import Bounce, Member, Move, Organization
from teams.models import Announcement, Goal, GoalUpdate, Membership, Question

FIRST_DAYS_AGO = 425
LAST_DAYS_AGO = 25


def _days_ago(days: int) -> datetime:
    """Return ten in the morning that many days ago; an hour ago for 0."""
    if days == 0:
        return timezone.now() - timedelta(hours=1)
    day = timezone.localdate() - timedelta(days=days)
    return timezone.make_aware(datetime.combine(day, time(10)))


def backdate_goal_update(update: GoalUpdate, days_ago: int) -> None:
    """Make `update`, the last one of its goal, that many days old."""
    reported_at = _days_ago(days_ago)
    reported_on = timezone.localdate(reported_at)
    GoalUpdate.objects.filter(pk=update.pk).update(reported_at=reported_at)
    Goal.objects.filter(pk=update.goal_id).update(reported_on=reported_on)
    _backdate_last_history(update.goal, reported_at, reported_on=reported_on)


def backdate_question(question: Question, days_ago: int) -> None:
    """Make `question` that many days old, and its decision, if any, two days younger."""
    asked_at, decided_at = _days_ago(days_ago), None
    if question.decided_at:
        decided_at = asked_at + timedelta(days=2)
        _backdate_last_history(question, decided_at, decided_at=decided_at)
    Question.objects.filter(pk=question.pk).update(asked_at=asked_at, decided_at=decided_at)
    question.history.update(asked_at=asked_at)
    question.history.filter(decided_at=None).update(history_date=asked_at)


def backdate_move(move: Move, days_ago: int) -> None:
    """Make `move`, and what its member and their memberships did with it, that many days old."""
    at = _days_ago(days_ago)
    changed_at = at if move.changed_at else None
    Move.objects.filter(pk=move.pk).update(created_at=at, changed_at=changed_at)
    move.history.update(created_at=at, changed_at=changed_at, history_date=at)
    if changed_at is None:
        return
    _backdate_last_history(move.member, at)
    for membership in Membership.objects.of(move.member).waiting():
        if membership.waits_again:
            Membership.objects.filter(pk=membership.pk).update(requested_at=at)
            _backdate_last_history(membership, at, requested_at=at)


def backdate_bounce(bounce: Bounce, days_ago: int) -> None:
    """Make `bounce` that many days old."""
    times = {"first_at": _days_ago(days_ago), "last_at": _days_ago(days_ago)}
    Bounce.objects.filter(pk=bounce.pk).update(**times)
    bounce.history.update(history_date=times["first_at"], **times)


def backdate_announcement(announcement: Announcement, days_ago: int) -> None:
    """Make `announcement` that many days old; one that was stopped was so within minutes."""
    at = _days_ago(days_ago)
    current = Announcement.objects.get(pk=announcement.pk)
    times = {"created_at": at}
    if current.sent_at:
        times |= {"sent_at": at}
    if current.stopped_at:
        times |= {"stopped_at": at + timedelta(minutes=6)}
    Announcement.objects.filter(pk=current.pk).update(**times)
    current.recipients.update(changed_at=at)
    current.history.update(created_at=at, history_date=at)
    current.history.exclude(sent_at=None).update(sent_at=at)


def backdate_people(emails: Iterable[str]) -> None:
    """Spread what these people did, and their organizations, over the time since FIRST_DAYS_AGO.

    Memberships keep their order. Of the open requests the first came today and each further one a
    day earlier, so some are overdue.
    """
    people = Member.objects.filter(email__in=list(emails))
    memberships = Membership.objects.filter(member__in=people)
    for days, request in enumerate(memberships.waiting().order_by("-pk")):
        _backdate_membership(request, days, 0)
    decided = memberships.exclude(status=Membership.Status.REQUESTED).order_by("pk")
    step = (FIRST_DAYS_AGO - LAST_DAYS_AGO) / max(1, len(decided))
    for number, membership in enumerate(decided):
        _backdate_membership(membership, FIRST_DAYS_AGO - round(number * step), number)
    for member in people.annotate(first=Min("memberships__requested_at")):
        _backdate_member(member, member.first or _days_ago(FIRST_DAYS_AGO))
    for organization in Organization.objects.filter(members__in=people).distinct():
        _backdate_organization(organization)


def _backdate_membership(membership: Membership, days_ago: int, number: int) -> None:
    """Requested that many days ago; decided by a person up to 9 days later, or at once by the email
    domain; ended after some weeks, withdrawn after two days. `number` varies the lengths."""
    requested_at = _days_ago(days_ago)
    decided_at = ended_at = None
    if membership.decided_at:
        days = 1 + number * 4 % 9 if membership.decided_by_id else 0
        decided_at = requested_at + timedelta(days=days)
    if membership.ended_at:
        active = timedelta(days=20 + number * 37 % 120) if decided_at else timedelta(days=2)
        ended_at = min((decided_at or requested_at) + active, _days_ago(1))
    Membership.objects.filter(pk=membership.pk).update(
        requested_at=requested_at, decided_at=decided_at, ended_at=ended_at
    )
    history = membership.history.all()
    history.update(requested_at=requested_at, history_date=requested_at)
    if decided_at:
        history.exclude(decided_at=None).update(decided_at=decided_at, history_date=decided_at)
    if ended_at:
        history.exclude(ended_at=None).update(ended_at=ended_at, history_date=ended_at)


def _backdate_member(member: Member, joined_at: datetime) -> None:
    confirmed_at = joined_at if member.affiliation_confirmed_at else None
    Member.objects.filter(pk=member.pk).update(
        date_joined=joined_at, affiliation_confirmed_at=confirmed_at
    )
    history = member.history.all()
    history.update(date_joined=joined_at, history_date=joined_at)
    history.exclude(affiliation_confirmed_at=None).update(affiliation_confirmed_at=joined_at)


def _backdate_organization(organization: Organization) -> None:
    """Created with its first member; recognized the day before, or declined with a request."""
    created_at = organization.members.earliest("date_joined").date_joined
    if organization.is_recognized:
        created_at -= timedelta(days=1)
    decided_at = created_at if organization.decided_at else None
    if decided_at and not organization.is_recognized:
        declined = Membership.objects.filter(member__organization=organization, status="declined")
        decided_at = declined.latest("decided_at").decided_at
    Organization.objects.filter(pk=organization.pk).update(
        created_at=created_at, decided_at=decided_at
    )
    history = organization.history.all()
    history.update(created_at=created_at, history_date=created_at)
    history.exclude(decided_at=None).update(decided_at=decided_at, history_date=decided_at)


def _backdate_last_history(record: Any, moment: datetime, **values: Any) -> None:
    last = record.history.first()
    record.history.filter(pk=last.pk).update(history_date=moment, **values)
