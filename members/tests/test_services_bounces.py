"""What is known about addresses from which emails came back, and when it no longer counts."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from members.models import Bounce
from members.services import (
    Refused,
    anonymize_member,
    delete_old_bounces,
    has_bounced,
    record_bounce,
    save_with_history,
    settle_bounce,
)
from members.services.moving import change_address

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_note_bounce_opens_one_record_and_counts_further_emails(member, colleague):
    assert not has_bounced(member)
    first = record_bounce(member, member.email.upper(), "5.1.1")
    assert has_bounced(member)
    assert not has_bounced(colleague)
    second = record_bounce(member, member.email, "")
    assert second == first == Bounce.objects.get()
    assert (second.number, second.status_code) == (2, "5.1.1")
    assert second.first_at < second.last_at
    assert [version.history_type for version in second.history.all()] == ["~", "+"]
    assert record_bounce(member, member.email, "5.1.10").status_code == "5.1.10"


def test_note_bounce_of_a_former_address_changes_nothing(member):
    assert record_bounce(member, "former@rush.example", "5.1.1") is None
    assert not Bounce.objects.exists()


def test_note_bounce_of_a_closed_account_changes_nothing(member):
    address = member.email
    anonymize_member(member)
    assert record_bounce(member, address, "5.1.1") is None
    member.refresh_from_db()
    assert record_bounce(member, member.email, "5.1.1") is None


def test_note_bounce_of_an_email_from_before_the_answer_opens_nothing(member):
    sent_at = timezone.now()
    settle_bounce(record_bounce(member, member.email, "5.1.1"), by=member)
    assert record_bounce(member, member.email, "5.1.1", sent_at=sent_at) is None
    assert not has_bounced(member)
    later = timezone.now() + timedelta(seconds=1)
    assert record_bounce(member, member.email, "5.1.1", sent_at=later)
    assert Bounce.objects.count() == 2


def test_settle_bounce_answers_once(member, facilitator):
    bounce = settle_bounce(record_bounce(member, member.email, "5.1.1"), by=facilitator)
    assert not has_bounced(member)
    assert (bounce.settled_by, bounce.history.first().history_user) == (facilitator, facilitator)
    with pytest.raises(Refused, match="already been answered"):
        settle_bounce(bounce, by=member)
    bounce.refresh_from_db()
    assert bounce.settled_by == facilitator


def test_change_address_settles_what_came_back(member, organization):
    record_bounce(member, member.email, "5.1.1")
    change_address(member, "maria.new@rush.example", "", by=member, why="moved")
    member.refresh_from_db()
    assert not has_bounced(member)
    bounce = Bounce.objects.get()
    assert bounce.settled_at
    assert bounce.history.first().history_change_reason == "the address changed"


def test_has_bounced_is_about_the_present_address(member):
    """However an address changes: by hand at the database, too."""
    record_bounce(member, member.email, "5.1.1")
    save_with_history(member, None, "corrected", email="right@rush.example")
    assert not has_bounced(member)


def test_anonymize_member_erases_what_came_back(member, colleague):
    record_bounce(member, member.email, "5.1.1")
    record_bounce(colleague, colleague.email, "5.1.1")
    anonymize_member(member)
    assert Bounce.objects.get().member == colleague
    assert {version.member_id for version in Bounce.history.all()} == {colleague.pk}


def test_bounce_is_open_once_for_an_address(member):
    Bounce.objects.create(member=member, address=member.email)
    with pytest.raises(IntegrityError):
        Bounce.objects.create(member=member, address=member.email)


def test_delete_old_bounces_keeps_what_is_open_and_what_was_settled_lately(member, colleague):
    old = settle_bounce(record_bounce(member, member.email, "5.1.1"), by=member)
    Bounce.objects.update(settled_at=timezone.now() - timedelta(days=181))
    lately = settle_bounce(record_bounce(member, member.email, "5.1.1"), by=member)
    still_open = record_bounce(colleague, colleague.email, "5.1.1")
    delete_old_bounces()
    assert {*Bounce.objects.all()} == {lately, still_open}
    assert not Bounce.history.filter(id=old.pk).exists()
    assert Bounce.history.count() == 3
