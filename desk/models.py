"""Which lists left the portal as files."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models import Member


class Export(models.Model):
    """A list that somebody took out of the portal: who, what, how many rows, when."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=100)  # the list: "Memberships"
    filters = models.CharField(max_length=500, blank=True)  # what it was narrowed to, in words
    file_format = models.CharField("format", max_length=4, choices=Format.choices)
    rows = models.PositiveIntegerField(default=0)  # those that left so far
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
