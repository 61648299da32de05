"""What happened since the last quarterly meeting: begun as a draft, collected from the data,
published for good.

DRAFT --publish--> PUBLISHED (undone within two minutes: DRAFT)

This module alone writes reviews and their lines. Each step locks the review, so that if two people
act at the same time, the second one learns what the first has done. After the two minutes nothing
changes a published review: its lines hold their words. Corrections are added to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from members.batches import BATCH_SIZE
from members.dates import long_date
from members.models import Member
from members.normalize import clean_text
from members.services import Refused, delete_with_history, save_with_history
from members.wording import counted
from teams.models import (
    ActionTeam,
    Announcement,
    Meeting,
    Review,
    ReviewCorrection,
    ReviewLine,
)
from teams.services.announcements import create_announcement
from teams.services.review_lines import Days, collect_lines
from teams.services.submissions import serialize_inserts

Status = Review.Status
# Where no quarterly meeting was held yet.
DEFAULT_PERIOD = timedelta(days=91)
# The Collaborative is younger; an earlier day is a typo.
EARLIEST = date(2000, 1, 1)
_MARKDOWN = re.compile(r"([\\`*_<>#~|\[\]])")


def proposed_days() -> Days:
    """Return the days that a new review would be about: from the last quarterly meeting that was
    held until today."""
    today = timezone.localdate()
    held = Meeting.objects.announced().past().filter(kind=Meeting.Kind.QUARTERLY).first()
    return Days(held.day if held else today - DEFAULT_PERIOD, today)


@transaction.atomic
def begin_review(begins_on: date, ends_on: date, *, by: Member) -> tuple[Review, str]:
    """Store a draft about these days with its lines; return it, and in words what was collected.
    Refuses days in the wrong order, and those of another review."""
    review = Review()
    _set_days(review, begins_on, ends_on)
    save_with_history(review, by, "begun")
    return review, _collect(review)


@transaction.atomic
def change_review(
    review: Review,
    *,
    begins_on: date,
    ends_on: date,
    intro: str,
    hidden: Collection[str],
    by: Member,
) -> Review:
    """Change a draft: its paragraph, and the lines with the `key` of which are hidden; return the
    stored one. With other days it is collected again."""
    review = _lock_draft(review)
    changes: dict[str, object] = {}
    if (begins_on, ends_on) != (review.begins_on, review.ends_on):
        _set_days(review, begins_on, ends_on)
        changes |= {"begins_on": begins_on, "ends_on": ends_on, "slug": review.slug}
    changed = [line for line in review.lines.all() if line.is_hidden != (line.key in hidden)]
    for line in changed:
        line.is_hidden = not line.is_hidden
    ReviewLine.objects.bulk_update(changed, ["is_hidden"], batch_size=BATCH_SIZE)
    if changes or changed or intro != review.intro:
        lines = f": {counted(len(changed), 'line', 'lines')} hidden or shown" if changed else ""
        save_with_history(review, by, f"changed{lines}", intro=intro, **changes)
    if changes:
        _collect(review)
    return review


@transaction.atomic
def collect_again(review: Review, *, by: Member) -> str:
    """Bring the lines of a draft up to date; hidden ones are still hidden. Return in words what
    came and went."""
    review = _lock_draft(review)
    summary = _collect(review)
    save_with_history(review, by, "collected again", intro=review.intro)
    return summary


@transaction.atomic
def publish_review(review: Review, *, by: Member, version: str = "") -> Review:
    """Publish a draft for good, and return it. Refuses what someone changed since `by` read it
    (with the `content_version` of `version`), lines that no longer stand, days to come, and a
    review that says nothing."""
    review = _lock_draft(review)
    if version and version != content_version(review):
        raise Refused(
            "Someone changed this review while you read it. Read it again, and publish it then. "
            "Nothing was published."
        )
    if review.ends_on > timezone.localdate():
        raise Refused(
            f"The last day, {long_date(review.ends_on)}, is still to come. Change it to today, or "
            "publish it then."
        )
    shown = [line for line in review.lines.all() if not line.is_hidden]
    if not (shown or review.intro):
        raise Refused("There is nothing to publish: write the paragraph, or show a line.")
    collected, _ = _new_lines(review)
    standing = {(line.key, line.text) for line in collected}
    if stale := [line for line in shown if (line.key, line.text) not in standing]:
        lines = counted(len(stale), "line is", "lines are")
        raise Refused(
            f"{lines} no longer true, such as “{stale[0]}”. Press “Save and collect "
            "again”, read what is new, and publish it then."
        )
    save_with_history(
        review,
        by,
        "published",
        status=Status.PUBLISHED,
        published_at=timezone.now(),
        published_by=by,
    )
    return review


@transaction.atomic
def delete_review(review: Review, *, by: Member) -> None:
    """Delete a draft. Refuses what is published, or has corrections."""
    review = _lock_draft(review)
    if review.corrections.exists():
        raise Refused("People have read this review, and it has corrections. Publish it again.")
    delete_with_history(review, by, "deleted as a draft")


@transaction.atomic
def correct_review(review: Review, text: str, *, by: Member) -> ReviewCorrection:
    """Add a correction to a published review, below its lines; return it."""
    review = _lock(review)
    if review.is_draft:
        raise Refused("It is a draft. Change the draft itself.")
    if not clean_text(text):
        raise Refused("Say in a sentence or two what is wrong and what is right.")
    correction = ReviewCorrection(review=review, text=clean_text(text), by=by)
    save_with_history(correction, by, "added")
    return correction


@transaction.atomic
def announce_review(review: Review, *, by: Member) -> Announcement:
    """Write the draft of an announcement with the review in it, and return it: to all teams by an
    administrator, else to the first team that `by` facilitates. Nothing is sent. A draft of theirs
    with a link to the review is returned as it is: the button may be pressed twice."""
    review = _lock(review)
    if review.is_draft:
        raise Refused("Publish the review first: the announcement links to its page.")
    team = None
    if not by.is_superuser:
        team = ActionTeam.objects.facilitated_by(by).order_by("position", "name").first()
        if team is None:
            raise Refused("You facilitate no team to which you could write.")
    drafts = Announcement.objects.filter(status=Announcement.Status.DRAFT, written_by=by)
    url = settings.SITE_URL + review.get_absolute_url()
    if draft := drafts.filter(body__contains=url).first():
        return draft
    subject = f"Since the last quarterly meeting: {review.period}"
    announcement = Announcement(team=team, subject=subject, body=_announcement_text(review))
    return create_announcement(announcement, by=by)


def _announcement_text(review: Review) -> str:
    parts = [review.intro] if review.intro else []
    for heading, lines in review.sections:
        items = "\n".join(f"- {_MARKDOWN.sub(_escape, line.text)}" for line in lines)
        parts.append(f"## {heading}\n\n{items}")
    if corrections := list(review.corrections.all()):
        items = "\n".join(f"- {_MARKDOWN.sub(_escape, each.text)}" for each in corrections)
        parts.append(f"## Corrections\n\n{items}")
    url = settings.SITE_URL + review.get_absolute_url()
    return "\n\n".join([*parts, f"All of it, with links: {url}"])


def _escape(match: re.Match[str]) -> str:
    """Return a character of Markdown as it stands; brackets, which emails as text would show with
    their backslash, as parentheses."""
    return {"[": "(", "]": ")"}.get(match[1], f"\\{match[1]}")


def content_version(review: Review) -> str:
    """Return a text that differs where anything that people read does."""
    lines = review.lines.values_list("kind", "object_key", "text", "path", "is_hidden")
    content = [review.begins_on, review.ends_on, review.intro, sorted(lines)]
    return sha256(repr(content).encode()).hexdigest()[:16]


def _lock(review: Review) -> Review:
    return Review.objects.select_for_update(no_key=True).get(pk=review.pk)


def _lock_draft(review: Review) -> Review:
    review = _lock(review)
    if review.published_at:
        raise Refused(
            f"It was published on {long_date(review.published_at)}. A published review is not "
            "changed; add a correction to it."
        )
    return review


def check_days(review: Review, begins_on: date, ends_on: date) -> None:
    """Refuse days in the wrong order, and those of another review than `review`."""
    if begins_on < EARLIEST:
        raise Refused(f"Choose a first day after {long_date(EARLIEST)}.")
    if ends_on < begins_on:
        raise Refused("The last day is before the first one.")
    if other := Review.objects.filter(slug=_slug(begins_on, ends_on)).exclude(pk=review.pk).first():
        state = "a draft" if other.is_draft else "a published review"
        raise Refused(f"There is {state} about these days already. Open that one.")


def _set_days(review: Review, begins_on: date, ends_on: date) -> None:
    """Set the days, and the address that follows from them, inside a transaction."""
    serialize_inserts(Review)
    check_days(review, begins_on, ends_on)
    review.begins_on, review.ends_on = begins_on, ends_on
    review.slug = _slug(begins_on, ends_on)


def _slug(begins_on: date, ends_on: date) -> str:
    return f"{begins_on}-to-{ends_on}"


def _new_lines(review: Review) -> tuple[list[ReviewLine], int]:
    """Return the lines of `review` as they would be collected now, without what an earlier review
    says already about a day that both are about; and how many wait until they cannot be undone."""
    lines, left_out = collect_lines(Days(review.begins_on, review.ends_on))
    published = ReviewLine.objects.filter(
        review__status=Status.PUBLISHED,
        is_hidden=False,
        happened_on__range=(review.begins_on, review.ends_on),
    ).exclude(review=review)
    already_published = set(published.values_list("kind", "object_key", "happened_on", "text"))
    new = [
        line
        for line in lines
        if (line.kind, line.object_key, line.happened_on, line.text) not in already_published
    ]
    return new, left_out


def _collect(review: Review) -> str:
    """Replace the lines of `review`; return in words what came and went."""
    before = {line.key: line for line in review.lines.all()}
    lines, left_out = _new_lines(review)
    for line in lines:
        line.review = review
        line.is_hidden = line.key in before and before[line.key].is_hidden
    review.lines.all().delete()
    ReviewLine.objects.bulk_create(lines, batch_size=BATCH_SIZE)
    keys = {line.key for line in lines}
    numbers = [
        (len(keys - before.keys()), "new"),
        (len(before.keys() - keys), "gone"),
        (sum(line.key in before and line.text != before[line.key].text for line in lines),
         "changed"),
    ]  # fmt: skip
    changes = ", ".join(f"{number} {word}" for number, word in numbers if number)
    summary = f"{counted(len(lines), 'line', 'lines')} collected: {changes or 'nothing new'}."
    if left_out:
        more = counted(left_out, "more can", "more can")
        summary += f" {more} still be undone; collect again in a few minutes."
    return summary
