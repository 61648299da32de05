"""What happened since the last quarterly meeting, in the demo: a published review and a draft."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from members.models import Member
from teams.models import Review, ReviewCorrection, ReviewLine
from teams.services.reviews import (
    begin_review,
    change_review,
    correct_review,
    publish_review,
)

# Days ago.
BEGINNING, BOUNDARY, NOW = 200, 30, 0
INTRO = (
    "In these made-up months the teams met, reported on their goals and looked at *who* is hired. "
    "Thank you to the example employers that joined."
)
CORRECTION = "The made-up speaker was from Limestone Example Care, not from North Branch."


def add_reviews(facilitator: Member) -> None:
    """Publish a review of the months that the demo is about, with a correction, and begin a draft
    of the last days, with a hidden line."""
    first = _begin(BEGINNING, BOUNDARY, facilitator)
    _change(first, INTRO, [], facilitator)
    first = publish_review(first, by=facilitator)
    correct_review(first, CORRECTION, by=facilitator)
    published_at = timezone.now() - timedelta(days=BOUNDARY - 1)
    Review.objects.filter(pk=first.pk).update(published_at=published_at)
    first.history.update(history_date=published_at)
    ReviewCorrection.objects.filter(review=first).update(added_at=published_at + timedelta(days=2))
    draft = _begin(BOUNDARY, NOW, facilitator)
    answers = [line.key for line in draft.lines.filter(kind=ReviewLine.Kind.ANSWER)]
    _change(draft, "", answers, facilitator)


def _begin(first: int, last: int, facilitator: Member) -> Review:
    today = timezone.localdate()
    days = [today - timedelta(days=number) for number in (first, last)]
    review, _ = begin_review(*days, by=facilitator)
    return review


def _change(review: Review, intro: str, hidden: list[str], facilitator: Member) -> None:
    change_review(
        review,
        begins_on=review.begins_on,
        ends_on=review.ends_on,
        intro=intro,
        hidden=hidden,
        by=facilitator,
    )
