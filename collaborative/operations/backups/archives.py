"""The files of backups: where they are, their names, and how they are written.

A file gets its name only once all of it is on the disk; until then it is hidden and ends with
`.partial`. Its first bytes tell what it holds, never its name.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

SUFFIXES = {"sqlite": ".sqlite3", "postgresql": ".pgdump"}
# What a file of each format begins with.
SIGNATURES = {
    "sqlite": b"SQLite format 3\0",
    "postgresql": b"PGDMP",
    "age": b"age-encryption.org/v1\n",
}
DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# In the name of a file, which nothing removes.
BEFORE_RESTORE = "-before-restore"

# The app and name of each applied migration.
Migrations = set[tuple[str, str]]
# The columns of each table.
Tables = dict[str, set[str]]


@dataclass(frozen=True)
class Contents:
    """What a backup says that it holds; of a table without rows the columns may be unknown."""

    migrations: Migrations
    columns: Tables
    rows: dict[str, int]


class BackupError(Exception):
    """Nothing was done; the text tells the administrator why, and what to do."""


class DamagedError(BackupError):
    """A file is not what was once written."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path.name} is damaged or incomplete: {str(reason).rstrip('.')}.")


class ForeignError(BackupError):
    """A backup holds what no migration of the portal makes: nothing of the file is used."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The backup holds {what}, which is not of the portal and could do harm. Only tables, "
            "keys, indexes and sequences of the portal are accepted. If you put it there yourself, "
            "take it out of the database, and make another backup."
        )


class IncompleteRestoreError(BackupError):
    """The backup was restored, but a step after that failed."""


def backup_folder() -> Path:
    """Return BACKUP_DIR, which is created in development.

    Raises BackupError if it is not set or does not exist: its disk may not be mounted.
    """
    if not settings.BACKUP_DIR:
        raise BackupError(
            "BACKUP_DIR is not set. Set it to the full path of a folder for the backups, best on "
            "another disk than the database: /var/backups/portal"
        )
    path = Path(settings.BACKUP_DIR)
    try:
        if not (settings.DEBUG or path.exists()):
            raise BackupError(
                f"The folder {path} is not there. Mount its disk, or make it once, for the user "
                "that the portal runs as: install -d -o portal -g portal -m 750 " + str(path)
            )
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise describe_os_error(error, path) from error
    return path


def describe_os_error(error: OSError, path: Path) -> BackupError:
    """Return the error in words: which folder or file, and what to do."""
    if error.errno in DISK_FULL_ERRNOS:
        return BackupError(
            f"There is no room left in {path}. Nothing new was kept, and what "
            "is there is as it was. Make room, or lower BACKUP_KEEP."
        )
    return BackupError(f"{path} cannot be used: {error.strerror or error}.")


def detect_format(path: Path) -> str:
    """Return what a file holds: "sqlite", "postgresql", "age" (encrypted), or "" if neither."""
    try:
        # Reading a pipe could wait forever.
        if path.exists() and not path.is_file():
            return ""
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise describe_os_error(error, path) from error
    return next((name for name, signature in SIGNATURES.items() if start.startswith(signature)), "")


def list_backups(folder: Path) -> list[Path]:
    """Return the complete daily backups in a folder, newest first by their name.

    Those made before a restore are not among them: nothing removes them.
    """
    paths = folder.glob("portal-*T*Z.*")
    return sorted((path for path in paths if detect_format(path)), reverse=True)


def unused_path(folder: Path, suffix: str, note: str = "") -> Path:
    """Return a path, named by the time (UTC), that no file has yet."""
    now: datetime = timezone.now().astimezone(UTC)
    while True:
        path = folder / f"portal-{now:%Y%m%dT%H%M%SZ}{note}{suffix}"
        if not path.exists():
            return path
        now += timedelta(seconds=1)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file, readable by its owner only, that gets its name once all of it is on the disk.

    After an error, or a kill, no file has that name.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with open(partial, "xb", opener=_open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise describe_os_error(error, path.parent) from error
        raise


def remove_partials(folder: Path) -> None:
    """Remove what a killed backup left; call it only while no other backup is being made."""
    for partial in folder.glob(".portal-*.partial*"):
        partial.unlink(missing_ok=True)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
