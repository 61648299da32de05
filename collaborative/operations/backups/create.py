"""Making a backup: one at a time, whole or not at all, and the newest ones kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from collaborative.models import JobRun
from collaborative.operations.backups import postgres, sqlite
from collaborative.operations.backups.archives import (
    ENDINGS,
    BackupError,
    atomic_write,
    encrypt,
    folder,
    free_name,
    kept,
    remove_partials,
)
from collaborative.operations.jobs import alone, recorded

BEFORE_RESTORE = "-before-restore"
FIRST = ("members", "0001_initial")  # of the portal's migrations


def make_backup(*, aside: bool = False) -> JobRun:
    """Write the database to a new file in BACKUP_DIR, then remove the oldest beyond BACKUP_KEEP.

    Refuses a database that is not the portal's, while another backup is being made, and when the
    file cannot be written: then no new file is there and no old one is gone. With `aside` the
    file is one that nothing removes.
    """
    _refuse_strange()
    with alone("backup") as free:
        if not free:
            raise BackupError("Another backup is being made right now.")
        with recorded(JobRun.Job.BACKUP) as run:
            place = folder()
            remove_partials(place)
            path = _write(place, BEFORE_RESTORE if aside else "")
            gone = 0 if aside else _remove_old(path)
            size = path.stat().st_size
            secret = bool(settings.BACKUP_KEY)
            run.facts = {"folder": str(place), "file": path.name}
            run.facts |= {"bytes": size, "encrypted": secret}
            run.outcome = f"{path.name}, {size:,} bytes, {'' if secret else 'not '}encrypted" + (
                f"; {gone} old removed" if gone else ""
            )
        return run


def _refuse_strange() -> None:
    """A mistyped name must not fill the place of good backups, nor make a file."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(str(name)).exists():
        raise BackupError(f"The database {name} does not exist. Set DATABASE_URL to the portal's.")
    if FIRST not in MigrationRecorder(connection).applied_migrations():
        raise BackupError(
            f"The database {name} does not hold the portal. Set DATABASE_URL to the one that "
            "does; a new one is set up by manage.py migrate."
        )


def left_out() -> list[str]:
    """The tables whose rows no backup holds: sessions, so that nobody is signed in by restoring
    one or by reading it, and the cache, which counts tries of codes."""
    caches = [
        cache["LOCATION"]
        for cache in settings.CACHES.values()
        if cache["BACKEND"].endswith(".DatabaseCache")
    ]
    return [Session._meta.db_table, UserSession._meta.db_table, *caches]


def _write(place: Path, note: str) -> Path:
    ending = ENDINGS[connection.vendor] + (".age" if settings.BACKUP_KEY else "")
    path = free_name(place, ending, note)
    with atomic_write(path) as file:
        if connection.vendor == "postgresql":
            if settings.BACKUP_KEY:
                with postgres.dumping(left_out()) as reader:
                    encrypt(reader, file)
            else:
                postgres.dump(file, left_out())
        elif settings.BACKUP_KEY:
            with _scratch() as (scratch, reader):
                sqlite.dump(scratch, left_out())
                encrypt(reader, file)
        else:
            sqlite.dump(Path(file.name), left_out())
    return path


@contextmanager
def _scratch() -> Iterator[tuple[Path, IO[bytes]]]:
    """A file beside the database, since nothing unencrypted may lie among the backups."""
    database = Path(str(connection.settings_dict["NAME"]))
    path = database.with_name(f".{database.name}-backup.partial")
    path.unlink(missing_ok=True)
    try:
        path.touch(mode=0o600)
        with path.open("rb") as reader:
            yield path, reader
    finally:
        path.unlink(missing_ok=True)


def _remove_old(new: Path) -> int:
    """Keep the newest BACKUP_KEEP, the new one always among them; files that are no whole
    backups are neither counted nor touched."""
    others = [path for path in kept(new.parent) if path != new]
    old = others[settings.BACKUP_KEEP - 1 :]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
