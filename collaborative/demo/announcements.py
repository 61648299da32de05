"""The announcements of the demo, and a team of 50 that gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, product
from typing import Any

from django.utils import timezone
from post_office.models import Email

from collaborative.demo.data import CAREERS, HIRING, TRAINING
from collaborative.demo.timeline import backdate_announcement
from members.models import Member, Organization
from members.normalize import normalize_person_name
from members.services.importing import bulk_create
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementRecipient,
    EmailChoice,
    Meeting,
    Membership,
)
from teams.services import create_announcement, send_announcement
from teams.services.email_choices import choose_emails
from teams.services.team_emails import Reason

LARGE_TEAM = 50
JOINED_DAYS_AGO = 75
FIRST_NAMES = ("Alma", "Bela", "Cara", "Dean", "Egon", "Ines", "Otis", "Thea")
LAST_NAMES = ("Example", "Instance", "Mockup", "Pattern", "Sample", "Specimen")
Outcome = AnnouncementRecipient.Outcome
Wants = EmailChoice.Wants
# How the last members of the team want announcements.
CHOICES = [Wants.NONE, Wants.NONE, Wants.NONE, Wants.MONTHLY, Wants.MONTHLY]
# Of the first ones of an announcement, what became of their emails otherwise than sent.
PROBLEMS = [
    (Outcome.SKIPPED, Reason.LEFT),
    (Outcome.SKIPPED, Reason.STOPPED),
    (Outcome.FAILED, "the mail server refused it (552)"),
]


@dataclass(frozen=True)
class DemoAnnouncement:
    """An announcement: to a team (none: all teams), or to those who come to the meeting with this
    title; how many days ago it was sent, None for a draft; and what became of it."""

    subject: str
    body: str
    team: str = ""
    meeting: str = ""
    days_ago: int | None = None
    is_public: bool = False
    has_problems: bool = False
    # How many emails had left when it was stopped.
    stopped_after: int | None = None


ANNOUNCEMENTS = [
    DemoAnnouncement(
        "Rooms for the interviews in January",
        "Hello everyone,\n\nthe rooms for the made-up interviews are **booked**:\n\n"
        "- Tuesday: North Branch Example Health, Room 5\n- Thursday: online, at "
        "https://video.example.org/made-up-room\n\nPlease read [who can join](/faq/who-can-join/) "
        "before you invite anyone.\n\nThank you!",
        HIRING,
        days_ago=20,
        has_problems=True,
    ),
    DemoAnnouncement(
        "Interview questions (with the wrong date)",
        "The questions for the interviews on January 41 are ready.",
        HIRING,
        days_ago=12,
        stopped_after=8,
    ),
    DemoAnnouncement(
        "Job fair in spring: who helps?",
        "We look for four people who stand at our table.",
        HIRING,
    ),
    DemoAnnouncement(
        "Our list of skills is out",
        "The first list that all made-up employers agreed on is out. Everyone may use it.",
        TRAINING,
        days_ago=30,
        is_public=True,
    ),
    DemoAnnouncement("A new pathway into imaging", "It begins in February.", CAREERS, days_ago=5),
    DemoAnnouncement(
        "Where to park at the quarterly meeting",
        "Use the entrance on Example Avenue. The first two hours are free.",
        meeting="Sample quarterly meeting",
        days_ago=1,
    ),
    DemoAnnouncement(
        "The portal has announcements now",
        "Choose under *My emails* which ones you get by email.",
        days_ago=45,
    ),
]


def add_announcements(
    teams: Mapping[str, ActionTeam], facilitators: Mapping[str, Member], administrator: Member
) -> list[Member]:
    """Fill one team, and send it and others what facilitators write; return who joined. No email
    remains."""
    joined = _fill_team(teams[HIRING], administrator)
    for each in ANNOUNCEMENTS:
        by = facilitators[each.team] if each.team else administrator
        announcement = create_announcement(
            Announcement(
                team=teams.get(each.team),
                meeting=Meeting.objects.filter(title=each.meeting).first()
                if each.meeting
                else None,
                subject=each.subject,
                body=each.body,
                is_public=each.is_public,
            ),
            by=by,
        )
        if each.days_ago is not None:
            send_announcement(announcement, by=by)
            _deliver(announcement, each)
        backdate_announcement(announcement, each.days_ago or 2)
    return joined


def _fill_team(team: ActionTeam, by: Member) -> list[Member]:
    """Add members to `team` until it has LARGE_TEAM of them, and return them; some have stopped
    announcements."""
    joined_at = timezone.now() - timedelta(days=JOINED_DAYS_AGO)
    missing = LARGE_TEAM - team.memberships.active().count()
    employers = cycle(Organization.objects.recognized().order_by("pk"))
    members = []
    names = islice(product(LAST_NAMES, FIRST_NAMES), missing)
    for (last, first), employer in zip(names, employers, strict=False):
        domain = employer.domains.all()[0].domain
        name = f"{first} {last}"
        members.append(
            Member(
                email=f"{first}.{last}@{domain}".lower(),
                full_name=name,
                normalized_name=normalize_person_name(name),
                organization=employer,
                date_joined=joined_at,
                affiliation_confirmed_at=joined_at,
                affiliation_confirmed_via=Member.ConfirmedVia.DOMAIN,
            )
        )
    _store(members, joined_at, by)
    memberships = [
        Membership(
            member=member,
            team=team,
            status=Membership.Status.ACTIVE,
            origin=Membership.Origin.REQUESTED,
            requested_at=joined_at,
            decided_at=joined_at,
        )
        for member in members
    ]
    _store(memberships, joined_at, by)
    for member, wants in zip(members[::-1], CHOICES, strict=False):
        choose_emails(member, {(team.pk, EmailChoice.Kind.ANNOUNCEMENTS): wants})
    return members


def _store(records: Sequence[Any], at: datetime, by: Member) -> None:
    """Store new records, whose history begins at that time."""
    for record in records:
        record._history_date = at
    bulk_create(records, by, "joined")


def _deliver(announcement: Announcement, demo: DemoAnnouncement) -> None:
    """Let the emails be sent, or not, without sending any."""
    recipients = announcement.recipients.order_by("pk")
    Email.objects.filter(announcement_recipient__announcement=announcement).delete()
    recipients.filter(outcome=Outcome.QUEUED).update(outcome=Outcome.SENT)
    keys = list(recipients.values_list("pk", flat=True))
    if demo.has_problems:
        for key, (outcome, reason) in zip(keys[3:], PROBLEMS, strict=False):
            recipients.filter(pk=key).update(outcome=outcome, reason=reason)
    if demo.stopped_after is not None:
        stopped = {"outcome": Outcome.SKIPPED, "reason": Reason.ANNOUNCEMENT_STOPPED}
        recipients.filter(pk__in=keys[demo.stopped_after :]).update(**stopped)
        Announcement.objects.filter(pk=announcement.pk).update(stopped_at=timezone.now())
