"""Pages of long lists: none counts a whole large table, none reads far past what it shows."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import QuerySet

LARGE = 100_000  # rows; what is shorter is counted
FAR = 1_000  # rows to step over; beyond it only keys are read until the page begins


class EstimatedCountPaginator(Paginator[Any]):
    """Pages of a queryset in a stable order, read from whichever end is nearer.

    A whole large table is not counted for pages of its first half: PostgreSQL's estimate is
    near enough there, and `is_estimated` says so. Whatever is narrowed is counted exactly, so
    that a list agrees with the figure that leads to it.
    """

    wanted = 1  # the page that will be asked for

    @property
    def is_estimated(self) -> bool:
        return self._estimate is not None

    @cached_property
    def count(self) -> int:
        return super().count if self._estimate is None else self._estimate

    @cached_property
    def _estimate(self) -> int | None:
        rows = self.object_list
        if not isinstance(rows, QuerySet) or rows.query.where or rows.query.distinct:
            return None
        number = estimated(rows)
        return number if number >= max(LARGE, 2 * self.wanted * self.per_page) else None

    def validate_number(self, number: Any) -> int:
        """The number; the last page for one behind it, since rows may be fewer by now."""
        with suppress(TypeError, ValueError):  # refused below
            if int(number) > self.num_pages:
                number = self.num_pages
        return super().validate_number(number)

    def page(self, number: Any) -> Page[Any]:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        behind = self.count - first - self.per_page  # rows on later pages
        rows = cast("QuerySet[Any]", self.object_list)
        if self.is_estimated or first <= behind:
            shown = read(rows, first, first + self.per_page)
        else:
            shown = read(rows.reverse(), max(behind, 0), self.count - first)[::-1]
        return Page(shown, number, self)


def read(rows: QuerySet[Any], first: int, end: int) -> list[Any]:
    """The rows from number `first` on and before `end`."""
    if first < FAR:
        return list(rows[first:end])
    keys = list(rows.values_list("pk", flat=True)[first:end])
    found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
    return [found[key] for key in keys if key in found]


def estimated(rows: QuerySet[Any]) -> int:
    """About how many rows the table has; 0 where the database keeps no such number."""
    connection = connections[rows.db]
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(rows.model._meta.db_table)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])
