"""Restoring a backup, and proving that it could be restored."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.db.models import F
from post_office.models import Email

from collaborative.models import JobRun
from collaborative.monitoring.health import known_migrations
from collaborative.operations.backups import postgres, sqlite, sqlite_to_postgres
from collaborative.operations.backups.archives import (
    BackupError,
    HalfDoneError,
    decrypt,
    kind_of,
    told,
)
from collaborative.operations.backups.create import left_out, make_backup
from collaborative.operations.jobs import alone, recorded

WORDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
NEEDS_POSTGRESQL = (
    "it needs a PostgreSQL DATABASE_URL, of any server whose version is not older. What the "
    "database holds is not touched by --check."
)
# What an installation has before anybody has done anything with it.
MADE_BY_ITSELF = {
    "auth_permission",
    "django_migrations",
    JobRun._meta.db_table,
    ContentType._meta.db_table,
}
NAMED = {
    "members_member": "members",
    "members_organization": "organizations",
    "teams_membership": "memberships",
}


def check_backup(path: Path, identity: Path | None = None) -> JobRun:
    """Restore `path` into a scratch place and look whether all of it is there; changes nothing.

    Refuses a file that is damaged, that the key does not open, or that the code is too old for.
    """
    with _recorded_check() as run:
        run.facts = {"file": path.name}
        with opened(path, identity) as scratch:
            kind = kind_of(scratch)
            if (kind, connection.vendor) == ("postgresql", "sqlite"):
                raise BackupError(f"{path.name} is of PostgreSQL: {NEEDS_POSTGRESQL}")
            done, rows = _read(scratch)
            how = _tried(scratch) if kind == "postgresql" else ""
        older = known_migrations() - done
        counts = [f"{rows.get(table, 0):,} {word}" for table, word in NAMED.items()]
        run.outcome = f"{path.name} is whole{how}: {', '.join(counts)}, {sum(rows.values()):,} rows"
        run.outcome += f"; {len(older)} migrations older than this version" if older else ""
    return run


def _recorded_check() -> AbstractContextManager[JobRun]:
    """A check is kept where runs are; beside an empty database it is only told."""
    with suppress(Error):
        if JobRun._meta.db_table in connection.introspection.table_names():
            return recorded(JobRun.Job.CHECK)
    return nullcontext(JobRun(name=JobRun.Job.CHECK))


def _tried(scratch: Path) -> str:
    """Restore an archive of PostgreSQL into a database of its own; says so where that cannot be."""
    if postgres.try_out(scratch):
        return ""
    return " (but not restored: that needs a role that may make databases)"


def restore_backup(path: Path, identity: Path | None = None, *, replace: bool = False) -> JobRun:
    """Put what `path` holds in the place of the database, then bring it up to this version.

    A backup of SQLite may be restored into PostgreSQL, not the other way round. Refuses while a
    mail worker runs, a backup that the code is too old for, and a database that holds data; with
    `replace` that is first set aside as a backup. Sessions, codes and the cache begin empty.
    """
    with alone("sender") as free:
        if not free:
            raise BackupError("An email sender is running. Stop the portal and its sender first.")
        with opened(path, identity) as scratch:
            _refuse_unfit(scratch)
            aside = _set_aside(replace)
            _put_back(scratch)
        try:
            _settle()
        except (Error, CommandError) as error:
            raise HalfDoneError(
                f"{path.name} was restored, but could not be brought up to this version of the "
                f"portal: {error} Run manage.py migrate before anybody uses it."
            ) from error
        with recorded(JobRun.Job.RESTORE) as run:
            run.facts = {"file": path.name, "aside": aside}
            run.outcome = f"restored from {path.name}" + (
                f"; what was there before is in {aside}" if aside else ""
            )
        return run


@contextmanager
def opened(path: Path, identity: Path | None = None) -> Iterator[Path]:
    """The backup itself, decrypted to a place that is removed afterwards if it needs that."""
    kind = kind_of(path)
    if not kind:
        raise BackupError(f"{path.name} is not a backup, or only the beginning of one.")
    if kind != "age":
        yield path.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="portal-restore-") as place:
        scratch = Path(place) / path.name.removesuffix(".age")
        try:
            with scratch.open("wb") as writer:
                decrypt(path, identity, writer)
        except OSError as error:
            raise told(error, Path(place)) from error
        if kind_of(scratch) not in WORDS:
            raise BackupError(f"{path.name} holds something else than a backup.")
        yield scratch


def _read(scratch: Path) -> tuple[set[tuple[str, str]], dict[str, int]]:
    """Its migrations and rows; refuses migrations that the code does not know."""
    read = sqlite.read if kind_of(scratch) == "sqlite" else postgres.read
    done, rows = read(scratch)
    unknown = sorted(".".join(migration) for migration in done - known_migrations())
    if unknown:
        raise BackupError(
            "The backup is of a newer version of the portal: this one does not know the "
            f"{'migrations' if unknown[1:] else 'migration'} {', '.join(unknown[:3])}. Install "
            "that version first."
        )
    return done, rows


def _refuse_unfit(scratch: Path) -> None:
    """Refuse what this database cannot take: of the other kind, the way from SQLite to PostgreSQL
    alone is open, for a backup of this very version."""
    kind = kind_of(scratch)
    if (kind, connection.vendor) == ("postgresql", "sqlite"):
        raise BackupError("The backup is of PostgreSQL, and DATABASE_URL names SQLite.")
    done, _ = _read(scratch)
    if kind != connection.vendor and known_migrations() - done:
        raise BackupError(
            "The backup is of an older version of the portal. To move it to PostgreSQL, restore it "
            "into SQLite with this version first, and make a backup of that."
        )


def _put_back(scratch: Path) -> None:
    if kind_of(scratch) != connection.vendor:
        sqlite_to_postgres.move(scratch, left_out())
    elif connection.vendor == "postgresql":
        postgres.restore(scratch)
    else:
        sqlite.restore(scratch)


def _set_aside(replace: bool) -> str:
    """Make sure that nothing is lost; returns the path of the file that keeps what was there."""
    table = _table_with_data()
    if not table:
        return ""
    if not replace:
        raise BackupError(
            f"The database holds data (in {table}). Restore into an empty one, or say --replace: "
            "then what is there is first kept aside as a backup."
        )
    try:
        facts = make_backup(aside=True).facts
        return str(Path(facts["folder"]) / facts["file"])
    except BackupError as error:
        raise BackupError(
            f"What is there could not be kept aside, so it was not replaced: {error} Move it away "
            "yourself, or name another database, and restore into an empty one."
        ) from error


def _table_with_data() -> str:
    """The first table in which somebody's work lies; empty if there is none."""
    ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    there = ours & set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in sorted(there - MADE_BY_ITSELF - set(left_out())):
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {quoted})")  # noqa: S608  # quoted
            if cursor.fetchone()[0]:
                return table
    return ""


def _settle() -> None:
    """What a restored database needs before anybody uses it."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    # Whoever asked for a code then has another one by now.
    Email.objects.filter(expires_at__isnull=False).delete()
    # The run that made this very backup had not ended when it was made.
    JobRun.objects.open("backup").update(
        finished_at=F("started_at"), succeeded=True, outcome="the backup that was restored"
    )
    with suppress(Exception):  # a cache that is away holds nothing against anybody
        cache.clear()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
