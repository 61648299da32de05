"""The encryption of backups, in the format of age: BACKUP_KEY encrypts, a secret key decrypts."""

from pathlib import Path
from types import ModuleType
from typing import IO, Any

from django.conf import settings

from collaborative.operations.backups.archives import BackupError, DamagedError


def generate_key() -> tuple[str, str]:
    """Return a new pair: the public key for BACKUP_KEY, and the secret one to keep elsewhere."""
    pair = _age().x25519.Identity.generate()
    return str(pair.to_public()), str(pair)


def encrypt(reader: IO[bytes], writer: IO[bytes]) -> None:
    """Copy in pieces of limited size, encrypted for BACKUP_KEY."""
    age, output = _age(), _ErrorKeepingWriter(writer)
    try:
        age.encrypt_io(reader, output, [age.x25519.Recipient.from_str(settings.BACKUP_KEY)])
    except age.RecipientError as error:
        raise BackupError("BACKUP_KEY is not a public key of age.") from error
    except age.EncryptError as error:
        message = f"The backup could not be encrypted: {error}"
        raise output.error or BackupError(message) from error


def decrypt(path: Path, identity: Path | None, writer: IO[bytes]) -> None:
    """Copy what an encrypted file holds; `identity` is the file with the secret key."""
    if identity is None:
        raise BackupError(f"{path.name} is encrypted. Name the file with the key: --identity")
    age, output = _age(), _ErrorKeepingWriter(writer)
    try:
        with path.open("rb") as reader:
            age.decrypt_io(reader, output, _read_identities(age, identity))
    except age.DecryptError as error:
        message = f"{path.name} cannot be decrypted with the key in {identity.name}: {error}."
        raise output.error or BackupError(message) from error
    except OSError as error:
        # The library raises it for a file that ends early or was changed.
        raise output.error or DamagedError(path, error) from error


def _read_identities(age: ModuleType, path: Path) -> list[Any]:
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"The key file {path} cannot be read.") from error
    try:
        keys = [age.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-")]
    except age.IdentityError as error:
        raise BackupError(f"The key in {path} is not a secret key of age.") from error
    if not keys:
        raise BackupError(f"There is no line AGE-SECRET-KEY-1… in {path}.")
    return keys


class _ErrorKeepingWriter:
    """A file to write that keeps its error: the library passes on the text, and a full disk is
    recognized by the number."""

    def __init__(self, writer: IO[bytes]) -> None:
        self.writer = writer
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.writer.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.writer.flush()


def _age() -> ModuleType:
    import pyrage  # noqa: PLC0415  # only where a backup is encrypted; web processes never need it

    module: ModuleType = pyrage
    return module
