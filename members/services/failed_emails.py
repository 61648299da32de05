"""Emails that failed for good, put back into the queue by an administrator."""

import logging
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from post_office.models import STATUS, Email, Log

from members.models import Member

log = logging.getLogger(__name__)


def failed_emails() -> QuerySet[Email]:
    """Return the emails that were given up, except those with a code, which has expired."""
    failed: QuerySet[Email] = Email.objects.filter(status=STATUS.failed, expires_at=None)
    return failed


@transaction.atomic
def requeue_emails(keys: Iterable[int] | None, *, by: Member) -> int:
    """Queue these emails again, with all their tries, if they were given up; None: all of them.

    Emails with a sign-in code are left out. The log of each email says who did it and when.
    Return how many were queued.
    """
    failed = failed_emails()
    if keys is not None:
        failed = failed.filter(pk__in=keys)
    # Locked, so that of two people who press at the same time one queues it.
    locked = list(failed.select_for_update().order_by("pk").values_list("pk", flat=True))
    Email.objects.filter(pk__in=locked).update(
        status=STATUS.queued, number_of_retries=0, scheduled_time=None
    )
    Log.objects.bulk_create(
        Log(email_id=key, status=STATUS.queued, message=f"Queued again by member {by.pk}")
        for key in locked
    )
    for key in locked:
        log.info("Email %s queued again by member %s", key, by.pk)
    return len(locked)
