"""The one change set: what is captured, what it says of the source, and what it leaves behind."""

from django.utils import timezone
from post_office.models import Email

from members import emails
from members.history.changesets import (
    ChangeSource,
    capture_changes,
    change_source,
    current_change_set,
    current_change_source,
)
from members.services import bulk_save_with_history, save_with_history


def test_capture_changes_notes_old_and_new_values(member, administrator):
    with capture_changes() as change_set:
        save_with_history(member, administrator, "renamed", full_name="Maria M.")
    (change,) = change_set.changes
    assert (change["model"], change["pk"]) == ("members.member", member.pk)
    assert (change["old"], change["new"]) == (
        {"full_name": "Maria Member"},
        {"full_name": "Maria M."},
    )


def test_capture_changes_notes_emails_one_by_one_and_in_bulk(member, colleague):
    until = timezone.now()
    with capture_changes(until) as change_set:
        emails.account_closed(member)
        with emails.bulk_queue():
            emails.account_closed(colleague)
    queued = Email.objects.order_by("pk")
    assert change_set.email_keys == [email.pk for email in queued]
    assert {email.scheduled_time for email in queued} == {until}


def test_capture_changes_of_an_inner_block_stay_inside(member, administrator):
    with capture_changes() as outer, capture_changes() as inner:
        save_with_history(member, administrator, "renamed", full_name="Maria M.")
    assert (len(outer.changes), len(inner.changes)) == (0, 1)


def test_change_source_inside_keeps_what_is_captured(member, colleague, administrator):
    with capture_changes() as change_set, change_source(ChangeSource.BULK):
        bulk_save_with_history([member, colleague], administrator, "tidied", job_title="HR")
    assert len(change_set.changes) == 2
    assert member.history.first().source == ChangeSource.BULK
    assert current_change_source() == ChangeSource.HAND


def test_change_set_that_is_not_captured_keeps_nothing(member, administrator):
    save_with_history(member, administrator, "renamed", full_name="Maria M.")
    emails.account_closed(member)
    assert (current_change_set().changes, current_change_set().email_keys) == ([], [])


def test_collect_emails_stores_none(member):
    with emails.collect_emails() as collected:
        emails.account_closed(member)
    assert [email.to for email in collected] == [[member.email]]
    assert not Email.objects.exists()
