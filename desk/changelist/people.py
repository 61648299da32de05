"""The people that records refer to, as the staff member who reads may see them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from django.db.models import ForeignKey, Model

from members.models import Member
from teams.services import mark_unseen


def people_of(record: Model) -> list[Member]:
    """Return the people whom `record` refers to and that were loaded with it."""
    return [
        person
        for field in record._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.is_cached(record)
        if isinstance(person := getattr(record, field.name), Member)
    ]


def mark_unseen_people(records: Iterable[Model], staff: Member) -> None:
    """Let text about `records` name only those of their people whom `staff` sees. One query for
    any number on a page."""
    mark_unseen(chain.from_iterable(map(people_of, records)), staff)
