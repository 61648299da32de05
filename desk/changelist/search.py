"""Searching long lists: each table is searched on its own, and the results are united.

Stock admin asks for all words in all tables by one OR over joins, which no index can serve and
which looks at each row of the longest table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import ForeignObjectRel, Model, Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from members.email_domains import ascii_domain
from members.models import EmailDomain, Member
from members.normalize import clean_text
from members.search_words import used_words

Row = TypeVar("Row", bound=Model)

# Of more matches the database searches again instead of being given the keys.
MAX_KEYS_IN_QUERY = 1_000
# Stored in lower case, by a constraint: compared as they are, in half the time.
LOWER_CASE_FIELDS = {(Member, "email"), (EmailDomain, "domain")}


def search(
    queryset: QuerySet[Row], text: str, model: type[Model], fields: Sequence[str], path: str = "pk"
) -> QuerySet[Row]:
    """Return the rows of `queryset` that lead by `path` to a match of `text` in `model`.

    A match contains each of the `used_words` of `text` in one of `fields`. Matches are named by
    their keys when the list is counted and read, so that one search does for both, unless they
    are too many.
    """
    words = used_words(split_words(text))
    if not (words and fields):
        return queryset
    matches = model._base_manager.filter(fields_contain_all(model, fields, words))
    keys = list(matches.values_list("pk", flat=True)[: MAX_KEYS_IN_QUERY + 1])
    are_many = len(keys) > MAX_KEYS_IN_QUERY
    return queryset.filter(**{f"{path}__in": matches.values("pk") if are_many else keys})


def split_words(text: str) -> list[str]:
    """Return the words of `text`; quotes keep some together."""
    return [
        unescape_string_literal(word) if word[0] == word[-1] and word[0] in "\"'" else word
        for word in smart_split(clean_text(text))
    ]


def fields_contain_all(model: type[Model], fields: Sequence[str], words: Iterable[str]) -> Q:
    """Return the condition that each of `words` is in one of the `fields` of `model`."""
    condition = Q()
    for word in words:
        condition &= field_contains(model, fields, word)
    return condition


def field_contains(model: type[Model], fields: Sequence[str], word: str) -> Q:
    """Return the condition that `word` is in one of `fields`, which may lead to other tables."""
    condition = Q()
    related_fields: dict[str, list[str]] = defaultdict(list)
    for field in fields:
        name, _, related_field = field.partition("__")
        if related_field:
            related_fields[name].append(related_field)
        elif (model, name) in LOWER_CASE_FIELDS:
            condition |= Q(**{f"{name}__contains": stored_spelling(word)})
        else:
            condition |= Q(**{f"{name}__icontains": word})
    for name, names in related_fields.items():
        condition |= _related_field_contains(model, name, names, word)
    return condition


def stored_spelling(word: str) -> str:
    """Return `word` as addresses and domains are stored: in lower case, a domain in ASCII."""
    local, at, domain = word.lower().rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}" if "." in domain.strip(".") else word.lower()


def _related_field_contains(model: type[Model], name: str, fields: Sequence[str], word: str) -> Q:
    relation: Any = model._meta.get_field(name)
    related_model = relation.related_model
    matches = related_model._base_manager.filter(field_contains(related_model, fields, word))
    # From the related table to this one.
    if isinstance(relation, ForeignObjectRel):
        return Q(pk__in=matches.values(relation.field.attname))
    return Q(**{f"{name}__in": matches.values("pk")})
