"""Who wrote a backup: an HMAC-SHA256 over the finished file, in a small file beside it.

BACKUP_KEY, which encrypts, is public: anyone can make a file that opens with the secret one. Only
the holder of BACKUP_MAC_KEY can write the MAC. `openssl dgst -sha256 -hmac KEY FILE` shows it too.
"""

import hmac
import string
from hashlib import sha256
from pathlib import Path
from typing import IO

from django.conf import settings

from collaborative.operations.backups.archives import BackupError, atomic_write

SUFFIX = ".hmac"
CHUNK_BYTES = 1024 * 1024
DIGEST_LENGTH = sha256().digest_size * 2


def mac_path(backup: Path) -> Path:
    """Return the path of the file with the MAC of `backup`."""
    return backup.with_name(backup.name + SUFFIX)


def write_mac(finished: IO[bytes], backup: Path) -> None:
    """Write the MAC of the file, which gets the name `backup` only after this."""
    digest = new_mac()
    while chunk := finished.read(CHUNK_BYTES):
        digest.update(chunk)
    with atomic_write(mac_path(backup)) as file:
        file.write(f"{digest.hexdigest()}\n".encode())


def new_mac() -> "hmac.HMAC":
    """Return the MAC of nothing, to be updated with the contents of a file."""
    return hmac.new(settings.BACKUP_MAC_KEY.encode(), digestmod=sha256)


def require_mac(backup: Path, digest: "hmac.HMAC") -> None:
    """Refuse a backup whose MAC is missing, or is not this one."""
    stored = _read_mac(backup)
    if not stored:
        raise BackupError(
            f"BACKUP_MAC_KEY is set, and {mac_path(backup).name}, which proves where "
            f"{backup.name} is from, is not beside it. Copy both. A backup from before the key "
            "was set has none: if you trust it, take BACKUP_MAC_KEY out of the settings until it "
            "is restored."
        )
    if not hmac.compare_digest(stored, digest.hexdigest()):
        raise BackupError(
            f"{backup.name} is not what was written with this BACKUP_MAC_KEY: the file was changed "
            "since, or written by someone else, or the key is another one."
        )


def _read_mac(backup: Path) -> str:
    try:
        with mac_path(backup).open("rb") as file:
            stored = file.read(DIGEST_LENGTH).decode("ascii", errors="replace").lower()
    except OSError:
        return ""
    return stored if set(stored) <= set(string.hexdigits) else ""
