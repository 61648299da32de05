"""What a decision would do, told from its rehearsal: a sentence, and the email as it would go."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef

from desk.changelist import counted
from members.models import Member
from members.services import Preview
from teams.models import ActionTeam, Membership


def effects(foreseen: Preview) -> str:
    """What a decision would do, counted, in one sentence; empty when it would do nothing."""
    state = partial(foreseen.count, "teams.membership", "status")
    opened = foreseen.keys("teams.membership", "status", "active")
    teams = Membership.objects.filter(pk__in=opened).values("team").distinct().count()
    memberships = counted(len(opened), "membership", "memberships")
    parts = [
        (foreseen.confirmed, "confirm {}", ("person", "people")),
        (len(opened), f"open {memberships} in {counted(teams, 'team', 'teams')}", None),
        (state("declined"), "decline {}", ("request", "requests")),
        (state("withdrawn"), "withdraw {}", ("request", "requests")),
        (state("ended"), "end {}", ("membership", "memberships")),
        (len(foreseen.mails), "send {}", ("email", "emails")),
    ]
    told = [
        words.format(counted(number, *noun)) if noun else words
        for number, words, noun in parts
        if number
    ]
    if not told:
        return ""
    return f"This will {' and '.join([', '.join(told[:-1]), told[-1]] if told[1:] else told)}."


def first_visible_email(foreseen: Preview, desk: Member) -> Any:
    """The first email whose reader waits for nothing but teams that `desk` looks after: it may
    name all that they asked for."""
    if desk.is_superuser or not foreseen.mails:
        return next(iter(foreseen.mails), None)
    addresses = [address for mail in foreseen.mails for address in mail.to]
    own = list(ActionTeam.objects.facilitated_by(desk).order_by().values_list("pk", flat=True))
    stays = Membership.objects.filter(member=OuterRef("pk"))
    seen = Member.objects.filter(Exists(stays.filter(team__in=own)), email__in=addresses)
    readable = seen.exclude(Exists(stays.waiting().exclude(team__in=own)))
    open_to_read = set(readable.values_list("email", flat=True))
    return next((mail for mail in foreseen.mails if open_to_read.issuperset(mail.to)), None)
