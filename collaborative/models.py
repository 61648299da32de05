"""What the portal keeps of the jobs that must happen: backups, the daily run."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class JobRunQuerySet(models.QuerySet["JobRun"]):
    def good(self, name: str) -> JobRunQuerySet:
        """The runs of this job that ended well, newest first."""
        return self.filter(name=name, succeeded=True).order_by("-started_at", "-pk")

    def open(self, name: str) -> JobRunQuerySet:
        """The runs of this job that have not ended, or were killed before they could say so."""
        return self.filter(name=name, finished_at=None)


class JobRun(models.Model):
    """One run of a job: when, whether it did what it is for, and what came of it in words."""

    class Job(models.TextChoices):
        BACKUP = "backup", "Backup"
        CHECK = "check", "Check of a backup"
        DAILY = "daily", "Daily run"
        RESTORE = "restore", "Restore"

    name = models.CharField("job", max_length=10, choices=Job.choices)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    succeeded = models.BooleanField(null=True)
    outcome = models.TextField(blank=True)
    facts = models.JSONField(default=dict)  # of a backup: file, bytes, encrypted

    objects = JobRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run of a job"
        verbose_name_plural = "runs of jobs"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(fields=["name", "-started_at"], name="collaborative_jobrun_newest")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="collaborative_jobrun_name_known",
                condition=Q(name__in=["backup", "check", "daily", "restore"]),
            ),
            models.CheckConstraint(
                name="collaborative_jobrun_ended_with_result",
                condition=Q(finished_at=None, succeeded=None)
                | Q(finished_at__isnull=False, succeeded__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_name_display()}: {self.outcome or 'not ended'}"

    @property
    def ended_at(self) -> datetime:
        """When it ended; of one that has not, when it began."""
        return self.finished_at or self.started_at
