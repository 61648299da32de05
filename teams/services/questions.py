"""Visitors' questions: asked without an account, decided by facilitators; and the FAQ."""

from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from members.dates import long_date
from members.models import Member
from members.services import Refused, save_with_history
from teams import emails
from teams.models import FaqEntry, Question

TWICE = timedelta(minutes=10)  # so long the same words from the same address are one question
FORGET_DECIDED = timedelta(days=90)
FORGET_ASKED = timedelta(days=365)


def ask_question(text: str, email: str = "") -> Question:
    """Keep the question of a visitor; what is sent twice in ten minutes is one question.

    Nobody has proven the address: one email about this question may go there, no more.
    """
    with transaction.atomic():
        _one_at_a_time(Question)
        recent = Question.objects.filter(asked_at__gte=timezone.now() - TWICE)
        question = recent.filter(text=text, email=email).first()
        if question is None:
            question = Question(text=text, email=email)
            save_with_history(question, None, "asked by a visitor")
    return question


def answer_question(question: Question, *, answer: str, by: Member) -> Question:
    """Answer the asker by email, and nobody else. Refuses without an answer or an address, and
    a question that is decided already."""
    if not answer.strip():
        raise Refused("Write the answer. The asker reads it in the email.")
    with transaction.atomic():
        row = _waiting(question)
        if not row.email:
            raise Refused(
                f"“{row}”: the asker left no address, so no answer reaches them. Publish it "
                "instead, or dismiss the question. Nothing was changed."
            )
        _decide(row, by, "answered", status=Question.Status.ANSWERED, answer=answer.strip())
        emails.question_answered(row)
    return row


def publish_question(
    question: Question, *, entry: FaqEntry, answer: str = "", by: Member
) -> Question:
    """Publish the answer in the FAQ and send the asker the link.

    A new `entry` is placed last in its section and gets its address; to one that is published
    already, `answer` is added as a paragraph of its own (empty: it says enough). Either is
    checked as of today. Refuses a question that is decided already, a new entry without a
    question or an answer, and one that is not published (any more).
    """
    with transaction.atomic():
        row = _waiting(question)
        entry = _extended(entry, answer, by) if entry.pk else _added(entry, by)
        _decide(row, by, "published", status=Question.Status.PUBLISHED, published_in=entry)
        if row.email:
            emails.question_published(row)
    return row


def dismiss_question(question: Question, *, reason: str, by: Member) -> Question:
    """Close the question without an answer. With a reason, an asker with an address is told;
    without one nobody is. Refuses a question that is decided already."""
    with transaction.atomic():
        row = _waiting(question)
        _decide(row, by, "dismissed", status=Question.Status.DISMISSED, answer=reason.strip())
        if row.email and row.answer:
            emails.question_dismissed(row)
    return row


def confirm_entry(entry: FaqEntry, *, by: Member) -> FaqEntry:
    """Say that the answer is still true today. Refuses one that was checked today already."""
    with transaction.atomic():
        row = FaqEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
        if row.checked_on == timezone.localdate():
            raise Refused(f"“{row}” was checked today already. Nothing was changed.")
        save_with_history(row, by, "checked: still true", checked_on=timezone.localdate())
    return row


def delete_old_addresses() -> int:
    """Erase the askers' addresses 90 days after the decision, and a year after the question if
    there was none; returns how many. History keeps no addresses, so there is nothing to write."""
    now = timezone.now()
    decided = Q(decided_at__lt=now - FORGET_DECIDED)
    old = decided | Q(decided_at=None, asked_at__lt=now - FORGET_ASKED)
    return Question.objects.filter(old).exclude(email="").update(email="")


def _one_at_a_time(model: type[models.Model]) -> None:
    """Let only one transaction at a time look for a row of `model` and then add one: no
    constraint can say “not within ten minutes”, and an address is made up from what is free."""
    key = ContentType.objects.get_for_model(model).pk
    ContentType.objects.select_for_update(no_key=True).get(pk=key)


def _waiting(question: Question) -> Question:
    """The stored row, locked. Refuses one that is decided, saying by whom and when."""
    Question.objects.select_for_update(no_key=True).get(pk=question.pk)
    row = Question.objects.select_related("decided_by").get(pk=question.pk)
    if row.decided_at:
        raise Refused(
            f"“{row}”: already {row.get_status_display().lower()} "
            f"on {long_date(row.decided_at)} by {row.decided_by}. Nothing was changed."
        )
    return row


def _decide(row: Question, by: Member, why: str, **changes: Any) -> None:
    save_with_history(row, by, why, decided_at=timezone.now(), decided_by=by, **changes)


def _added(entry: FaqEntry, by: Member) -> FaqEntry:
    """The new `entry`, stored and published."""
    if not entry.question.strip() or not entry.answer.strip():
        raise Refused("Write the question and the answer. Everybody reads them.")
    _one_at_a_time(FaqEntry)
    entry.position = FaqEntry.objects.next_place(entry.team, entry.topic)
    entry.slug = _free_slug(entry.question)
    entry.checked_on, entry.is_published = timezone.localdate(), True
    save_with_history(entry, by, "published for a visitor’s question")
    return entry


def _free_slug(question: str) -> str:
    stem = slugify(question)[:70].strip("-") or "question"
    taken = set(FaqEntry.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    taken.add("ask")  # where visitors ask
    numbers = range(2, len(taken) + 2)
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in numbers)) if slug not in taken)


def _extended(entry: FaqEntry, answer: str, by: Member) -> FaqEntry:
    """The stored `entry` with `answer` added to its own."""
    row = FaqEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
    if not row.is_published:
        raise Refused(f"“{row}” is not published. Publish the entry first. Nothing was changed.")
    changes: dict[str, Any] = {"checked_on": timezone.localdate()}
    if answer.strip():
        changes["answer"] = f"{row.answer.rstrip()}\n\n{answer.strip()}"
    save_with_history(row, by, "answers a visitor’s question", **changes)
    return row
