"""What visitors send: stored once, locked for the decision, and the addresses erased in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from members.dates import long_date
from members.models import Member
from members.services import Refused, save_with_history
from members.wording import end_sentence
from teams.models import Question, ResourceSuggestion, Submission, Topic
from teams.services.visibility import name_for

S = TypeVar("S", bound=Submission)

# By what the lists and the daily email call them.
SUBMISSIONS: dict[str, type[Question | ResourceSuggestion | Topic]] = {
    "questions": Question,
    "suggestions": ResourceSuggestion,
    "topics": Topic,
}
# The same words from the same address within this time were sent once.
REPEAT_WINDOW = timedelta(minutes=10)
KEEP_ADDRESS_AFTER_DECISION = timedelta(days=90)
KEEP_ADDRESS_UNDECIDED = timedelta(days=365)


def store_submission(
    model: type[S], why: str, fields: dict[str, str], more: Callable[[], dict[str, str]] = dict
) -> S:
    """Store what a visitor sent, with the line of history `why`, and return it; what is sent twice
    within ten minutes is stored once. `more` returns what a new one has besides `fields`.

    Nobody has proven the address: one email about it may go there, no more.
    """
    with transaction.atomic():
        serialize_inserts(model)
        since = {f"{model.SENT_AT}__gte": timezone.now() - REPEAT_WINDOW}
        submission: S | None = model._default_manager.filter(**since, **fields).first()
        if submission is None:
            submission = model(**fields, **more())
            save_with_history(submission, None, why)
    return submission


def lock_submission(submission: S, by: Member) -> S:
    """Return the stored `submission`, locked. Refuses `by` one that is decided, saying by whom and
    when."""
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    stored = type(submission)._default_manager
    stored.select_for_update(no_key=True).get(pk=submission.pk)
    locked: S = stored.select_related("decided_by").get(pk=submission.pk)
    if locked.decided_at and locked.decided_by:
        raise Refused(
            f"“{locked}”: already {locked.status_in_words.lower()} on "
            f"{long_date(locked.decided_at)} by {end_sentence(name_for(locked.decided_by, by))} "
            "Nothing was changed."
        )
    return locked


def decide_submission(submission: Submission, by: Member, why: str, **changes: Any) -> None:
    """Store the decision of `by` about a locked `submission`."""
    save_with_history(submission, by, why, decided_at=timezone.now(), decided_by=by, **changes)


def delete_old_addresses() -> int:
    """Erase the addresses of those who asked a question, suggested a resource or proposed a topic,
    90 days after the decision, and a year after they wrote if there was none; return how many.
    History holds no addresses, so it gets no line."""
    now = timezone.now()
    decided = Q(decided_at__lt=now - KEEP_ADDRESS_AFTER_DECISION)
    number = 0
    for model in SUBMISSIONS.values():
        sent = {f"{model.SENT_AT}__lt": now - KEEP_ADDRESS_UNDECIDED}
        old = model._default_manager.filter(decided | Q(decided_at=None, **sent))
        number += old.exclude(**{model.EMAIL: ""}).update(**{model.EMAIL: ""})
    return number


def serialize_inserts(model: type[models.Model]) -> None:
    """Let only one transaction at a time look for an object of `model` and then add one: no
    constraint can say “not within ten minutes”, and a new slug depends on those that are free."""
    key = ContentType.objects.get_for_model(model).pk
    ContentType.objects.select_for_update(no_key=True).get(pk=key)
