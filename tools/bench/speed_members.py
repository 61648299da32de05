"""Signs people in for tools/bench/speed.py, and prints the session keys of a member, an
administrator and new members as JSON. Run it with the environment of the measured portal."""

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


def session_key(member: Member) -> str:
    client = Client()
    client.force_login(member)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def add_members(number: int) -> list[Member]:
    """Return new members of many organizations, who may join open teams and are in none."""
    organizations = list(Organization.objects.recognized()[:100])
    members = []
    for index in range(number):
        member = Member(
            email=f"new{Member.objects.count()}.{index}@example.org",
            full_name=f"New {index}",
            organization=organizations[index % len(organizations)],
            affiliation_confirmed_via="facilitator",
        )
        members.append(confirm_affiliation(member))
    return members


def confirm_affiliation(member: Member) -> Member:
    administrator = Member.objects.filter(is_superuser=True)[0]
    member.affiliation_confirmed_by = administrator
    member.affiliation_confirmed_at = administrator.date_joined
    save_with_history(member, administrator, "made up to measure")
    return member


def main(number: int) -> None:
    membership = Membership.objects.active().filter(member__is_staff=False)[0]
    team = ActionTeam.objects.filter(join_policy="open")[0]
    new_members = add_members(number)
    print(  # noqa: T201
        json.dumps(
            {
                "member": session_key(membership.member),
                "administrator": session_key(Member.objects.filter(is_superuser=True)[0]),
                "new_members": [session_key(member) for member in new_members],
                "team": team.slug,
                "cookie": settings.SESSION_COOKIE_NAME,
                "csrf": settings.CSRF_COOKIE_NAME,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
