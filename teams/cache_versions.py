"""Whether anything that public pages show has changed."""

from functools import cache
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from members.models import Member, Organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership

CONTENT = (ActionTeam, Goal, FaqEntry)
PEOPLE = (Membership, Organization, Member)


class CacheVersions(NamedTuple):
    """Each is another one after each change, and each day."""

    content: str  # of what facilitators write: a team, a goal, an answer
    people: str  # of who is in which team, and for whom: a stay, an organization, a member


def cache_versions() -> CacheVersions:
    """The newest line of each history that public pages are made from, in one query.

    Two changes at once may end in the other order than their lines were numbered. So what is kept
    by these stamps is kept for `settings.PAGE_CACHE_SECONDS` at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(_newest_lines())
        lines = cursor.fetchone()
    today = timezone.localdate()
    return CacheVersions(
        *(f"{today}-{part}" for part in (lines[: len(CONTENT)], lines[len(CONTENT) :]))
    )


@cache
def _newest_lines() -> str:
    """The query. Built once: a look at `history` makes a manager each time."""
    tables = [kind.history.model._meta.db_table for kind in (*CONTENT, *PEOPLE)]
    newest = ", ".join(f"(SELECT MAX(history_id) FROM {table})" for table in tables)  # noqa: S608  # our own names
    return f"SELECT {newest}"
