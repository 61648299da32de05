"""The files of backups: their names, their encryption, and how they come to be whole.

A file appears under its name only when all of it is on the disk; until then it is hidden and
ends with `.partial`. What it holds is told by its first bytes, never by its name.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from django.conf import settings
from django.utils import timezone

ENDINGS = {"sqlite": ".sqlite3", "postgresql": ".pgdump"}
HEADS = {"sqlite": b"SQLite format 3\0", "postgresql": b"PGDMP", "age": b"age-encryption.org/v1\n"}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class BackupError(Exception):
    """What was asked for was not done; the text says why, for the administrator."""


class DamagedError(BackupError):
    """A file is not what was once written."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path.name} is damaged or incomplete: {str(why).rstrip('.')}.")


class HalfDoneError(BackupError):
    """The backup was restored, and what comes after that went wrong."""


def folder() -> Path:
    """The folder of the backups; refuses when none is set, or when it is not there: so looks a
    disk that is not mounted. Development makes it."""
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
        raise told(error, path) from error
    return path


def told(error: OSError, path: Path) -> BackupError:
    """The same in words: which folder or file, and what to do."""
    if error.errno in NO_ROOM:
        return BackupError(
            f"There is no room left in {path}. Nothing new was kept, and what "
            "is there is as it was. Make room, or lower BACKUP_KEEP."
        )
    return BackupError(f"{path} cannot be used: {error.strerror or error}.")


def kind_of(path: Path) -> str:
    """What a file holds: "sqlite", "postgresql", "age" (encrypted), or "" for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise told(error, path) from error
    return next((kind for kind, first in HEADS.items() if head.startswith(first)), "")


def kept(path: Path) -> list[Path]:
    """The daily backups in a folder that are whole, newest first by their name.

    Those that were set aside by a restore are not among them: nothing removes them.
    """
    names = path.glob("portal-*T*Z.*")
    return sorted((file for file in names if kind_of(file)), reverse=True)


def free_name(place: Path, ending: str, note: str = "") -> Path:
    """A name with the time (UTC) that no file has yet."""
    moment: datetime = timezone.now().astimezone(UTC)
    while True:
        path = place / f"portal-{moment:%Y%m%dT%H%M%SZ}{note}{ending}"
        if not path.exists():
            return path
        moment += timedelta(seconds=1)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, readable by its owner only, that gets its name once all of it is on the
    disk. After an error, or a kill, no file has that name."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with open(partial, "xb", opener=_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise told(error, path.parent) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def remove_partials(place: Path) -> None:
    """Remove what a killed backup left. Only while no other backup is being made."""
    for partial in place.glob(".portal-*.partial*"):
        partial.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Encryption, by age ------------------------------------------------------------------------


def new_key() -> tuple[str, str]:
    """A new pair: the public key for BACKUP_KEY, and the secret one to keep elsewhere."""
    pair = _age().x25519.Identity.generate()
    return str(pair.to_public()), str(pair)


def encrypt(reader: IO[bytes], writer: IO[bytes]) -> None:
    """Copy, encrypted for BACKUP_KEY; in pieces, whatever the size."""
    age, out = _age(), _Told(writer)
    try:
        age.encrypt_io(reader, out, [age.x25519.Recipient.from_str(settings.BACKUP_KEY)])
    except age.RecipientError as error:
        raise BackupError("BACKUP_KEY is not a public key of age.") from error
    except age.EncryptError as error:
        # The library keeps the text of an error only; "no room" is told by its number.
        raise out.error or BackupError(f"The backup could not be encrypted: {error}") from error


def decrypt(path: Path, identity: Path | None, writer: IO[bytes]) -> None:
    """Copy what an encrypted file holds; `identity` is the file with the secret key."""
    if identity is None:
        raise BackupError(f"{path.name} is encrypted. Name the file with the key: --identity")
    age, out = _age(), _Told(writer)
    try:
        with path.open("rb") as reader:
            age.decrypt_io(reader, out, _identities(age, identity))
    except age.DecryptError as error:
        raise out.error or BackupError(
            f"{path.name} cannot be decrypted with the key in {identity.name}: {error}."
        ) from error
    except OSError as error:  # as the library tells of a file that ends early or was changed
        raise out.error or DamagedError(path, error) from error


def _identities(age: ModuleType, path: Path) -> list[Any]:
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"The key file {path} cannot be read.") from error
    try:
        found = [age.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-")]
    except age.IdentityError as error:
        raise BackupError(f"The key in {path} is not a secret key of age.") from error
    if not found:
        raise BackupError(f"There is no line AGE-SECRET-KEY-1… in {path}.")
    return found


class _Told:
    """A file to write that remembers which error it met."""

    def __init__(self, writer: IO[bytes]) -> None:
        self.writer = writer
        self.error: OSError | None = None

    def write(self, piece: bytes) -> int:
        try:
            return self.writer.write(piece)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.writer.flush()


def _age() -> ModuleType:
    import pyrage  # noqa: PLC0415  # only where a backup is encrypted; web processes never need it

    module: ModuleType = pyrage
    return module
