"""Words that are not code: texts of the site that administrators edit, and notices."""

from __future__ import annotations

import re
from datetime import date
from typing import ClassVar, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField

# What is written in braces, and filled in when the text is shown.
PLACEHOLDERS = ("contact_email", "code_minutes", "answer_working_days", "site_name")
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
# Browsers send lines with both ends.
_HEADING = re.compile(r"^#[ \t]+([^\r\n]+)[\r\n]*", re.MULTILINE)
MAX_NOTICE_LENGTH = 200


def refuse_unknown_placeholders(text: str) -> None:
    """Raise ValidationError, which names the ones there are, for another word in braces."""
    unknown = [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValidationError(
            f"The portal cannot fill in {{{unknown[0]}}}. It knows {known}. "
            "Leave out the braces around other words."
        )


class Section(NamedTuple):
    """A part of a text: its heading, and what is written below it, in Markdown."""

    heading: str
    text: str


class SiteText(models.Model):
    """A text of the site, in Markdown; one for each place where pages show one."""

    class Place(models.TextChoices):
        HOME_LEAD = "home_lead", "Home page: the sentence under the headline"
        FACTS = "facts", "Home page: the facts under it, each a heading and a line"
        TAKING_PART = "taking_part", "Home page: what taking part means"
        TEAMS_LEAD = "teams_lead", "Home page: the sentence above the teams"
        WHO_WE_ARE = "who_we_are", "Home page: who we are"
        TAGLINE = "tagline", "Foot of every page: the line under the name"
        CONTACT = "contact", "Foot of every page: contact"
        PRIVACY = "privacy", "Privacy statement"
        ACCESSIBILITY = "accessibility", "Accessibility statement"

    place = models.CharField(max_length=20, choices=Place.choices, unique=True, editable=False)
    text = CleanTextField(validators=[refuse_unknown_placeholders])
    changed_on = models.DateField("last changed", default=timezone.localdate, editable=False)

    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = "text of the site"
        verbose_name_plural = "texts of the site"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_sitetext_place_known",
                condition=Q(
                    place__in=[
                        "home_lead",
                        "facts",
                        "taking_part",
                        "teams_lead",
                        "who_we_are",
                        "tagline",
                        "contact",
                        "privacy",
                        "accessibility",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="teams_sitetext_not_empty",
                condition=~Q(text=""),
                violation_error_message="Enter the text.",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_place_display())

    @property
    def opening(self) -> str:
        """What is written before the first heading."""
        return _HEADING.split(self.text, maxsplit=1)[0].strip()

    @property
    def sections(self) -> list[Section]:
        """The headings (lines that begin with one #), each with what is written below it."""
        _, *parts = _HEADING.split(self.text)
        return [
            Section(heading.strip(), text.strip())
            for heading, text in zip(parts[::2], parts[1::2], strict=True)
        ]


class NoticeQuerySet(models.QuerySet["Notice"]):
    def current(self) -> NoticeQuerySet:
        """Those that pages show today."""
        today = timezone.localdate()
        return self.filter(starts_on__lte=today, ends_on__gte=today)


class Notice(models.Model):
    """A line across the top of every page, from one day to another."""

    text = CleanCharField(max_length=MAX_NOTICE_LENGTH)
    starts_on = models.DateField("from", default=timezone.localdate)
    ends_on = models.DateField("to, inclusive")

    objects = NoticeQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-ends_on", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_notice_ends_after_start",
                condition=Q(ends_on__gte=models.F("starts_on")),
                violation_error_message="Choose a last day that is not before the first one.",
            ),
            models.CheckConstraint(
                name="teams_notice_not_empty",
                condition=~Q(text=""),
                violation_error_message="Enter the notice.",
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def is_current(self) -> bool:
        """Whether pages show it today."""
        today: date = timezone.localdate()
        return self.starts_on <= today <= self.ends_on
