"""What happened since the last quarterly meeting: built from data, and published for good."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.teams import MARKDOWN_HELP


class ReviewQuerySet(models.QuerySet["Review"]):
    def published(self) -> ReviewQuerySet:
        return self.filter(status=Review.Status.PUBLISHED)


class Review(models.Model):
    """What the Collaborative did in some months. While it is a draft, its lines are collected from
    the data; once published it never changes, and corrections are added."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    slug = models.SlugField("address", max_length=40, unique=True, editable=False)
    # The first day, which is that of the quarterly meeting before, and the last one.
    begins_on = models.DateField("from")
    ends_on = models.DateField("to")
    intro = CleanTextField("in a paragraph", max_length=2000, blank=True, help_text=MARKDOWN_HELP)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = ReviewQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-ends_on", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_review_status_known", condition=Q(status__in=["draft", "published"])
            ),
            models.CheckConstraint(
                name="teams_review_ends_after_beginning",
                condition=Q(ends_on__gte=F("begins_on")),
                violation_error_message="The last day is before the first one.",
            ),
            models.CheckConstraint(
                name="teams_review_published_with_time",
                condition=Q(status="draft", published_at=None)
                | Q(status="published", published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Since {self.begins_on:%B} {self.begins_on.day}, {self.begins_on.year}"

    def get_absolute_url(self) -> str:
        return reverse("review_detail", args=[self.slug])

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT


class ReviewLine(models.Model):
    """A line of a review: what happened, in words, and where it leads."""

    class Kind(models.TextChoices):
        GOAL = "goal", "Goals"
        MEETING = "meeting", "Meetings"
        RESOURCE = "resource", "Resources"
        ORGANIZATION = "organization", "Organizations"
        ANSWER = "answer", "Questions and answers"
        TOPIC = "topic", "Topics"
        TARGET_AREA = "target_area", "Target areas"

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # Of the record that it is about, so that a line keeps its place when it is collected again.
    object_key = models.CharField(max_length=40)
    happened_on = models.DateField()
    text = CleanCharField(max_length=300)
    # On this site.
    path = models.CharField(max_length=300)
    is_hidden = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["kind", "happened_on", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["review", "kind", "object_key"], name="teams_reviewline_once_per_record"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class ReviewCorrection(models.Model):
    """What turned out to be wrong in a published review. Never changed and never deleted."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="corrections")
    text = CleanCharField(max_length=500)
    added_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["added_at", "pk"]

    def __str__(self) -> str:
        return self.text
