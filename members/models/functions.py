"""Database functions that Django does not have."""

from typing import Any

from django.db.models import Func, IntegerField


class OctetLength(Func):
    """The length of a text in bytes; more than `Length` gives if not all of it is ASCII."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context
        )
