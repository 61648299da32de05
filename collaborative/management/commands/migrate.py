"""`manage.py migrate`, as in Django, but it does not hold up a portal that is running."""

from contextlib import suppress
from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import Error, OperationalError, connection

LOCK_TIMEOUT = "5s"
SQLSTATE_LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, but give up after LOCK_TIMEOUT, having changed nothing, where a table is in use.

        A change of a table waits for its users, and all later users wait behind the change.
        """
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        _require_reachable_server()
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != SQLSTATE_LOCK_NOT_AVAILABLE:
                raise
            raise CommandError(
                "Something has used a table for too long that the migration changes: a long "
                "query, or a backup. That migration changed nothing; run migrate again."
            ) from error
        finally:
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")


def _require_reachable_server() -> None:
    """Raise CommandError with the cause if PostgreSQL cannot be reached; the pool, which tries
    again and again, would only report that it took too long."""
    try:
        psycopg.connect(**connection.get_connection_params()).close()
    except psycopg.OperationalError as error:
        server = connection.settings_dict["HOST"] or "this machine"
        raise CommandError(
            f"PostgreSQL on {server} cannot be used. Start it, or correct DATABASE_URL. It says: "
            + " ".join(str(error).split())
        ) from None
