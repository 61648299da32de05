"""By when people are promised an answer, and when one is late."""

from datetime import date, datetime, time

from django.conf import settings
from django.utils import timezone

from teams.workdays import add_working_days, answered_late_before


def answer_expected_on(asked_at: datetime) -> date:
    """Return the day by which an answer is promised to what was asked at `asked_at`."""
    return add_working_days(timezone.localdate(asked_at), settings.ANSWER_WORKING_DAYS)


def is_late(asked_at: datetime) -> bool:
    """Return whether the day is over by which an answer was promised."""
    return answer_expected_on(asked_at) < timezone.localdate()


def late_before() -> datetime:
    """Return the moment for queries: what was asked before it and still waits is late."""
    day = answered_late_before(timezone.localdate(), settings.ANSWER_WORKING_DAYS)
    return timezone.make_aware(datetime.combine(day, time.min))
