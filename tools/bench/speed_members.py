"""Sign people in for bench/speed.py: prints a member's, an administrator's and fresh members'
session keys as JSON. Run with the environment of the portal that is measured."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")

import django  # noqa: E402  # the path comes first

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from members.models import Member, Organization  # noqa: E402
from members.services import save_with_history  # noqa: E402
from teams.models import ActionTeam, Membership  # noqa: E402


def session_of(member: Member) -> str:
    client = Client()
    client.force_login(member)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def fresh_members(number: int) -> list[Member]:
    """People who may join open teams at once, and are in none; of many organizations."""
    organizations = list(Organization.objects.recognized()[:100])
    people = []
    for index in range(number):
        person = Member(
            email=f"fresh{Member.objects.count()}.{index}@example.org",
            full_name=f"Fresh {index}",
            organization=organizations[index % len(organizations)],
            affiliation_confirmed_via="facilitator",
        )
        people.append(confirmed(person))
    return people


def confirmed(person: Member) -> Member:
    by = Member.objects.filter(is_superuser=True)[0]
    person.affiliation_confirmed_by = by
    person.affiliation_confirmed_at = by.date_joined
    save_with_history(person, by, "made up to measure")
    return person


def main(number: int) -> None:
    stay = Membership.objects.active().filter(member__is_staff=False)[0]
    team = ActionTeam.objects.filter(join_policy="open")[0]
    people = fresh_members(number)
    print(  # noqa: T201
        json.dumps(
            {
                "member": session_of(stay.member),
                "administrator": session_of(Member.objects.filter(is_superuser=True)[0]),
                "fresh": [session_of(person) for person in people],
                "team": team.slug,
                "cookie": settings.SESSION_COOKIE_NAME,
                "csrf": settings.CSRF_COOKIE_NAME,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
