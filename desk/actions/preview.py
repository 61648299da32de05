"""What a decision would do, from its preview: a sentence, and an email as it would be sent."""

from __future__ import annotations

from functools import partial

from django.db.models import Exists, OuterRef
from django.utils.text import get_text_list
from post_office.models import Email

from desk.changelist import counted
from members.models import Member
from members.services import Preview
from teams.models import ActionTeam, Membership

MEMBERSHIP = ("membership", "memberships")
REQUEST = ("request", "requests")


def describe_effects(preview: Preview) -> str:
    """Return what a decision would do, counted, in one sentence; empty if it would do nothing."""
    count = partial(preview.count, "teams.membership", "status")
    opened = preview.keys("teams.membership", "status", "active")
    teams = Membership.objects.filter(pk__in=opened).values("team").distinct().count()
    phrases = [
        (preview.confirmed_count, "confirm {}", ("person", "people")),
        (len(opened), "open {} in " + counted(teams, "team", "teams"), MEMBERSHIP),
        (count("declined"), "decline {}", REQUEST),
        (count("withdrawn"), "withdraw {}", REQUEST),
        (count("ended"), "end {}", MEMBERSHIP),
        (len(preview.emails), "send {}", ("email", "emails")),
    ]
    effects = [phrase.format(counted(number, *noun)) for number, phrase, noun in phrases if number]
    return f"This will {get_text_list(effects, 'and')}." if effects else ""


def first_visible_email(preview: Preview, staff: Member) -> Email | None:
    """Return the first email that `staff` may read: it may name every team its reader waits for.

    A facilitator may read it if they facilitate all of those teams.
    """
    if staff.is_superuser or not preview.emails:
        return next(iter(preview.emails), None)
    addresses = [address for email in preview.emails for address in email.to]
    own_teams = list(
        ActionTeam.objects.facilitated_by(staff).order_by().values_list("pk", flat=True)
    )
    memberships = Membership.objects.filter(member=OuterRef("pk"))
    visible = Member.objects.filter(
        Exists(memberships.filter(team__in=own_teams)), email__in=addresses
    )
    readable = visible.exclude(Exists(memberships.waiting().exclude(team__in=own_teams)))
    readable_addresses = set(readable.values_list("email", flat=True))
    return next(
        (email for email in preview.emails if readable_addresses.issuperset(email.to)), None
    )
