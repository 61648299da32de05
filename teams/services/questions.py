"""Visitors' questions, asked without an account and decided by facilitators; and the FAQ."""

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
from members.wording import end_sentence
from teams import emails
from teams.models import FaqEntry, Question, ResourceSuggestion, Topic
from teams.services.visibility import name_for

# The same words from the same address within this time are one question.
REPEAT_WINDOW = timedelta(minutes=10)
# How long the address of an asker, or of who suggests a resource or proposes a topic, is kept.
KEEP_ADDRESS_AFTER_DECISION = timedelta(days=90)
KEEP_ADDRESS_UNDECIDED = timedelta(days=365)
# Of a slug, so that a number fits behind it.
MAX_SLUG_CHARACTERS = 70


def ask_question(text: str, email: str = "") -> Question:
    """Store the question of a visitor and return it; what is sent twice within ten minutes is one
    question.

    Nobody has proven the address: one email about this question may go there, no more.
    """
    with transaction.atomic():
        serialize_inserts(Question)
        recent = Question.objects.filter(asked_at__gte=timezone.now() - REPEAT_WINDOW)
        question = recent.filter(text=text, email=email).first()
        if question is None:
            question = Question(text=text, email=email)
            save_with_history(question, None, "asked by a visitor")
    return question


def answer_question(question: Question, *, answer: str, by: Member) -> Question:
    """Answer the asker by email, and nobody else; return the stored question. Refuses without an
    answer or an address, and a question that is decided already."""
    if not answer.strip():
        raise Refused("Write the answer. The asker reads it in the email.")
    with transaction.atomic():
        question = _lock_waiting(question, by)
        if not question.email:
            raise Refused(
                f"“{question}”: the asker left no address, so no answer reaches them. Publish it "
                "instead, or dismiss the question. Nothing was changed."
            )
        answered = Question.Status.ANSWERED
        _decide(question, by, "answered", status=answered, answer=answer.strip())
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
        question = _lock_waiting(question, by)
        entry = _extend_entry(entry, answer, by) if entry.pk else _add_entry(entry, by)
        published = Question.Status.PUBLISHED
        _decide(question, by, "published", status=published, published_in=entry)
        if question.email:
            emails.question_published(question)
    return question


def dismiss_question(question: Question, *, reason: str, by: Member) -> Question:
    """Close the question without an answer; return the stored question. With a reason, an asker
    with an address gets an email; without one nobody does. Refuses a question that is decided
    already."""
    with transaction.atomic():
        question = _lock_waiting(question, by)
        dismissed = Question.Status.DISMISSED
        _decide(question, by, "dismissed", status=dismissed, answer=reason.strip())
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


def delete_old_addresses() -> int:
    """Erase the addresses of those who asked a question, suggested a resource or proposed a topic,
    90 days after the decision, and a year after they wrote if there was none; return how many.
    History holds no addresses, so it gets no line."""
    now = timezone.now()
    decided = Q(decided_at__lt=now - KEEP_ADDRESS_AFTER_DECISION)
    undecided_since = now - KEEP_ADDRESS_UNDECIDED
    questions = Question.objects.filter(decided | Q(decided_at=None, asked_at__lt=undecided_since))
    suggestions = ResourceSuggestion.objects.filter(
        decided | Q(decided_at=None, suggested_at__lt=undecided_since)
    )
    topics = Topic.objects.filter(decided | Q(decided_at=None, proposed_at__lt=undecided_since))
    number = topics.exclude(proposer_email="").update(proposer_email="")
    return number + sum(old.exclude(email="").update(email="") for old in (questions, suggestions))


def serialize_inserts(model: type[models.Model]) -> None:
    """Let only one transaction at a time look for an object of `model` and then add one: no
    constraint can say “not within ten minutes”, and a new slug depends on those that are free."""
    key = ContentType.objects.get_for_model(model).pk
    ContentType.objects.select_for_update(no_key=True).get(pk=key)


def _lock_waiting(question: Question, by: Member) -> Question:
    """Return the stored question, locked. Refuses `by` one that is decided, saying by whom and
    when."""
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    Question.objects.select_for_update(no_key=True).get(pk=question.pk)
    question = Question.objects.select_related("decided_by").get(pk=question.pk)
    if question.decided_at and question.decided_by:
        raise Refused(
            f"“{question}”: already {question.get_status_display().lower()} on "
            f"{long_date(question.decided_at)} by "
            f"{end_sentence(name_for(question.decided_by, by))} "
            "Nothing was changed."
        )
    return question


def _decide(question: Question, by: Member, why: str, **changes: Any) -> None:
    save_with_history(question, by, why, decided_at=timezone.now(), decided_by=by, **changes)


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
