"""The fixtures of people are what their functions make, in whatever order a test names them."""

from datetime import UTC, datetime

import pytest

from collaborative.tests import cast
from conftest import make_member, membership_of
from members.models import Member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_cast_returns_what_is_stored(request):
    for function in cast._functions:
        made = request.getfixturevalue(function.__name__)
        for record in made if isinstance(made, list) else [made]:
            fields = [field.attname for field in record._meta.concrete_fields]
            stored = type(record)._base_manager.values(*fields).get(pk=record.pk)
            assert {field: getattr(record, field) for field in fields} == stored
            histories = getattr(record, "history", None)
            assert histories is None or histories.count() == 1


def test_cast_refers_to_the_records_of_this_test(requests, member, organization, team, facilitator):
    assert member.organization is organization
    assert requests[0].member is member
    assert list(team.facilitators.all()) == [facilitator]
    member.full_name = "Changed Name"
    assert cast._parts["member"].made.full_name == "Maria Member"


def test_cast_is_made_now(monkeypatch, request):
    now = datetime(2031, 5, 6, 7, 8, 9, 10, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    member = request.getfixturevalue("member")
    assert member.date_joined == Member.objects.get(pk=member.pk).date_joined == now
    assert member.history.get().history_date == now


def test_cast_leaves_its_keys_to_nobody_else(request):
    early = make_member("early@rush.example")
    assert request.getfixturevalue("colleague").pk < early.pk
    assert request.getfixturevalue("approver").pk < early.pk


@pytest.mark.parametrize("organization", [None])
def test_cast_belongs_to_what_a_test_says(member, organization, team):
    assert Member.objects.get(pk=member.pk).organization is None
    assert membership_of(member, team).is_active
