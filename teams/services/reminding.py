"""The facilitators' daily email: what waits, once a day, not once per request."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from members.models import Member
from teams import emails
from teams.services.waiting import Waiting, waiting_for


def send_digests(today: date) -> int:
    """Queue the day's digest for each facilitator for whom something waits; returns how many.

    Once a day and facilitator, however often and by however many processes it is called.
    Weekends bring none, and goals without an update alone bring one on Mondays only.
    """
    if today.weekday() >= 5:
        return 0
    sent = 0
    due = Member.objects.filter(is_active=True, is_staff=True).exclude(digest_sent_on__gte=today)
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            facilitator = Member.objects.select_for_update(no_key=True).get(pk=pk)
            if facilitator.digest_sent_on and facilitator.digest_sent_on >= today:
                continue
            # Not a fact about the person: no history line.
            Member.objects.filter(pk=pk).update(digest_sent_on=today)
            waiting = waiting_for(facilitator)
            if _is_worth_a_mail(waiting, today):
                emails.facilitator_digest(facilitator, waiting)
                sent += 1
    return sent


def _is_worth_a_mail(waiting: Mapping[str, Waiting], today: date) -> bool:
    nags = set() if today.weekday() == 0 else {"goals"}
    return any(count.number for kind, count in waiting.items() if kind not in nags)
