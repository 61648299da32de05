"""Which emails of their teams members get, and those that are on their way."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from post_office.models import Email

from members.models.history import LoggedRecords
from teams.models.announcements import Announcement
from teams.models.invitations import Invitation
from teams.models.meetings import Meeting
from teams.models.teams import ActionTeam


class EmailChoice(models.Model):
    """How a member wants one kind of emails from a team; without a record, each one.

    Emails about decisions on a person are not such a kind: they can never be stopped.
    """

    class Kind(models.TextChoices):
        ANNOUNCEMENTS = "announcements", "Announcements"
        MEETINGS = "meetings", "Meeting dates"
        REMINDERS = "reminders", "Meeting reminders"
        MATERIALS = "materials", "Minutes and materials"

    class Wants(models.TextChoices):
        EACH = "each", "Each one"
        MONTHLY = "monthly", "Once a month"
        NONE = "none", "None"

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="email_choices"
    )
    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="None: about meetings of the whole Collaborative.",
    )
    kind = models.CharField(max_length=13, choices=Kind.choices)
    wants = models.CharField(max_length=7, choices=Wants.choices, default=Wants.EACH)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    # The first day of the month whose summary is queued, or was not worth an email.
    summarized_on = models.DateField(null=True, editable=False)

    history = LoggedRecords(excluded_fields=["summarized_on"])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "team", "kind"],
                name="teams_emailchoice_once_per_team",
            ),
            models.UniqueConstraint(
                fields=["member", "kind"],
                condition=Q(team=None),
                name="teams_emailchoice_once_for_all",
            ),
            models.CheckConstraint(
                name="teams_emailchoice_kind_known",
                condition=Q(kind__in=["announcements", "meetings", "reminders", "materials"]),
            ),
            models.CheckConstraint(
                name="teams_emailchoice_wants_known",
                condition=Q(wants__in=["each", "none"])
                | Q(wants="monthly", kind__in=["announcements", "meetings", "materials"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}, {self.team or 'the Collaborative'}: {self.get_kind_display()}"


class TeamEmail(models.Model):
    """What the mail worker has to know of a queued email from a team: whether it is still to be
    sent, and the meeting whose calendar entry it carries."""

    class Method(models.TextChoices):
        """Of its calendar entry (RFC 5546)."""

        REQUEST = "REQUEST"
        CANCEL = "CANCEL"

    # What a link in the email stops: one kind of a team, or all that a member gets once a month.
    SUMMARY = "summary"
    KINDS: ClassVar = [*EmailChoice.Kind.choices, (SUMMARY, "Monthly summary")]

    email = models.OneToOneField(Email, on_delete=models.CASCADE, related_name="team_email")
    # None: a guest.
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    # Through which the member gets it; None: the whole Collaborative.
    team = models.ForeignKey(ActionTeam, on_delete=models.CASCADE, null=True, related_name="+")
    # Empty: it is about the person's own answer and cannot be stopped.
    kind = models.CharField(max_length=13, choices=KINDS, blank=True)
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, null=True, related_name="+")
    announcement = models.ForeignKey(
        Announcement, on_delete=models.CASCADE, null=True, related_name="+"
    )
    # Of a colleague, who may have no account.
    invitation = models.ForeignKey(
        Invitation, on_delete=models.CASCADE, null=True, related_name="emails"
    )
    # When the meeting begins, as the email says: one that was moved since sends another email.
    starts_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=7, choices=Method.choices, blank=True)

    def __str__(self) -> str:
        return f"Email {self.email_id} from a team"
