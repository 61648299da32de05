"""Invitations by email: to facilitate a team, to administer, to use an account that is there, or
to join teams as a colleague of the member who invites."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.text import get_text_list

from members.clickable_text import clickable_part, validate_not_clickable
from members.models import Member, Move
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.models.memberships import Membership
from teams.models.teams import ActionTeam

# After its last email.
INVITATION_VALIDITY = timedelta(days=30)
MAX_INVITATION_EMAILS = 3
# Between two emails of a member to a colleague.
RESEND_AFTER = timedelta(days=1)
MAX_NOTE_LENGTH = 200
INVITED_ALREADY = "This person is invited already. Send that invitation again from the list."
# No secret: it tells signatures apart.
TOKEN_SALT = "teams.models.invitations"  # noqa: S105


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        """Those that can be accepted."""
        return self.filter(
            accepted_at=None, cancelled_at=None, sent_at__gt=timezone.now() - INVITATION_VALIDITY
        )

    def of_colleagues(self) -> InvitationQuerySet:
        """Those to join teams, which members and facilitators send."""
        return self.filter(role=Invitation.Role.COLLEAGUE)

    def of_staff(self) -> InvitationQuerySet:
        """Those to facilitate and to administer."""
        return self.filter(role__in=[Invitation.Role.FACILITATOR, Invitation.Role.ADMINISTRATOR])

    def sent_by(self, member: Member) -> InvitationQuerySet:
        """Those of colleagues that `member` sent, also from an account that was merged into
        theirs."""
        return self.of_colleagues().filter(Q(invited_by=member) | Q(invited_by__merged_into=member))

    def with_joined(self, memberships: models.QuerySet[Membership]) -> InvitationQuerySet:
        """Annotate `is_joined`: whether the person accepted and has one of `memberships`, those
        that the reader may know of. To all other readers the invitation is as it was before."""
        person = Q(member=OuterRef("accepted_by")) | Q(member=OuterRef("accepted_by__merged_into"))
        return self.annotate(is_joined=Exists(memberships.filter(person)))

    def of(self, member: Member) -> InvitationQuerySet:
        """Those that `member` accepted, or that went to an address of theirs, merged and former
        ones included; not to an address that is another person's now."""
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
        # To use an account that staff have made.
        MEMBER = "member", "Member"
        # To join teams; by a member or a facilitator.
        COLLEAGUE = "colleague", "Colleague"
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
        max_length=MAX_NOTE_LENGTH,
        blank=True,
        validators=[validate_not_clickable],
        help_text="A note from you, which the email quotes.",
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
    # Counts the emails that were sent; one that the person would not want is never sent.
    delivered_count = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["email", "note", "delivered_count", "delivered_at"])

    class Meta:
        ordering: ClassVar = ["-sent_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_invitation_role_known",
                condition=Q(role__in=["member", "colleague", "facilitator", "administrator"]),
            ),
            models.CheckConstraint(
                name="teams_invitation_facilitator_has_a_team",
                condition=Q(role="facilitator", team__isnull=False)
                | Q(role__in=["member", "colleague", "administrator"], team=None),
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
                condition=Q(
                    team=None,
                    role__in=["member", "administrator"],
                    accepted_at=None,
                    cancelled_at=None,
                ),
                name="teams_invitation_one_per_address_and_role",
            ),
            # Several members may invite one colleague: nobody learns of the others.
            models.UniqueConstraint(
                fields=["email", "invited_by"],
                condition=Q(role="colleague", accepted_at=None, cancelled_at=None),
                name="teams_invitation_one_per_address_and_inviter",
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
        """Kind and word of its badge, for those who may know that it was accepted."""
        if self.accepted_at:
            return "confirmed", "Accepted"
        return self.status_before_joining

    @property
    def status_before_joining(self) -> tuple[str, str]:
        """Kind and word of its badge, for those who may not know whether it was accepted."""
        if self.cancelled_at:
            return "closed", "Cancelled"
        return ("closed", "Expired") if self.is_expired else ("waiting", "Waiting")

    @property
    def shown_status(self) -> tuple[str, str]:
        """Kind and word of its badge, for the reader for whom `is_joined` was annotated."""
        # Annotated by `with_joined`.
        is_joined: bool = self.is_joined  # type: ignore[attr-defined]
        return self.status if is_joined else self.status_before_joining

    @property
    def shown_state(self) -> str:
        return self.shown_status[1]

    @property
    def team_names(self) -> str:
        """The teams that a colleague is invited to, in words."""
        return get_text_list([team.name for team in self.teams.all()], "and")

    @property
    def is_expired(self) -> bool:
        return self.sent_at <= timezone.now() - INVITATION_VALIDITY

    @property
    def is_sent_often(self) -> bool:
        return self.sent_count >= MAX_INVITATION_EMAILS

    @property
    def resend_from(self) -> datetime:
        """When the member who invites can send it again."""
        return self.sent_at + RESEND_AFTER

    @property
    def can_be_resent(self) -> bool:
        return not self.is_sent_often and timezone.now() >= self.resend_from

    @property
    def inviter_name(self) -> str:
        """Who invites, in an email to a person whom the portal does not know: a name that mail
        programs would make a link of is left out."""
        name = self.invited_by.full_name
        return "A member" if not name or clickable_part(name) else name

    @property
    def inviter_organization(self) -> str:
        """The employer of the member who invites, or ""."""
        organization = self.invited_by.organization
        return organization.name if organization else ""


class InvitationRefusal(models.Model):
    """Someone who asked not to be invited again: a keyed hash of their address, which tells nobody
    whose it is."""

    address_hash = models.CharField(max_length=64, unique=True)
    refused_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"A person who asked on {self.refused_at:%Y-%m-%d} not to be invited again"
