"""The facilitators' daily email: what waits, once a day, not once per request."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from members.models import Member
from teams import emails
from teams.services.waiting import Waiting, waiting_for


def send_digests(today: date) -> int:
    """Queue the day's digest for each facilitator for whom something waits; return how many.

    Each facilitator gets at most one a day, no matter how often and by how many processes this is
    called. There is none on weekends, and for goals without an update alone only on Mondays. A day
    in the future was stored by a wrong clock, and holds up nothing.
    """
    if today.weekday() >= 5:
        return 0
    sent = 0
    due = Member.objects.filter(is_active=True, is_staff=True).exclude(digest_sent_on=today)
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            facilitator = Member.objects.select_for_update(no_key=True).get(pk=pk)
            if facilitator.digest_sent_on == today:
                continue
            # Not a fact about the person: no line of history.
            Member.objects.filter(pk=pk).update(digest_sent_on=today)
            waiting = waiting_for(facilitator)
            if _is_worth_an_email(waiting, today):
                emails.facilitator_digest(facilitator, waiting)
                sent += 1
    return sent


def _is_worth_an_email(waiting: Mapping[str, Waiting], today: date) -> bool:
    weekly = set() if today.weekday() == 0 else {"goals"}
    return any(count.number for kind, count in waiting.items() if kind not in weekly)
