"""Backups: made while the portal runs, whole or not at all, and checked by restoring them.

`archives` knows the files and `encryption` their keys, `sqlite` and `postgres` how each database
is dumped and loaded; `create` and `restore` say what happens in which order.
"""

from collaborative.operations.backups.archives import BackupError, IncompleteRestoreError
from collaborative.operations.backups.create import make_backup
from collaborative.operations.backups.encryption import generate_key
from collaborative.operations.backups.restore import check_backup, restore_backup

__all__ = [
    "BackupError",
    "IncompleteRestoreError",
    "check_backup",
    "generate_key",
    "make_backup",
    "restore_backup",
]
