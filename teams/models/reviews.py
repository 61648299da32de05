"""What happened since the last quarterly meeting: built from data, and published for good."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from members.dates import long_date
from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.teams import MARKDOWN_HELP


class ReviewQuerySet(models.QuerySet["Review"]):
    def published(self) -> ReviewQuerySet:
        return self.filter(status=Review.Status.PUBLISHED)

    def visible_to(self, person: Member | AnonymousUser) -> ReviewQuerySet:
        """The published ones; for staff, who write them together, the drafts as well."""
        is_staff = isinstance(person, Member) and person.is_active and person.is_staff
        return self.all() if is_staff else self.published()


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
        return self.period

    def get_absolute_url(self) -> str:
        return reverse("review_detail", args=[self.slug])

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def period(self) -> str:
        """In words: "March 4 to June 3, 2026"."""
        first, last = long_date(self.begins_on), long_date(self.ends_on)
        if self.begins_on.year == self.ends_on.year:
            first = date_format(self.begins_on, "F j")
        return last if self.begins_on == self.ends_on else f"{first} to {last}"

    @property
    def sections(self) -> list[tuple[str, list[ReviewLine]]]:
        """The lines that are shown, by kind with its heading; without empty ones. Prefetch `lines`
        where there are many reviews."""
        shown = [line for line in self.lines.all() if not line.is_hidden]
        by_kind = [
            (HEADINGS[kind], [line for line in shown if line.kind == kind])
            for kind in ReviewLine.Kind
        ]
        return [(label, lines) for label, lines in by_kind if lines]


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

    @property
    def key(self) -> str:
        """How forms name it, also after it is collected again."""
        return f"{self.kind}-{self.object_key}"

    @property
    def name_and_news(self) -> tuple[str, str]:
        """The text in two: what it is about, which becomes the link, and what happened to it.

        Only looks depend on it: where a title reads like the rest, the link is longer or shorter.
        """
        match self.kind:
            case self.Kind.GOAL:
                name = self.text[: self.text.find("”") + 1]
            case self.Kind.MEETING:
                name = self.text.partition(", ")[0]
            case self.Kind.TOPIC | self.Kind.TARGET_AREA:
                name = self.text.partition(". ")[0].rpartition(": ")[0]
            case _:
                name = self.text
        return name or self.text, self.text[len(name) :] if name else ""


HEADINGS = {
    ReviewLine.Kind.GOAL: "Goals",
    ReviewLine.Kind.MEETING: "Meetings held",
    ReviewLine.Kind.RESOURCE: "Resources added",
    ReviewLine.Kind.ORGANIZATION: "Organizations that joined",
    ReviewLine.Kind.ANSWER: "Questions and answers",
    ReviewLine.Kind.TOPIC: "Topics",
    ReviewLine.Kind.TARGET_AREA: "Target areas",
}


class ReviewCorrection(models.Model):
    """What turned out to be wrong in a published review. Never changed, and deleted only by undoing
    it within two minutes."""

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
