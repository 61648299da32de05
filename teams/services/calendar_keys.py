"""The address of a member's own calendar, which opens it without signing in."""

import secrets
from contextlib import suppress

from django.db import DatabaseError, transaction
from django.utils import timezone

from members.models import Member
from teams.models import CalendarKey


def new_calendar_key(member: Member) -> CalendarKey:
    """Give the calendar of `member` a new address, the first or another one; return its key. The
    old address ends at once."""
    values = {
        "nonce": secrets.token_hex(16),
        "created_at": timezone.now(),
        "last_used_on": None,
    }
    key, _ = CalendarKey.objects.update_or_create(member=member, defaults=values)
    return key


def end_calendar(member: Member) -> None:
    """End the address of the calendar of `member`, if it has one."""
    CalendarKey.objects.filter(member=member).delete()


def note_calendar_use(key: CalendarKey) -> None:
    """Note that the calendar was fetched today, once a day. The calendar is shown also where the
    database cannot be written."""
    today = timezone.localdate()
    if key.last_used_on != today:
        with suppress(DatabaseError), transaction.atomic():
            CalendarKey.objects.filter(pk=key.pk).update(last_used_on=today)
