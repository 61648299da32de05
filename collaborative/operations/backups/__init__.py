"""Backups: made while the portal runs, kept whole or not at all, and proven by restoring them.

`archives` knows the files, `sqlite` and `postgres` how each database is written out and read
back, `making` and `restoring` what happens, in which order.
"""

from collaborative.operations.backups.archives import BackupError, HalfDoneError, new_key
from collaborative.operations.backups.create import make_backup
from collaborative.operations.backups.restore import check_backup, restore_backup

__all__ = [
    "BackupError",
    "HalfDoneError",
    "check_backup",
    "make_backup",
    "new_key",
    "restore_backup",
]
