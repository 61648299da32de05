"""The people of conftest.py, made once per worker and written again for each test.

Thousands of tests begin with the same few people. Saving one as the portal does, with its history,
takes many times as long as writing the records does. So `make_cast` makes everybody once, by the
functions that say who they are, remembers the records, and deletes them. A fixture writes those of
its function in one go, and returns a copy of what the function returned.

Each record has the same key in every test of a worker. No other record ever gets that key: the
sequences of the database have counted it.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from inspect import signature
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

# Stands for the time at which the records are written: in the cast, all times are that.
NOW = "{now}"

_functions: list[Callable] = []
_parts: dict[str, "Part"] = {}


@dataclass
class Part:
    """What one function made, from what others had made, and the statements that write it."""

    made: Any
    others: dict[str, Any]
    statements: list[str]

    def write(self, others: dict[str, Any]) -> Any:
        """Write the records; return what was made, as belonging to `others` of this test."""
        now = timezone.now()
        written_now = str(connection.ops.adapt_datetimefield_value(now))
        with connection.cursor() as cursor:
            for statement in self.statements:
                cursor.execute(statement.replace(NOW, written_now))
        # The copy belongs to records of this test, and was made now.
        instead = {id(self.others[name]): other for name, other in others.items()}
        for record in self.made if isinstance(self.made, list) else [self.made]:
            times = (value for value in vars(record).values() if isinstance(value, datetime))
            instead |= {id(time): now for time in times}
        return deepcopy(self.made, instead)


def cast_fixture(function: Callable) -> Any:
    """Return the fixture of what `function` makes. A test that makes one of the others differently
    gets what the function makes of that."""

    @wraps(function)
    def fixture(**others: Any) -> Any:
        part = _parts.get(function.__name__)
        return part.write(others) if part and part.others == others else function(**others)

    _functions.append(function)
    return pytest.fixture(fixture)


@transaction.atomic
def make_cast() -> None:
    """Make what all `cast_fixture` make, in the order in which they are defined."""
    made: dict[str, Any] = {"db": None}
    known: dict[str, list[tuple]] = {}

    def note_table(execute: Callable, sql: str, *arguments: Any) -> Any:
        if insert := re.match(r'INSERT INTO ("\w+")', sql):
            known.setdefault(insert[1], [])
        return execute(sql, *arguments)

    for function in _functions:
        others = {name: made[name] for name in signature(function).parameters}
        name = function.__name__
        with connection.execute_wrapper(note_table):
            made[name] = function(**others)
        statements = [insert for table in known if (insert := _insert_new_rows(table, known))]
        if connection.vendor == "postgresql":
            statements = ["; ".join(statements)]
        _parts[name] = Part(made[name], others, statements)
    with connection.cursor() as cursor:
        for table in reversed(known):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names


def _insert_new_rows(table: str, known: dict[str, list[tuple]]) -> str:
    """Return the statement that writes the rows of `table` that are not `known` yet, and know
    them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  # our own names
        rows = [row for row in cursor.fetchall() if row not in known[table]]
        if not rows:
            return ""
        known[table] += rows
        columns = ", ".join(connection.ops.quote_name(column[0]) for column in cursor.description)
        row_of_values = f"({', '.join(['%s'] * len(rows[0]))})"
        sql = f"INSERT INTO {table} ({columns}) VALUES {', '.join([row_of_values] * len(rows))}"  # noqa: S608
        values = [NOW if isinstance(value, datetime) else value for row in rows for value in row]
        return connection.ops.last_executed_query(cursor, sql, values)
