"""What is linked from the pages of meetings: slides, recordings, documents, notes."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.models.meetings import Meeting, team_keys


class MeetingLinkQuerySet(models.QuerySet["MeetingLink"]):
    def visible_to(
        self, person: Member | AnonymousUser, keys: Collection[int] | None = None
    ) -> MeetingLinkQuerySet:
        """What `person` may open: of the meetings that they may see, links for everyone; for
        members those for members, and those of their own teams' meetings. `keys` as for
        meetings."""
        meetings = Meeting.objects.visible_to(person, keys).order_by()
        links = self.filter(meeting__in=meetings.values("pk"))
        public = links.filter(audience=Meeting.Audience.PUBLIC)
        if not isinstance(person, Member):
            return public
        if person.is_superuser:
            return links
        if keys is None:
            keys = team_keys(person)
        if not keys:
            return public
        of_own_teams = Meeting.teams.through.objects.filter(
            meeting=OuterRef("meeting"), actionteam__in=keys
        )
        return links.filter(~Q(audience=Meeting.Audience.TEAMS) | Exists(of_own_teams))


class MeetingLink(models.Model):
    """Something to read, watch or hear on the page of a meeting."""

    class Kind(models.TextChoices):
        SLIDES = "slides", "Slides"
        RECORDING = "recording", "Recording"
        DOCUMENT = "document", "Document"
        NOTES = "notes", "Notes"

    class Captions(models.TextChoices):
        YES = "yes", "With captions"
        NO = "no", "Without captions"
        UNKNOWN = "unknown", "Not known"

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    title = CleanCharField(max_length=120)
    url = models.URLField("address", max_length=500)
    audience = models.CharField(
        "who sees it",
        max_length=7,
        choices=Meeting.Audience.choices,
        default=Meeting.Audience.PUBLIC,
        help_text="Of those who see the meeting.",
    )
    captions = models.CharField(max_length=7, choices=Captions.choices, default=Captions.UNKNOWN)
    transcript_url = models.URLField("address of the transcript", max_length=500, blank=True)
    position = models.PositiveSmallIntegerField("place", default=0)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MeetingLinkQuerySet.as_manager()
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
