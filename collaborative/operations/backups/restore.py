"""Restoring a backup, and checking that it could be restored."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.db.models import F
from post_office.models import Email

from collaborative.models import JobRun
from collaborative.monitoring.health import count_missing_migrations, known_migrations
from collaborative.operations.backups import postgres, sqlite, sqlite_to_postgres
from collaborative.operations.backups.archives import (
    DISK_FULL_ERRNOS,
    BackupError,
    Contents,
    IncompleteRestoreError,
    Tables,
    describe_os_error,
    detect_format,
)
from collaborative.operations.backups.authentication import CHUNK_BYTES, new_mac, require_mac
from collaborative.operations.backups.create import excluded_tables, make_backup
from collaborative.operations.backups.encryption import decrypt
from collaborative.operations.backups.schema import check_contents
from collaborative.operations.jobs import exclusive_lock, record_run

DATABASE_FORMATS = {"sqlite", "postgresql"}
NEEDS_POSTGRESQL = (
    "it needs a PostgreSQL DATABASE_URL, of any server whose version is not older. What the "
    "database holds is not touched by --check."
)
PROVEN = "BACKUP_MAC_KEY proves where it is from"
NOT_PROVEN = "nothing proves where it is from: BACKUP_MAC_KEY is not set"
# Tables that a new installation fills before anyone has used it.
TABLES_FILLED_BY_MIGRATE = {
    "auth_permission",
    "django_migrations",
    JobRun._meta.db_table,
    ContentType._meta.db_table,
}
COUNTED_TABLES = {
    "members_member": "members",
    "members_organization": "organizations",
    "teams_membership": "memberships",
}


def check_backup(path: Path, identity: Path | None = None) -> JobRun:
    """Restore `path` into a scratch place, count its rows, and return the record of the run.

    Changes nothing. Refuses a file that is damaged, that the key does not open, that holds anything
    but the portal's tables, that the code is too old for, or that BACKUP_MAC_KEY did not write.
    """
    with _record_check() as run:
        run.details = {"file": path.name}
        with open_backup(path, identity) as scratch:
            file_format = detect_format(scratch)
            if (file_format, connection.vendor) == ("postgresql", "sqlite"):
                raise BackupError(f"{path.name} is of PostgreSQL: {NEEDS_POSTGRESQL}")
            contents = _read(scratch)
            tables = check_contents(contents, excluded_tables())
            note = ""
            if file_format == "sqlite":
                sqlite.check(scratch, contents, tables)
            elif not postgres.check(scratch, contents, tables):
                note = " (but not restored: that needs a role that may make databases)"
        rows = contents.rows
        counts = [f"{rows.get(table, 0):,} {plural}" for table, plural in COUNTED_TABLES.items()]
        run.outcome = (
            f"{path.name} is whole{note}: {', '.join(counts)}, {sum(rows.values()):,} rows"
        )
        run.outcome += f"; {PROVEN if settings.BACKUP_MAC_KEY else NOT_PROVEN}"
        if missing := known_migrations() - contents.migrations:
            run.outcome += f"; {len(missing)} migrations older than this version"
    return run


def _record_check() -> AbstractContextManager[JobRun]:
    """Record the check, unless the database is empty."""
    with suppress(Error):
        if JobRun._meta.db_table in connection.introspection.table_names():
            return record_run(JobRun.Job.CHECK)
    return nullcontext(JobRun(name=JobRun.Job.CHECK))


def restore_backup(path: Path, identity: Path | None = None, *, replace: bool = False) -> JobRun:
    """Replace the database by the rows that `path` holds, migrate it to this version, and return
    the record of the run. Sessions, codes and the cache begin empty.

    A backup of SQLite may be restored into PostgreSQL, not the other way around. Refuses while a
    mail worker runs, a backup that the code is too old for, and a database that holds data; with
    `replace` that is first backed up.
    """
    with exclusive_lock("mail_worker") as acquired:
        if not acquired:
            raise BackupError("A mail worker is running. Stop it and the portal first.")
        with open_backup(path, identity) as scratch:
            contents, tables = _refuse_unfit(scratch)
            previous = _back_up_existing_data(replace)
            _load(scratch, contents, tables)
        try:
            _prepare_restored_database()
        except (Error, CommandError) as error:
            raise IncompleteRestoreError(
                f"{path.name} was restored, but could not be brought up to this version of the "
                f"portal: {error} Run manage.py migrate before anybody uses it."
            ) from error
        with record_run(JobRun.Job.RESTORE) as run:
            run.details = {"file": path.name, "previous": previous}
            run.outcome = f"restored from {path.name}" + (
                f"; what was there before is in {previous}" if previous else ""
            )
        return run


@contextmanager
def open_backup(path: Path, identity: Path | None = None) -> Iterator[Path]:
    """Yield the path of a copy, decrypted and proven, that only this user can read, and that is
    removed afterwards.

    What was checked is what is read: nobody can change the copy, or lay a journal beside it.
    """
    if not detect_format(path):
        raise BackupError(f"{path.name} is not a backup, or only the beginning of one.")
    with tempfile.TemporaryDirectory(prefix="portal-restore-") as folder:
        scratch = Path(folder) / path.name
        _copy_proven(path, scratch)
        if detect_format(scratch) == "age":
            scratch = _decrypted(scratch, identity)
        if detect_format(scratch) not in DATABASE_FORMATS:
            raise BackupError(f"{path.name} holds something else than a backup.")
        yield scratch


def _decrypted(encrypted: Path, identity: Path | None) -> Path:
    """Put the decrypted file in the place of the encrypted one; return its path."""
    plain = encrypted.with_name(f"{encrypted.name}.decrypted")
    try:
        with plain.open("xb") as writer:
            decrypt(encrypted, identity, writer)
    except OSError as error:
        raise _describe_scratch_error(error, plain.parent) from error
    return plain.replace(encrypted)


def _copy_proven(path: Path, scratch: Path) -> None:
    """Copy a backup; where BACKUP_MAC_KEY is set, refuse one that was not written with it."""
    digest = new_mac() if settings.BACKUP_MAC_KEY else None
    try:
        with path.open("rb") as reader, scratch.open("xb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                writer.write(chunk)
                if digest:
                    digest.update(chunk)
    except OSError as error:
        raise _describe_scratch_error(error, scratch.parent) from error
    if digest:
        require_mac(path, digest)


def _describe_scratch_error(error: OSError, folder: Path) -> BackupError:
    if error.errno in DISK_FULL_ERRNOS:
        return BackupError(
            f"There is no room for a copy of the backup in {folder.parent}. Make room, or set "
            "TMPDIR to a folder that has some."
        )
    return describe_os_error(error, folder)


def _read(scratch: Path) -> Contents:
    """Return what is in it; refuse migrations that the code does not know."""
    read = sqlite.read if detect_format(scratch) == "sqlite" else postgres.read
    contents = read(scratch)
    unknown = sorted(".".join(each) for each in contents.migrations - known_migrations())
    if unknown:
        raise BackupError(
            "The backup is of a newer version of the portal: this one does not know the "
            f"{'migrations' if unknown[1:] else 'migration'} {', '.join(unknown[:3])}. Install "
            "that version first."
        )
    return contents


def _refuse_unfit(scratch: Path) -> tuple[Contents, Tables]:
    """Return what is in the backup, and the tables to be restored.

    Refuses what this database cannot take: between the two kinds only the way from SQLite to
    PostgreSQL is open, for a backup of this very version.
    """
    file_format = detect_format(scratch)
    if (file_format, connection.vendor) == ("postgresql", "sqlite"):
        raise BackupError("The backup is of PostgreSQL, and DATABASE_URL names SQLite.")
    contents = _read(scratch)
    if file_format != connection.vendor and known_migrations() - contents.migrations:
        raise BackupError(
            "The backup is of an older version of the portal. To move it to PostgreSQL, restore it "
            "into SQLite with this version first, and make a backup of that."
        )
    return contents, check_contents(contents, excluded_tables())


def _load(scratch: Path, contents: Contents, tables: Tables) -> None:
    if detect_format(scratch) != connection.vendor:
        sqlite_to_postgres.move(scratch, excluded_tables())
    elif connection.vendor == "postgresql":
        postgres.restore(scratch, contents, tables)
    else:
        sqlite.restore(scratch, contents, tables)


def _back_up_existing_data(replace: bool) -> str:
    """Make sure that nothing is lost; return the path of the backup, empty if there was no data."""
    table = _table_with_data()
    if not table:
        return ""
    if not replace:
        raise BackupError(
            f"The database holds data (in {table}). Restore into an empty one, or say --replace: "
            "then what is there is first kept aside as a backup."
        )
    try:
        backup = make_backup(before_restore=True).details
    except BackupError as error:
        raise BackupError(
            f"What is there could not be kept aside, so it was not replaced: {error} Move it away "
            "yourself, or name another database, and restore into an empty one."
        ) from error
    return str(Path(backup["folder"]) / backup["file"])


def _table_with_data() -> str:
    """Return the first table that holds someone's work, or "" if there is none."""
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models} - TABLES_FILLED_BY_MIGRATE
    tables &= set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in sorted(tables - set(excluded_tables())):
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {quoted})")  # noqa: S608  # quoted
            if cursor.fetchone()[0]:
                return table
    return ""


def _prepare_restored_database() -> None:
    """Do what a restored database needs before anyone uses it."""
    # A second, although it finds nothing to do after a backup of this very version.
    if count_missing_migrations():
        call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    # The people who asked for these codes have long asked for new ones.
    Email.objects.filter(expires_at__isnull=False).delete()
    # The run that made this very backup was unfinished when it was made.
    JobRun.objects.unfinished("backup").update(
        finished_at=F("started_at"), succeeded=True, outcome="the backup that was restored"
    )
    # A cache that cannot be reached holds nothing of the old database.
    with suppress(Exception):
        cache.clear()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
