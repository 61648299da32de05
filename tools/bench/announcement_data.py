"""A team of many, an announcement to it, and codes, for tools/bench/announcements.py; imported once
Django is set up."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from post_office.models import STATUS, Email

from members.emails import address_code
from members.models import Member
from members.services import create_decision
from teams.actions import process_decision
from teams.models import ActionTeam, Announcement, Membership
from teams.services import create_announcement


def make_draft(people: int) -> Announcement:
    """Return a draft to a new team with that many members, by its facilitator."""
    now = timezone.now()
    team = ActionTeam.objects.create(name="Education", slug="education", summary="For a test.")
    facilitator = Member.objects.create_user("fay@rush.example", full_name="Fay", is_staff=True)
    team.facilitators.add(facilitator)
    members = Member.objects.bulk_create(
        Member(email=f"member-{number}@rush.example", full_name=f"Mo{number} Many")
        for number in range(people)
    )
    Membership.objects.bulk_create(
        Membership(
            member=member,
            team=team,
            status=Membership.Status.ACTIVE,
            origin=Membership.Origin.REQUESTED,
            requested_at=now,
            decided_at=now,
        )
        for member in members
    )
    body = "The rooms are booked. *Bring* two questions.\n\n" * 20
    draft = Announcement(team=team, subject="Rooms for the interviews", body=body)
    return create_announcement(draft, by=facilitator)


def press_send(draft: Announcement) -> None:
    """Send the announcement as the button at the desk does."""
    decision = create_decision(
        Announcement,
        "send",
        title="Send an announcement",
        keys=[draft.pk],
        form_data={},
        can_be_undone=True,
        by=draft.written_by,
    )
    process_decision(decision, seconds=60)
    draft.refresh_from_db()
    if draft.is_draft:
        raise SystemExit(f"Not sent: {decision.items.get().result_message}")


def let_emails_leave() -> None:
    """End the two minutes in which sending can be undone."""
    Email.objects.update(scheduled_time=None)


def ask_for_code(address: str) -> None:
    """Queue a sign-in code."""
    address_code(address, "BCDFGH", timezone.now() + timedelta(minutes=15))


def waiting() -> int:
    """Return how many emails of announcements wait."""
    waiting_emails = Email.objects.filter(status=STATUS.queued, team_email__isnull=False)
    number: int = waiting_emails.count()
    return number
