"""Making a backup: one at a time, whole or not at all, and the newest ones stay."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from collaborative.env import DATABASE_CACHE
from collaborative.models import JobRun
from collaborative.operations.backups import postgres, sqlite
from collaborative.operations.backups.archives import (
    BEFORE_RESTORE,
    SUFFIXES,
    BackupError,
    atomic_write,
    backup_folder,
    list_backups,
    remove_partials,
    unused_path,
)
from collaborative.operations.backups.authentication import mac_path, write_mac
from collaborative.operations.backups.encryption import encrypt
from collaborative.operations.jobs import exclusive_lock, record_run
from members.models import SentCode

FIRST_MIGRATION = ("members", "0001_initial")


def make_backup(*, before_restore: bool = False) -> JobRun:
    """Write the database to a new file in BACKUP_DIR, delete the oldest beyond BACKUP_KEEP, and
    return the record of the run.

    With `before_restore` the file is one that nothing deletes, and no other one is deleted. Raises
    BackupError for a database that is not the portal's, while another backup is being made, and
    when the file cannot be written: then there is no new file, and no old one is gone.
    """
    _refuse_other_database()
    with exclusive_lock("backup") as acquired:
        if not acquired:
            raise BackupError("Another backup is being made right now.")
        with record_run(JobRun.Job.BACKUP) as run:
            folder = backup_folder()
            remove_partials(folder)
            path = _write_backup(folder, BEFORE_RESTORE if before_restore else "")
            deleted = 0 if before_restore else _delete_old_backups(path)
            size, encrypted = path.stat().st_size, bool(settings.BACKUP_KEY)
            run.details = {
                "folder": str(folder),
                "file": path.name,
                "bytes": size,
                "encrypted": encrypted,
            }
            if settings.BACKUP_MAC_KEY:
                run.details["authenticated"] = True
            run.outcome = f"{path.name}, {size:,} bytes, {'' if encrypted else 'not '}encrypted"
            run.outcome += f"; {deleted} old removed" if deleted else ""
        return run


def _refuse_other_database() -> None:
    """Refuse a mistyped name, which must neither create a file nor push out good backups."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(str(name)).exists():
        raise BackupError(f"The database {name} does not exist. Set DATABASE_URL to the portal's.")
    if FIRST_MIGRATION not in MigrationRecorder(connection).applied_migrations():
        raise BackupError(
            f"The database {name} does not hold the portal. Set DATABASE_URL to the one that "
            "does; a new one is set up by manage.py migrate."
        )


def excluded_tables() -> list[str]:
    """Return the tables whose rows no backup holds: sessions and codes, so that neither restoring
    nor reading one signs anybody in, and the cache, which counts tries of codes."""
    caches = [
        cache["LOCATION"]
        for cache in settings.CACHES.values()
        if cache["BACKEND"].endswith(".DatabaseCache")
    ]
    usual = DATABASE_CACHE["LOCATION"]
    signing_in = [model._meta.db_table for model in (Session, UserSession, SentCode)]
    return [*signing_in, *{usual, *caches}]


def _write_backup(folder: Path, note: str) -> Path:
    suffix = SUFFIXES[connection.vendor] + (".age" if settings.BACKUP_KEY else "")
    path = unused_path(folder, suffix, note)
    with atomic_write(path) as file:
        _write_database(file)
        if settings.BACKUP_MAC_KEY:
            file.flush()
            # Before the backup has its name, so that none is ever without.
            with open(file.name, "rb") as finished:
                write_mac(finished, path)
    return path


def _write_database(file: IO[bytes]) -> None:
    if connection.vendor == "postgresql":
        with postgres.open_dump(excluded_tables()) as reader:
            if settings.BACKUP_KEY:
                encrypt(reader, file)
            else:
                shutil.copyfileobj(reader, file)
    elif settings.BACKUP_KEY:
        with _scratch_file() as (scratch, reader):
            sqlite.dump(scratch, excluded_tables())
            encrypt(reader, file)
    else:
        sqlite.dump(Path(file.name), excluded_tables())


@contextmanager
def _scratch_file() -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield a file beside the database, since nothing unencrypted may lie among the backups."""
    database = Path(str(connection.settings_dict["NAME"]))
    path = database.with_name(f".{database.name}-backup.partial")
    path.unlink(missing_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
        with path.open("rb") as reader:
            yield path, reader
    finally:
        path.unlink(missing_ok=True)


def _delete_old_backups(new: Path) -> int:
    """Delete all but the newest BACKUP_KEEP, of which `new` is one; return how many.

    Files that are not complete backups are neither counted nor touched.
    """
    others = [path for path in list_backups(new.parent) if path != new]
    old = others[settings.BACKUP_KEEP - 1 :]
    for path in old:
        path.unlink(missing_ok=True)
        mac_path(path).unlink(missing_ok=True)
    return len(old)
