"""Assertions about services: who changed something and why, and that a step is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from post_office.models import Email

from members.models import Member
from members.services import Refused


def last_line(instance: Any) -> tuple[Member | None, str]:
    """Return who changed `instance` last, and why, from its history."""
    version = instance.history.latest()
    return version.history_user, version.history_change_reason


def refused(words: str, step: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Assert that the step is refused in words that match, and changes no row, history or email."""
    before = everything_stored()
    with pytest.raises(Refused, match=words):
        step(*args, **kwargs)
    assert everything_stored() == before


def everything_stored() -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of our own tables, with their history, and of the email queue."""
    stored: list[type[models.Model]] = [Email]
    for app in ("members", "teams"):
        stored += apps.get_app_config(app).get_models(include_auto_created=True)
    # The names are our own.
    queries = [f'SELECT * FROM "{model._meta.db_table}" ORDER BY 1' for model in stored]  # noqa: S608
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # All at once: one answer after the other.
            cursor.execute("; ".join(queries))
            answers = [cursor.fetchall()]
            while cursor.nextset():
                answers.append(cursor.fetchall())
        else:
            answers = [cursor.execute(query).fetchall() for query in queries]
    return dict(zip((model._meta.label for model in stored), answers, strict=True))
