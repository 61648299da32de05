"""Who is in which team, and who asked to be."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.teams import ActionTeam
from teams.workdays import answer_expected_on, is_late

# Characters, of one line.
MAX_REQUEST_REASON_LENGTH = 200


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, member: Member) -> MembershipQuerySet:
        return self.filter(member=member)

    def active(self) -> MembershipQuerySet:
        return self.filter(status=Membership.Status.ACTIVE)

    def waiting(self) -> MembershipQuerySet:
        return self.filter(status=Membership.Status.REQUESTED)

    def current(self) -> MembershipQuerySet:
        """Requested or active: at most one for each member and team."""
        return self.filter(status__in=Membership.CURRENT)

    def to_decide(self) -> MembershipQuerySet:
        """Requests that wait for nothing but a facilitator's yes or no."""
        return self.waiting().filter(
            member__affiliation_confirmed_at__isnull=False,
            member__organization__status="recognized",
        )

    def to_confirm(self) -> MembershipQuerySet:
        """Requests that wait until someone confirms who the person works for."""
        return self.waiting().filter(
            member__affiliation_confirmed_at=None, member__organization__status="recognized"
        )

    def visible_to(self, member: Member | AnonymousUser) -> MembershipQuerySet:
        """What a facilitator may see and decide: the memberships of their teams."""
        if not isinstance(member, Member) or not member.is_staff:
            return self.none()
        return self if member.is_superuser else self.filter(team__facilitators=member)

    def listed_for(self, member: Member) -> MembershipQuerySet:
        """As `visible_to`, for long lists: the keys of the teams are looked up at once, so that
        the database knows how few they are."""
        if member.is_superuser or not member.is_staff:
            return self.visible_to(member)
        teams = ActionTeam.objects.facilitated_by(member).order_by()
        return self.filter(team__in=list(teams.values_list("pk", flat=True)))

    def joined(self, start: datetime, end: datetime) -> MembershipQuerySet:
        """Memberships that began from `start` on and before `end`."""
        return self.filter(
            status__in=[Membership.Status.ACTIVE, Membership.Status.ENDED],
            decided_at__gte=start,
            decided_at__lt=end,
        )

    def ended(self, start: datetime, end: datetime) -> MembershipQuerySet:
        """Memberships that ended from `start` on and before `end`."""
        return self.filter(status=Membership.Status.ENDED, ended_at__gte=start, ended_at__lt=end)

    def answered(self, start: datetime, end: datetime) -> MembershipQuerySet:
        """Requests that a person decided, from `start` on and before `end`."""
        return self.filter(
            origin=Membership.Origin.REQUESTED,
            status__in=[
                Membership.Status.ACTIVE,
                Membership.Status.DECLINED,
                Membership.Status.ENDED,
            ],
            decided_by__isnull=False,
            decided_at__gte=start,
            decided_at__lt=end,
            # Else it waited again after a move, and was decided before that.
            requested_at__lte=F("decided_at"),
        )


class Membership(models.Model):
    """One member in one team, from the request to the end.

    A state machine: only `teams.services.transitions` writes the status. An ended membership is
    never reopened and never deleted: joining again starts a new one.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", "Waiting"
        ACTIVE = "active", "Active"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        ENDED = "ended", "Ended"

    class Origin(models.TextChoices):
        REQUESTED = "requested", "Requested by the member"
        ADDED = "added", "Added by a facilitator"
        IMPORTED = "imported", "Imported from a file"

    CURRENT = (Status.REQUESTED, Status.ACTIVE)

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, related_name="memberships")
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.REQUESTED, editable=False
    )
    origin = models.CharField(
        max_length=9, choices=Origin.choices, default=Origin.REQUESTED, editable=False
    )
    requested_at = models.DateTimeField("requested", default=timezone.now, editable=False)
    decided_at = models.DateTimeField("decided", null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Empty: the email domain decided.",
    )
    ended_at = models.DateTimeField("ended", null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    reason = CleanTextField(blank=True, editable=False)
    request_reason = CleanCharField(
        "reason for asking",
        max_length=MAX_REQUEST_REASON_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What the member wrote with the request, for those who decide it.",
    )

    objects = MembershipQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "team"],
                condition=Q(status__in=["requested", "active"]),
                name="teams_membership_one_open_per_member_and_team",
                violation_error_message="This person already belongs to the team or waits for it.",
            ),
            models.CheckConstraint(
                name="teams_membership_status_known",
                condition=Q(status__in=["requested", "active", "declined", "withdrawn", "ended"]),
            ),
            models.CheckConstraint(
                name="teams_membership_origin_known",
                condition=Q(origin__in=["requested", "added", "imported"]),
            ),
            models.CheckConstraint(
                name="teams_membership_decided_carry_time",
                # A request that was decided before was active until its member moved.
                condition=Q(status__in=["requested", "withdrawn"], decided_at=None)
                | Q(status__in=["requested", "withdrawn"], decided_at__lte=F("requested_at"))
                | Q(status__in=["active", "declined", "ended"], decided_at__isnull=False),
                violation_error_message="A decided request carries the time of the decision.",
            ),
            models.CheckConstraint(
                name="teams_membership_ended_carry_time",
                condition=Q(status__in=["requested", "active", "declined"], ended_at=None)
                | Q(status__in=["withdrawn", "ended"], ended_at__isnull=False),
                violation_error_message="An ended membership carries the time of its end.",
            ),
            models.CheckConstraint(
                name="teams_membership_declined_with_reason",
                condition=~Q(status="declined") | ~Q(reason=""),
                violation_error_message="Say why the request is declined.",
            ),
        ]
        indexes: ClassVar = [
            # The lists read their pages from these; the fields at the end say which rows count.
            models.Index(
                F("requested_at").desc(),
                F("id").desc(),
                F("team"),
                F("status"),
                name="teams_membership_newest",
            ),
            models.Index(
                F("status"),
                F("requested_at").desc(),
                F("id").desc(),
                F("team"),
                name="teams_membership_status",
            ),
            models.Index(fields=["team", "member", "status"], name="teams_membership_people"),
            # The statistics read nothing but these.
            models.Index(
                fields=["team", "status"],
                name="teams_membership_now",
                condition=Q(status__in=["requested", "active"]),
            ),
            models.Index(
                fields=["member", "team"],
                name="teams_membership_active",
                condition=Q(status="active"),
            ),
            # Of all memberships: SQLite uses an index under a condition of several statuses only
            # where the query spells these out, and Django passes them as parameters.
            models.Index(
                fields=["team", "decided_at", "status", "requested_at", "origin", "decided_by"],
                name="teams_membership_decided",
            ),
            models.Index(
                fields=["team", "ended_at"],
                name="teams_membership_ended",
                condition=Q(status="ended"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.team} ({self.get_status_display().lower()})"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.REQUESTED

    @property
    def waits_again(self) -> bool:
        """Whether it was active, and waits since its member moved to another employer; then
        `decided_at` is still the day on which the membership began."""
        return self.is_waiting and self.decided_at is not None

    @property
    def needs_approval(self) -> bool:
        """Whether a facilitator of the team decides when the employer is confirmed."""
        return not (self.team.is_open or self.waits_again)

    @property
    def answer_expected_on(self) -> date:
        """By when the facilitators promise an answer."""
        return answer_expected_on(self.requested_at)

    @property
    def is_late(self) -> bool:
        """Whether a request waits for longer than was promised."""
        return self.is_waiting and is_late(self.requested_at)

    @property
    def waits_for(self) -> str:
        """What a request waits for: "organization", "affiliation" or "approval"."""
        organization = self.member.organization
        if organization is None or not organization.is_recognized:
            return "organization"
        return "approval" if self.member.is_affiliation_confirmed else "affiliation"
