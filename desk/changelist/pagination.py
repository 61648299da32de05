"""Pages of long lists: none counts a whole large table, none reads far past what it shows."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import QuerySet

# Rows; a table that is shorter is counted.
MIN_ROWS_TO_ESTIMATE = 100_000
# Rows before a page; of more only the keys are read.
MAX_ROWS_SKIPPED = 1_000


class EstimatedCountPaginator(Paginator[Any]):
    """Pages of a queryset in a stable order, read from whichever end is nearer.

    A whole large table is not counted for pages of its first half: PostgreSQL's estimate is
    near enough there, and `is_estimated` says so. A filtered list is counted exactly, so that it
    agrees with the number that leads to it.
    """

    # The page that will be asked for.
    requested_page = 1

    @property
    def is_estimated(self) -> bool:
        return self._estimate is not None

    @cached_property
    def count(self) -> int:
        return super().count if self._estimate is None else self._estimate

    @cached_property
    def _estimate(self) -> int | None:
        """The estimated number of rows; None where they are counted."""
        queryset = self.object_list
        if not isinstance(queryset, QuerySet) or queryset.query.where or queryset.query.distinct:
            return None
        number = estimate_row_count(queryset)
        enough = max(MIN_ROWS_TO_ESTIMATE, 2 * self.requested_page * self.per_page)
        return number if number >= enough else None

    def validate_number(self, number: Any) -> int:
        """Return the number; the last page for one behind it, since there may be fewer rows now."""
        # What is no number is refused by the stock paginator.
        with suppress(TypeError, ValueError):
            if int(number) > self.num_pages:
                number = self.num_pages
        return super().validate_number(number)

    def page(self, number: Any) -> Page[Any]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows_after = self.count - start - self.per_page
        queryset = cast("QuerySet[Any]", self.object_list)
        if self.is_estimated or start <= rows_after:
            rows = read_rows(queryset, start, start + self.per_page)
        else:
            rows = read_rows(queryset.reverse(), max(rows_after, 0), self.count - start)[::-1]
        return Page(rows, number, self)


def read_rows(queryset: QuerySet[Any], start: int, stop: int) -> list[Any]:
    """Return `queryset[start:stop]`, without reading whole rows before a `start` far away."""
    if start < MAX_ROWS_SKIPPED:
        return list(queryset[start:stop])
    keys = list(queryset.values_list("pk", flat=True)[start:stop])
    rows = {row.pk: row for row in queryset.order_by().filter(pk__in=keys)}
    return [rows[key] for key in keys if key in rows]


def estimate_row_count(queryset: QuerySet[Any]) -> int:
    """Return about how many rows the table has; 0 where the database keeps no such number."""
    connection = connections[queryset.db]
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(queryset.model._meta.db_table)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])
