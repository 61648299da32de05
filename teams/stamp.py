"""Whether anything that facilitators write has changed."""

from functools import cache

from django.db import connection
from django.utils import timezone

from teams.models import ActionTeam, FaqEntry, Goal


def content_stamp() -> str:
    """Another one after each change of a team, a goal or an answer, and each day: the newest line
    of each of their histories, in one query.

    Two changes at once may end in the other order than their lines were numbered. So what is kept
    by this stamp is kept for `settings.PAGE_CACHE_SECONDS` at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(_newest_lines())
        return "-".join(str(part) for part in (timezone.localdate(), *cursor.fetchone()))


@cache
def _newest_lines() -> str:
    """The query. Built once: a look at `history` makes a manager each time."""
    tables = [kind.history.model._meta.db_table for kind in (ActionTeam, Goal, FaqEntry)]
    newest = ", ".join(f"(SELECT MAX(history_id) FROM {table})" for table in tables)  # noqa: S608  # our own names
    return f"SELECT {newest}"
