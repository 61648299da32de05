"""What every step rests on: one lock, one line of history, one way to refuse."""

from typing import Any

from django.db import models

from members.models import Member


class Refused(Exception):  # noqa: N818  # a refusal by the rules, not an error of the program
    """A step that the rules do not allow now; the text says why, for the person who tried."""


def record(row: models.Model, by: Member | None, why: str, /, **changes: Any) -> None:
    """Save `changes` to `row` with a history line: who (None: by itself) and why."""
    for field, value in changes.items():
        setattr(row, field, value)
    row._history_user = by  # type: ignore[attr-defined]  # read by django-simple-history
    row._change_reason = why  # type: ignore[attr-defined]
    row.save(update_fields=list(changes) if row.pk else None)


def one_line(text: str) -> str:
    """`text` with single spaces for any white space: a name cannot add lines to a mail."""
    return " ".join(text.split())


def lock_open_account(member: Member) -> Member:
    """The stored row of `member`, locked until the transaction ends. Refuses a closed account."""
    row: Member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    if not row.is_active:
        raise Refused("This account is closed.")
    return row
