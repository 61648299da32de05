"""The tool that fills the database that the portal is measured with."""

from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F, Min, Q
from post_office.models import Email

from members.models import EmailDomain, Member, Organization
from teams.models import (
    ActionTeam,
    Attendance,
    FaqEntry,
    Goal,
    Meeting,
    Membership,
    Question,
    Resource,
)
from tools.fill_big_database import Command

SMALL = {
    "organizations": 100,
    "members": 300,
    "memberships": 1500,
    "questions": 40,
    "emails": 10,
    "meetings": 40,
    "verbosity": 0,
}
FEW = SMALL | {"organizations": 20, "members": 60, "memberships": 200, "meetings": 10}


@pytest.fixture(autouse=True)
def development(settings):
    settings.DEBUG = True


def shares() -> dict[str, int]:
    return dict(Membership.objects.order_by().values_list("status").annotate(Count("pk")))


def test_fill_on_production_with_yes_creates_what_was_asked_for(db, settings):
    settings.DEBUG = False
    call_command(Command(), yes=True, **SMALL)
    _has_the_requested_numbers_and_every_kind()
    _memberships_are_in_order_without_overlaps()
    _records_are_visibly_fictional_and_have_history()


def _has_the_requested_numbers_and_every_kind() -> None:
    assert Organization.objects.count() == 100
    assert Member.objects.count() == 301  # and the administrator
    assert Membership.objects.count() == 1500
    assert Question.objects.count() == 40
    assert Email.objects.count() == 10
    assert Meeting.objects.count() == 40
    assert Resource.objects.exclude(meeting=None).exists()
    assert set(Attendance.objects.values_list("came", flat=True)) == {True, False, None}
    assert ActionTeam.objects.count() == 6
    assert Goal.objects.filter(updates=None).count() == 0
    assert FaqEntry.objects.filter(team=None).exists()
    assert set(shares()) == set(Membership.Status)
    origins = Membership.objects.order_by().values_list("origin", flat=True).distinct()
    assert set(origins) == set(Membership.Origin)
    by_status = dict(Organization.objects.order_by().values_list("status").annotate(Count("pk")))
    assert by_status["recognized"] > 80
    assert by_status["proposed"] == 3
    assert Organization.objects.to_decide().exists()
    assert 0 < Question.objects.waiting().count() < 10


def _memberships_are_in_order_without_overlaps() -> None:
    memberships: dict[tuple[int, int], list[Membership]] = {}
    for membership in Membership.objects.order_by("requested_at"):
        memberships.setdefault((membership.member_id, membership.team_id), []).append(membership)
    for earlier, later in [pair for group in memberships.values() for pair in pairwise(group)]:
        assert earlier.status not in Membership.CURRENT
        assert (earlier.ended_at or earlier.decided_at) <= later.requested_at
    wrong = Q(decided_at__lt=F("requested_at")) | Q(ended_at__lt=F("decided_at"))
    assert not Membership.objects.filter(wrong).exists()
    for team in ActionTeam.objects.all():
        assert all(person.is_staff for person in team.facilitators.all())
    faye = ActionTeam.objects.first().facilitators.first()
    assert ActionTeam.objects.facilitated_by(faye).count() == 2


def _records_are_visibly_fictional_and_have_history() -> None:
    assert not Member.objects.exclude(email__endswith=".example").exclude(
        email="administrator@example.org"
    )
    assert not EmailDomain.objects.exclude(domain__endswith=".example")
    assert not Organization.objects.exclude(name__contains="Example")
    membership = Membership.objects.active().first()
    history = membership.history.get()
    assert (history.history_date, history.source) == (membership.requested_at, "import")
    assert Organization.history.count() == Organization.objects.count()
    assert (
        Organization.history.aggregate(first=Min("history_date"))["first"] < membership.requested_at
    )


def members_of(seed: int) -> list[tuple[str, str]]:
    """Who a run with this seed makes; nothing of it stays."""
    with transaction.atomic():
        call_command(Command(), seed=seed, **FEW)
        by_status = list(Member.objects.order_by("pk").values_list("full_name", "job_title"))
        transaction.set_rollback(True)
    return by_status


def test_fill_with_the_same_seed_creates_the_same_people(db):
    assert members_of(1) == members_of(1)


def test_fill_refuses_a_database_with_people(member):
    with pytest.raises(CommandError, match="holds people"):
        call_command(Command(), **SMALL)
    assert Member.objects.count() == 2


def test_fill_refuses_production(db, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        call_command(Command(), **SMALL)
    assert not Member.objects.exists()


def test_fill_refuses_too_few(db):
    with pytest.raises(CommandError, match="at least 10"):
        call_command(Command(), **(SMALL | {"members": 3}))
    assert not Member.objects.exists()
