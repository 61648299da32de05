"""The facilitators' daily mail: what waits, once a day, not once per request."""

from datetime import date

from django.db import transaction

from members.models import Member, Organization
from teams import emails
from teams.models import Membership


def waiting_for(facilitator: Member) -> dict[str, int]:
    """How much waits for `facilitator`: organizations (shared), affiliations and requests of
    their teams."""
    visible = Membership.objects.visible_to(facilitator)
    return {
        "organizations": Organization.objects.to_decide().count(),
        "affiliations": visible.to_confirm().values("member").distinct().count(),
        "requests": visible.to_decide().count(),
    }


def send_digests(today: date) -> int:
    """Queue the day's digest for each facilitator for whom something waits; returns how many.

    Once a day and facilitator, however often and by however many processes it is called.
    Weekends bring none.
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
            if any(waiting.values()):
                emails.facilitator_digest(facilitator, **waiting)
                sent += 1
    return sent
