"""What people suggest as a resource."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.resources import Resource
from teams.models.submissions import Submission, SubmissionQuerySet


class ResourceSuggestion(Submission):
    """A link that someone suggests as a resource, and what became of it."""

    SENT_AT = "suggested_at"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PUBLISHED = "published", "Published"
        DISMISSED = "dismissed", "Dismissed"

    url = models.URLField("address", max_length=500)
    title = CleanCharField(max_length=150)
    text = CleanTextField("why it helps", max_length=500, blank=True)
    email = models.EmailField("suggester’s address", blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.WAITING, editable=False
    )
    suggested_at = models.DateTimeField("suggested", default=timezone.now, editable=False)
    # What the suggester reads: why it was dismissed.
    answer = CleanTextField(blank=True, editable=False)
    published_as = models.ForeignKey(
        Resource,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="suggestions",
    )

    objects = SubmissionQuerySet["ResourceSuggestion"].as_manager()
    history = LoggedRecords(excluded_fields=["email"])

    class Meta:
        ordering: ClassVar = ["-suggested_at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["status", "suggested_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_resourcesuggestion_decided_carry_time",
                condition=Q(status="waiting", decided_at=None, decided_by=None)
                | Q(
                    status__in=["published", "dismissed"],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="teams_resourcesuggestion_published_as_resource",
                condition=Q(status="published", published_as__isnull=False)
                | (~Q(status="published") & Q(published_as=None)),
            ),
        ]

    def __str__(self) -> str:
        return self.title
