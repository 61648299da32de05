"""Reviews for tests."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from members.models import Member
from teams.models import ActionTeam, Meeting, Review, ReviewLine
from teams.tests.meetings import make_meeting


def make_review(by: Member | None = None, **fields: Any) -> Review:
    """Return a stored review of the last ninety days with one line, published by `by` just now;
    a draft without `by`."""
    today = timezone.localdate()
    values: dict[str, Any] = {"begins_on": today - timedelta(days=90), "ends_on": today, **fields}
    values.setdefault("slug", f"{values['begins_on']}-to-{values['ends_on']}")
    if by:
        values |= {"status": "published", "published_at": timezone.now(), "published_by": by}
    review = Review.objects.create(**values)
    add_line(review)
    return review


def add_line(review: Review, text: str = "Rush Example Hospital", **fields: Any) -> ReviewLine:
    """Return a stored line of `review` about an organization, unless `fields` say otherwise."""
    values: dict[str, Any] = {
        "kind": ReviewLine.Kind.ORGANIZATION,
        "object_key": f"test-{review.lines.count()}",
        "happened_on": review.ends_on,
        "path": "/organizations/",
        **fields,
    }
    return review.lines.create(text=text, **values)


def held(*teams: ActionTeam, days: int = 10, **fields: Any) -> Meeting:
    """Return a stored meeting as `make_meeting` does, held so many days ago."""
    return make_meeting(*teams, starts_at=moment(days), **fields)


def moment(days: int) -> datetime:
    """Return the time it was so many days ago."""
    return timezone.now() - timedelta(days=days)


def days_ago(number: int) -> date:
    return timezone.localdate() - timedelta(days=number)
