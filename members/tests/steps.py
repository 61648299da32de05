"""What the tests of services ask again and again: who changed it and why, and was it refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from post_office.models import Email

from members.models import Member
from members.services import Refused


def last_line(row: Any) -> tuple[Member | None, str]:
    """Who changed the row last, and why, as its history tells."""
    line = row.history.latest()
    return line.history_user, line.history_change_reason


def refused(words: str, step: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """The step is refused in words that match, and changes nothing: no row, history or email."""
    before = _everything()
    with pytest.raises(Refused, match=words):
        step(*args, **kwargs)
    assert _everything() == before


def _everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of our own tables, their history among them, and of the email queue."""
    kinds: list[type[models.Model]] = [Email]
    for app in ("members", "teams"):
        kinds += apps.get_app_config(app).get_models(include_auto_created=True)
    return {kind._meta.label: list(kind._default_manager.order_by("pk").values()) for kind in kinds}
