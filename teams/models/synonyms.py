"""Words that mean the same to the search."""

from __future__ import annotations

import re
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from members.models.history import LoggedRecords
from members.text_fields import CleanCharField
from teams.stemming import same_words

_SEPARATOR = re.compile("[,;]")
MAX_SYNONYMS_LENGTH = 300


def split_synonyms(words: str) -> list[str]:
    """Return the words and phrases of a list that has commas between them."""
    return [phrase for part in _SEPARATOR.split(words) if (phrase := part.strip())]


def refuse_fewer_than_two_words(words: str) -> None:
    """Raise ValidationError for a list of which the search finds all alike anyway."""
    phrases = split_synonyms(words)
    if not all(same_words(phrase, phrase) for phrase in phrases):
        raise ValidationError("Use letters or digits in each word")
    if all(same_words(phrase, phrases[0]) for phrase in phrases):
        raise ValidationError(
            "Enter two words or more, with commas between them, like: employer, hospital. "
            "Singular and plural are found alike without this"
        )


class SynonymGroupQuerySet(models.QuerySet["SynonymGroup"]):
    def phrases(self) -> list[list[str]]:
        """The words and phrases of each group that is in use."""
        lists = self.filter(is_used=True).order_by("pk").values_list("words", flat=True)
        return [split_synonyms(words) for words in lists]


class SynonymGroup(models.Model):
    """Words and phrases that mean the same: who searches for one finds the others, too."""

    words = CleanCharField(max_length=MAX_SYNONYMS_LENGTH, validators=[refuse_fewer_than_two_words])
    is_used = models.BooleanField("in use", default=True)

    objects = SynonymGroupQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["words", "pk"]
        verbose_name = "synonym group"
        verbose_name_plural = "synonyms"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_synonymgroup_not_empty",
                condition=~Q(words=""),
                violation_error_message="Enter the words.",
            )
        ]

    def __str__(self) -> str:
        return self.words
