"""Who is coming to a meeting, and who came."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from members.models import Organization
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.models.meetings import Meeting


class AttendanceQuerySet(models.QuerySet["Attendance"]):
    def coming(self) -> AttendanceQuerySet:
        """Who has a place, or joins online."""
        return self.filter(answer__in=Attendance.COMING, waiting_since=None)

    def of_organizations(self, keys: Collection[int]) -> QuerySet[Any]:
        """For the organizations with these keys, and for those that were merged into them."""
        merged = Q(organization__merged_into__in=keys)
        return self.filter(Q(organization__in=keys) | merged).with_employer()

    def with_employer(self) -> QuerySet[Any]:
        """With `employer`, the key of the organization as it is now: where it was merged, of that
        into which it was."""
        return self.annotate(employer=Coalesce("organization__merged_into", "organization"))

    def waiting(self) -> AttendanceQuerySet:
        """Who waits for a place, in the order in which they get one."""
        return self.filter(waiting_since__isnull=False).order_by("waiting_since", "pk")


class Attendance(models.Model):
    """What a member, or a guest of a public meeting, answered, and whether they came.

    `teams.services.answers` alone writes answers and the waiting list, with the meeting locked.
    """

    class Answer(models.TextChoices):
        IN_PERSON = "in-person", "I will come"
        ONLINE = "online", "I will join online"
        NO = "no", "I cannot come"

    COMING = (Answer.IN_PERSON, Answer.ONLINE)

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="attendances")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="attendances",
    )
    # Of guests; erased some time after the meeting.
    guest_name = CleanCharField(max_length=150, blank=True)
    guest_email = models.EmailField("email address", blank=True)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="attendances",
        help_text="For which the person comes: theirs at the time of the meeting.",
    )
    answer = models.CharField(max_length=9, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField("on the waiting list since", null=True, blank=True)
    came = models.BooleanField(null=True, blank=True)

    objects = AttendanceQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["guest_name", "guest_email"])

    class Meta:
        ordering: ClassVar = ["answered_at", "pk"]
        verbose_name_plural = "attendance"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["meeting", "member"],
                condition=Q(member__isnull=False),
                name="teams_attendance_once_per_member",
            ),
            models.UniqueConstraint(
                fields=["meeting", "guest_email"],
                condition=~Q(guest_email=""),
                name="teams_attendance_once_per_guest",
            ),
            models.CheckConstraint(
                name="teams_attendance_answer_known",
                condition=Q(answer__in=["", "in-person", "online", "no"]),
            ),
            models.CheckConstraint(
                name="teams_attendance_answered_with_time",
                condition=Q(answer="") | Q(answered_at__isnull=False),
            ),
            models.CheckConstraint(
                name="teams_attendance_member_or_guest",
                condition=Q(member=None) | Q(guest_name="", guest_email=""),
            ),
            models.CheckConstraint(
                name="teams_attendance_waits_for_a_place",
                condition=Q(waiting_since=None) | Q(answer="in-person"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member or self.guest_name or 'A guest'}, {self.meeting}"
