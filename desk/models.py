"""What the desk itself stores: exported lists, and selections of records to decide about."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models import Decision, Member

SELECTION_LIFETIME = timedelta(days=1)


class Export(models.Model):
    """A list that left the portal as a file: which, by whom, how many rows, when."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    # The title of the list: "Memberships".
    what = models.CharField(max_length=100)
    # What it was narrowed to, in words.
    filters = models.CharField(max_length=500, blank=True)
    file_format = models.CharField("format", max_length=4, choices=Format.choices)
    # Those that left so far.
    rows = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField("when", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="desk_export_format_known", condition=Q(file_format__in=["csv", "xlsx"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.what}, {self.rows} rows"


class SelectionQuerySet(models.QuerySet["Selection"]):
    def of(self, member: Member) -> SelectionQuerySet:
        """Return the selections that `member` made."""
        return self.filter(by=member)


class Selection(models.Model):
    """The records that someone ticked in a list, kept until an action on them is decided."""

    by = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    # As of the list: "teams.membership".
    model_label = models.CharField(max_length=50)
    object_ids = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    # What the selection led to: submitting its page again does not decide again.
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, null=True, related_name="+")

    objects = SelectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{len(self.object_ids)} records of {self.model_label}"

    @property
    def is_expired(self) -> bool:
        """Return whether the list may look very different by now."""
        return timezone.now() > self.created_at + SELECTION_LIFETIME
