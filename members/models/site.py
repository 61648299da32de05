"""How the site is named, and its logo."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField

# It stands in static/preview.png, too.
DEFAULT_NAME = "Chicagoland Healthcare Workforce Collaborative"


class SiteIdentity(models.Model):
    """The names of the site and its logo; there is one. Its defaults are those of the first day."""

    name = CleanCharField("name of the site", max_length=80, default=DEFAULT_NAME)
    short_name = CleanCharField(max_length=30, default="Collaborative")
    # In the database, so that backups have it and every machine serves it.
    logo = models.BinaryField(default=b"", editable=False)
    logo_digest = models.CharField("logo", max_length=16, blank=True, default="", editable=False)
    logo_width = models.PositiveSmallIntegerField(default=0, editable=False)
    logo_height = models.PositiveSmallIntegerField(default=0, editable=False)
    logo_shows_name = models.BooleanField("the logo shows the name", default=False)

    # Unique and always true: there is at most one record.
    is_singleton = models.BooleanField(default=True, unique=True, editable=False)

    history = LoggedRecords(excluded_fields=["logo", "is_singleton"])

    class Meta:
        verbose_name = verbose_name_plural = "name and logo"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="members_siteidentity_singleton", condition=Q(is_singleton=True)
            ),
            models.CheckConstraint(
                name="members_siteidentity_named", condition=~(Q(name="") | Q(short_name=""))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_default_name(self) -> bool:
        """Whether it has the name that stands in the drawing beside links to the portal."""
        return self.name == DEFAULT_NAME

    @property
    def logo_url(self) -> str:
        """The address of the logo, a new one for each logo; "" without one."""
        return reverse("site_logo", args=[self.logo_digest]) if self.logo_digest else ""

    @property
    def icon_url(self) -> str:
        """The address of the logo if it can stand for the site in a small square, else ""."""
        return self.logo_url if self.logo_width == self.logo_height else ""
