"""The records of the jobs that must run: backups, the daily run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

# Clocks of two hosts may differ by this much.
CLOCK_SKEW_ALLOWANCE = timedelta(minutes=5)


class JobRunQuerySet(models.QuerySet["JobRun"]):
    def past(self) -> JobRunQuerySet:
        """Return the runs that do not lie in the future: those say nothing about what is due, a
        clock was wrong and has been set back."""
        return self.filter(started_at__lte=timezone.now() + CLOCK_SKEW_ALLOWANCE)

    def succeeded(self, name: str) -> JobRunQuerySet:
        """Return the past runs of this job that succeeded, newest first."""
        return self.past().filter(name=name, succeeded=True).order_by("-started_at", "-pk")

    def unfinished(self, name: str) -> JobRunQuerySet:
        """Return the runs of this job that are going on or were killed."""
        return self.filter(name=name, finished_at=None)


class JobRun(models.Model):
    """One run of a job: when, whether it succeeded, and the outcome in words."""

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
    # Of a backup: folder, file, bytes, encrypted, authenticated. Of a check or a restore: file.
    details = models.JSONField(default=dict)

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
                name="collaborative_jobrun_name_valid",
                condition=Q(name__in=["backup", "check", "daily", "restore"]),
            ),
            models.CheckConstraint(
                name="collaborative_jobrun_finished_with_result",
                condition=Q(finished_at=None, succeeded=None)
                | Q(finished_at__isnull=False, succeeded__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_name_display()}: {self.outcome or 'not finished'}"

    @property
    def ended_at(self) -> datetime:
        """Return when it finished; of an unfinished run, when it started."""
        return self.finished_at or self.started_at
