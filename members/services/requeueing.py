"""Failed emails, queued anew by an administrator."""

import logging
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from post_office.models import STATUS, Email, Log

from members.models import Member

log = logging.getLogger(__name__)


def failed_emails() -> QuerySet[Email]:
    """Emails that were given up; without those with a code, which is of no use any more."""
    found: QuerySet[Email] = Email.objects.filter(status=STATUS.failed, expires_at=None)
    return found


@transaction.atomic
def requeue_emails(keys: Iterable[int] | None, *, by: Member) -> int:
    """Queue these emails anew, with all their tries, if they were given up; None: all of them.

    Those with a sign-in code stay where they are. Who did it and when stands in the log of each
    email. Returns how many were queued.
    """
    failed = failed_emails()
    if keys is not None:
        failed = failed.filter(pk__in=keys)
    # Locked, so that of two who press at once one queues it.
    found = list(failed.select_for_update().order_by("pk").values_list("pk", flat=True))
    Email.objects.filter(pk__in=found).update(
        status=STATUS.queued, number_of_retries=0, scheduled_time=None
    )
    Log.objects.bulk_create(
        Log(email_id=key, status=STATUS.queued, message=f"Queued anew by member {by.pk}")
        for key in found
    )
    for key in found:
        log.info("Email %s queued anew by member %s", key, by.pk)
    return len(found)
