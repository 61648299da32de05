"""`manage.py migrate`, as in Django, but it does not hold up a portal that is running."""

from contextlib import suppress
from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import Error, OperationalError, connection

PATIENCE = "5s"
CANCELLED = "55P03"  # lock_not_available


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """A change of a table waits for those who use it, and all who come later wait behind it:
        so it gives up after some seconds, without having changed anything."""
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        _must_be_there()
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [PATIENCE])
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != CANCELLED:
                raise
            raise CommandError(
                "Something has used a table for too long that the migration changes: a long "
                "query, or a backup. That migration changed nothing; run migrate again."
            ) from error
        finally:
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")


def _must_be_there() -> None:
    """Raises CommandError with the cause where PostgreSQL cannot be reached; the pool, which
    tries again and again, would know only that it took too long."""
    try:
        psycopg.connect(**connection.get_connection_params()).close()
    except psycopg.OperationalError as error:
        server = connection.settings_dict["HOST"] or "this machine"
        raise CommandError(
            f"PostgreSQL on {server} cannot be used. Start it, or correct DATABASE_URL. It says: "
            + " ".join(str(error).split())
        ) from None
