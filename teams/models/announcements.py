"""Emails that facilitators write to their teams, and what became of each of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from post_office.models import Email

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.attendance import Attendance
from teams.models.meetings import Meeting, MeetingQuerySet, team_keys
from teams.models.teams import MARKDOWN_HELP, ActionTeam


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    def sent(self) -> AnnouncementQuerySet:
        """All but drafts, the newest first; none of a team that is a draft itself."""
        drafts = Q(team__state=ActionTeam.State.DRAFT)
        return self.filter(status=Announcement.Status.SENT).exclude(drafts).order_by("-sent_at")

    def public(self) -> AnnouncementQuerySet:
        """What every visitor may read: what was ticked for the public page of its team."""
        return self.sent().filter(is_public=True, team__isnull=False)

    def addressed_to(
        self, keys: Collection[int], meetings: MeetingQuerySet | Collection[int]
    ) -> AnnouncementQuerySet:
        """Those that were sent to a member, the newest first: to the teams with these `keys` (the
        member's `team_keys`), before they joined as well; to all teams, if there are any; and to
        those who come to one of `meetings`, which are the member's `meetings_of`."""
        is_addressed = Q(team__in=keys) | Q(meeting__in=meetings)
        if keys:
            is_addressed |= Q(team=None, meeting=None)
        return self.sent().filter(is_addressed)

    def visible_to(
        self, person: Member | AnonymousUser, keys: Collection[int] | None = None
    ) -> AnnouncementQuerySet:
        """The announcements that exist for `person`: public ones; for members those that are
        addressed to them; for facilitators, drafts too, what they may write. `keys` are their
        `team_keys`, where these are known; else one query finds them."""
        if not isinstance(person, Member):
            return self.public()
        if person.is_superuser:
            return self
        if keys is None:
            keys = team_keys(person)
        every = Announcement.objects
        addressed = every.addressed_to(keys, meetings_of(person, keys))
        seen = Q(pk__in=every.public().order_by().values("pk"))
        seen |= Q(pk__in=addressed.order_by().values("pk"))
        if person.is_staff:
            seen |= Q(pk__in=every.editable_by(person).order_by().values("pk"))
        return self.filter(seen)

    def editable_by(self, staff: Member) -> AnnouncementQuerySet:
        """Those to the teams that `staff` facilitates, and to those who come to meetings that
        they plan; administrators write to all teams."""
        if not staff.is_staff:
            return self.none()
        if staff.is_superuser:
            return self
        own_teams = ActionTeam.objects.facilitated_by(staff).order_by().values("pk")
        own_meetings = Meeting.objects.editable_by(staff).order_by().values("pk")
        return self.filter(Q(team__in=own_teams) | Q(meeting__in=own_meetings))


def meetings_of(member: Member, keys: Collection[int]) -> MeetingQuerySet:
    """Return the meetings, past ones too, to which `member`, whose `team_keys` are `keys`, said
    that they come, and which they still see."""
    answers = Attendance.objects.filter(member=member, answer__in=Attendance.COMING)
    meetings = Meeting.objects.visible_to(member, keys).order_by()
    return meetings.filter(pk__in=answers.values("meeting"))


class Announcement(models.Model):
    """An email to a team, to those who come to a meeting, or to the members of all teams.

    `teams.services.announcements` alone writes the status. What was sent stays as it was read.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SENT = "sent", "Sent"

    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="announcements",
        help_text="Its active members get it. Neither team nor meeting: the members of all teams.",
    )
    meeting = models.ForeignKey(
        Meeting,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="announcements",
        help_text="Those who said that they come get it.",
    )
    subject = CleanCharField(max_length=120)
    body = CleanTextField("text", help_text=MARKDOWN_HELP)
    is_public = models.BooleanField(
        "also on the public page of the team",
        default=False,
        help_text="Everyone can read it there, without anybody’s name.",
    )
    status = models.CharField(
        max_length=5, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    # Replies go to this person.
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    # Emails that had not left by then never do.
    stopped_at = models.DateTimeField(null=True, editable=False)
    # When it was sent: how many had it in their monthly summary, or had stopped these emails.
    monthly_number = models.PositiveIntegerField(default=0, editable=False)
    stopped_number = models.PositiveIntegerField(default=0, editable=False)
    # What became of the emails, once it is no longer stored who got one.
    sent_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failed_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    skipped_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    bounced_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = AnnouncementQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["team", "sent_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_announcement_status_known",
                condition=Q(status__in=["draft", "sent"]),
            ),
            models.CheckConstraint(
                name="teams_announcement_one_audience",
                condition=Q(team=None) | Q(meeting=None),
                violation_error_message="Write to a team or to the attendees of a meeting, not "
                "to both.",
            ),
            models.CheckConstraint(
                name="teams_announcement_sent_with_time",
                condition=Q(status="draft", sent_at=None, sent_by=None)
                | Q(status="sent", sent_at__isnull=False, sent_by__isnull=False),
            ),
            models.CheckConstraint(
                name="teams_announcement_public_without_meeting",
                condition=Q(is_public=False) | Q(meeting=None),
                violation_error_message="What you write to the attendees of a meeting is not "
                "shown to everyone.",
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    def get_absolute_url(self) -> str:
        return reverse("announcement_detail", args=[self.pk])

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def audience(self) -> str:
        """To whom it goes, in words."""
        if self.meeting:
            return f"Attendees of {self.meeting}"
        return f"Members of {self.team}" if self.team else "Members of all teams"


class AnnouncementRecipient(models.Model):
    """One person to whom an announcement was sent, and whether it arrived."""

    class Outcome(models.TextChoices):
        QUEUED = "queued", "Waiting to be sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Could not be sent"
        SKIPPED = "skipped", "Not sent"
        BOUNCED = "bounced", "Came back"

    announcement = models.ForeignKey(
        Announcement, on_delete=models.CASCADE, related_name="recipients"
    )
    # Either a member, or a guest of the meeting.
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    guest = models.ForeignKey(Attendance, on_delete=models.CASCADE, null=True, related_name="+")
    # Kept for some days after it was sent.
    email = models.OneToOneField(
        Email, on_delete=models.SET_NULL, null=True, related_name="announcement_recipient"
    )
    outcome = models.CharField(max_length=7, choices=Outcome.choices, default=Outcome.QUEUED)
    # Such as "left the team".
    reason = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["announcement", "member"],
                condition=Q(member__isnull=False),
                name="teams_announcementrecipient_once_per_member",
            ),
            models.UniqueConstraint(
                fields=["announcement", "guest"],
                condition=Q(guest__isnull=False),
                name="teams_announcementrecipient_once_per_guest",
            ),
            models.CheckConstraint(
                name="teams_announcementrecipient_outcome_known",
                condition=Q(outcome__in=["queued", "sent", "failed", "skipped", "bounced"]),
            ),
            models.CheckConstraint(
                name="teams_announcementrecipient_member_or_guest",
                condition=Q(member=None) ^ Q(guest=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member or self.guest}: {self.get_outcome_display()}"
