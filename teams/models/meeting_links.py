"""Links of meetings as the version before this one stores them; they are resources now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.models.meetings import Meeting


class MeetingLink(models.Model):
    """Only for the version before this one, which may still serve while this one is installed.
    Nothing reads or writes it. The next version drops it; until then backups hold its rows, and
    those of a draft are deleted with it, as the database demands."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(
        max_length=9,
        choices=[
            ("slides", "Slides"),
            ("recording", "Recording"),
            ("document", "Document"),
            ("notes", "Notes"),
        ],
    )
    title = CleanCharField(max_length=120)
    url = models.URLField("address", max_length=500)
    audience = models.CharField(
        "who sees it",
        max_length=7,
        choices=Meeting.Audience.choices,
        default=Meeting.Audience.PUBLIC,
        help_text="Of those who see the meeting.",
    )
    captions = models.CharField(
        max_length=7,
        choices=[
            ("yes", "With captions"),
            ("no", "Without captions"),
            ("unknown", "Not known"),
        ],
        default="unknown",
    )
    transcript_url = models.URLField("address of the transcript", max_length=500, blank=True)
    position = models.PositiveSmallIntegerField("place", default=0)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        verbose_name = "link"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_meetinglink_kind_known",
                condition=Q(kind__in=["slides", "recording", "document", "notes"]),
            ),
            models.CheckConstraint(
                name="teams_meetinglink_audience_known",
                condition=Q(audience__in=["public", "members", "teams"]),
            ),
            models.CheckConstraint(
                name="teams_meetinglink_captions_known",
                condition=Q(captions__in=["yes", "no", "unknown"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title
