"""Searching long lists: each table is searched on its own, and the answers are united.

Stock admin asks for all words in all tables by one OR over joins, which no index can serve and
which looks at each row of the longest table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import ForeignObjectRel, Model, Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from members.models import EmailDomain, Member

Row = TypeVar("Row", bound=Model)

MANY = 1_000  # rows found that are named by their keys; the database searches again for more
# Stored in lower case, by a constraint: compared as they are, in half the time.
LOWER_CASE = {(Member, "email"), (EmailDomain, "domain")}


def narrowed(
    rows: QuerySet[Row], term: str, model: type[Model], fields: Sequence[str], path: str = "pk"
) -> QuerySet[Row]:
    """Those of `rows` that lead by `path` to one of `model` that holds each word of `term`.

    What was found is named by its keys when the list is counted and read, so that one search
    does for both, unless it is too much for that.
    """
    words = words_of(term)
    if not (words and fields):
        return rows
    found = model._base_manager.filter(holding_all(model, fields, words))
    keys = list(found.values_list("pk", flat=True)[: MANY + 1])
    return rows.filter(**{f"{path}__in": found.values("pk") if len(keys) > MANY else keys})


def words_of(term: str) -> list[str]:
    """The words of what was typed; quotes keep some together."""
    return [
        unescape_string_literal(word) if word[0] == word[-1] and word[0] in "\"'" else word
        for word in smart_split(term)
    ]


def holding_all(model: type[Model], fields: Sequence[str], words: Iterable[str]) -> Q:
    """The rows of `model` that hold each of `words` in one of `fields`."""
    found = Q()
    for word in words:
        found &= holding(model, fields, word)
    return found


def holding(model: type[Model], fields: Sequence[str], word: str) -> Q:
    """The rows of `model` that hold `word` in one of `fields`, which may lead to other tables."""
    found = Q()
    beyond: dict[str, list[str]] = defaultdict(list)
    for field in fields:
        name, _, rest = field.partition("__")
        if rest:
            beyond[name].append(rest)
        elif (model, name) in LOWER_CASE:
            found |= Q(**{f"{name}__contains": word.lower()})
        else:
            found |= Q(**{f"{name}__icontains": word})
    for name, rest_of in beyond.items():
        found |= _in_other_table(model, name, rest_of, word)
    return found


def _in_other_table(model: type[Model], name: str, fields: Sequence[str], word: str) -> Q:
    relation: Any = model._meta.get_field(name)
    other = relation.related_model
    rows = other._base_manager.filter(holding(other, fields, word))
    if isinstance(relation, ForeignObjectRel):  # from the other table to this one
        return Q(pk__in=rows.values(relation.field.attname))
    return Q(**{f"{name}__in": rows.values("pk")})
