"""Invitations by email: to facilitate a team, to administer, or to use an account that is there."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models import Member, Move
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.models.teams import ActionTeam

# After its last email.
INVITATION_VALIDITY = timedelta(days=30)
MAX_INVITATION_EMAILS = 3
INVITED_ALREADY = "This person is invited already. Send that invitation again from the list."
# No secret: it tells signatures apart.
TOKEN_SALT = "teams.models.invitations"  # noqa: S105


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        """Those that can be accepted."""
        return self.filter(
            accepted_at=None, cancelled_at=None, sent_at__gt=timezone.now() - INVITATION_VALIDITY
        )

    def of(self, member: Member) -> InvitationQuerySet:
        """Those that `member` accepted, or that went to an address of theirs, merged and former
        ones included; not to an address that is another person's by now."""
        accounts = [member, *member.merged_accounts.all()]
        former = Move.objects.former().filter(member__in=accounts).values("old_email")
        others = Member.objects.exclude(pk__in=[account.pk for account in accounts])
        return self.filter(
            Q(accepted_by__in=accounts)
            | Q(email__in=[account.email for account in accounts])
            | (Q(email__in=former) & ~Q(email__in=others.values("email")))
        )

    def with_token(self, token: str) -> Invitation | None:
        """Return the open invitation whose email holds `token`, or None."""
        try:
            pk = signing.loads(token, salt=TOKEN_SALT)
        except signing.BadSignature:
            return None
        return self.open().filter(pk=pk).select_related("team", "invited_by").first()


class Invitation(models.Model):
    """An invitation of the person at an address. It gives nothing before a code has proven the
    address."""

    class Role(models.TextChoices):
        MEMBER = "member", "Member"
        FACILITATOR = "facilitator", "Facilitator"
        ADMINISTRATOR = "administrator", "Administrator"

    email = models.EmailField("email address")
    role = models.CharField(max_length=13, choices=Role.choices)
    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="Which team a facilitator is for.",
    )
    teams = models.ManyToManyField(
        ActionTeam,
        blank=True,
        related_name="+",
        help_text="Which teams are ticked for a colleague who is invited to join.",
    )
    note = CleanCharField(
        max_length=200, blank=True, help_text="One line from you, which the email quotes."
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    sent_at = models.DateTimeField("invited on", default=timezone.now, editable=False)
    sent_count = models.PositiveSmallIntegerField("emails", default=1)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # When the person asked not to be written to again.
    declined_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["email", "note"])

    class Meta:
        ordering: ClassVar = ["-sent_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_invitation_role_known",
                condition=Q(role__in=["member", "facilitator", "administrator"]),
            ),
            models.CheckConstraint(
                name="teams_invitation_facilitator_has_a_team",
                condition=Q(role="facilitator", team__isnull=False)
                | Q(role__in=["member", "administrator"], team=None),
                violation_error_message="Choose the team that the person will facilitate; "
                "administrators see all teams.",
            ),
            models.CheckConstraint(
                name="teams_invitation_accepted_by_somebody",
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["email", "team"],
                condition=Q(team__isnull=False, accepted_at=None, cancelled_at=None),
                name="teams_invitation_one_per_address_and_team",
            ),
            models.UniqueConstraint(
                fields=["email", "role"],
                condition=Q(team=None, accepted_at=None, cancelled_at=None),
                name="teams_invitation_one_per_address_and_role",
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"

    @property
    def token(self) -> str:
        """What the link in its email holds."""
        return signing.dumps(self.pk, salt=TOKEN_SALT)

    @property
    def status(self) -> tuple[str, str]:
        """Kind and word of its badge."""
        if self.accepted_at:
            return "confirmed", "Accepted"
        if self.cancelled_at:
            return "closed", "Cancelled"
        if self.sent_at <= timezone.now() - INVITATION_VALIDITY:
            return "closed", "Expired"
        return "waiting", "Waiting"


class InvitationRefusal(models.Model):
    """Someone who asked not to be invited again: a keyed hash of their address, which tells nobody
    whose it is."""

    address_hash = models.CharField(max_length=64, unique=True)
    refused_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"A person who asked on {self.refused_at:%Y-%m-%d} not to be invited again"
