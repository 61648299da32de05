"""Visitors' questions, asked without an account and decided by facilitators; and the FAQ."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from members.models import Member
from members.services import Refused, save_with_history
from teams import emails
from teams.models import FaqEntry, Question
from teams.services.submissions import (
    decide_submission,
    lock_submission,
    serialize_inserts,
    store_submission,
)

# Of a slug, so that a number fits behind it.
MAX_SLUG_CHARACTERS = 70


def ask_question(text: str, email: str = "") -> Question:
    """Store the question of a visitor, as `store_submission`, and return it."""
    return store_submission(Question, "asked by a visitor", {"text": text, "email": email})


def answer_question(question: Question, *, answer: str, by: Member) -> Question:
    """Answer the asker by email, and nobody else; return the stored question. Refuses without an
    answer or an address, and a question that is decided already."""
    if not answer.strip():
        raise Refused("Write the answer. The asker reads it in the email.")
    with transaction.atomic():
        question = lock_submission(question, by)
        if not question.email:
            raise Refused(
                f"“{question}”: the asker left no address, so no answer reaches them. Publish it "
                "instead, or dismiss the question. Nothing was changed."
            )
        answered = Question.Status.ANSWERED
        decide_submission(question, by, "answered", status=answered, answer=answer.strip())
        emails.question_answered(question)
    return question


def publish_question(
    question: Question, *, entry: FaqEntry, answer: str = "", by: Member
) -> Question:
    """Publish the answer in the FAQ and send the asker the link; return the stored question.

    A new `entry` is placed last in its section and gets its address; to one that is published
    already, `answer` is added as a paragraph of its own, unless it is empty. Either is
    checked as of today. Refuses a question that is decided already, a new entry without a
    question or an answer, and an existing one that is not published.
    """
    with transaction.atomic():
        question = lock_submission(question, by)
        entry = _extend_entry(entry, answer, by) if entry.pk else _add_entry(entry, by)
        published = Question.Status.PUBLISHED
        decide_submission(question, by, "published", status=published, published_in=entry)
        if question.email:
            emails.question_published(question)
    return question


def dismiss_question(question: Question, *, reason: str, by: Member) -> Question:
    """Close the question without an answer; return the stored question. With a reason, an asker
    with an address gets an email; without one nobody does. Refuses a question that is decided
    already."""
    with transaction.atomic():
        question = lock_submission(question, by)
        dismissed = Question.Status.DISMISSED
        decide_submission(question, by, "dismissed", status=dismissed, answer=reason.strip())
        if question.email and question.answer:
            emails.question_dismissed(question)
    return question


def confirm_entry(entry: FaqEntry, *, by: Member) -> FaqEntry:
    """Store that the answer is still true today; return the stored entry. Refuses one that was
    checked today already."""
    with transaction.atomic():
        entry = FaqEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
        if entry.checked_on == timezone.localdate():
            raise Refused(f"“{entry}” was checked today already. Nothing was changed.")
        save_with_history(entry, by, "checked: still true", checked_on=timezone.localdate())
    return entry


def _add_entry(entry: FaqEntry, by: Member) -> FaqEntry:
    """Store and publish a new entry, last in its section; return it."""
    if not entry.question.strip() or not entry.answer.strip():
        raise Refused("Write the question and the answer. Everyone can read them.")
    serialize_inserts(FaqEntry)
    entry.position = FaqEntry.objects.next_position(entry.team, entry.topic)
    entry.slug = _free_slug(entry.question)
    entry.checked_on, entry.is_published = timezone.localdate(), True
    save_with_history(entry, by, "published for a visitor’s question")
    return entry


def _free_slug(question: str) -> str:
    stem = slugify(question)[:MAX_SLUG_CHARACTERS].strip("-") or "question"
    taken = set(FaqEntry.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    # The address under which visitors ask.
    taken.add("ask")
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 2))]
    return next(slug for slug in candidates if slug not in taken)


def _extend_entry(entry: FaqEntry, answer: str, by: Member) -> FaqEntry:
    """Add `answer` to that of the stored entry; return it."""
    entry = FaqEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
    if not entry.is_published:
        raise Refused(f"“{entry}” is not published. Publish the entry first. Nothing was changed.")
    changes: dict[str, Any] = {"checked_on": timezone.localdate()}
    if answer.strip():
        changes["answer"] = f"{entry.answer.rstrip()}\n\n{answer.strip()}"
    save_with_history(entry, by, "answers a visitor’s question", **changes)
    return entry
