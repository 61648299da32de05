"""`manage.py restore`: replaces the database by a backup, or checks one without touching it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from collaborative.operations.backups import (
    BackupError,
    IncompleteRestoreError,
    check_backup,
    restore_backup,
)


class Command(BaseCommand):
    help = "Restore a backup into the database of DATABASE_URL, or check that it could be."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, help="The file with the secret key.")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--check", action="store_true", help="Only restore it into a scratch place and count."
        )
        mode.add_argument(
            "--replace",
            action="store_true",
            help="Replace the data that the database holds; it is first kept aside as a backup.",
        )

    def handle(
        self,
        *args: Any,
        file: Path,
        identity: Path | None,
        check: bool,
        replace: bool,
        **options: Any,
    ) -> None:
        """Print what was done; if it was refused or failed, end with 1 and the reason."""
        try:
            if check:
                outcome = check_backup(file, identity).outcome
            else:
                outcome = restore_backup(file, identity, replace=replace).outcome
        except IncompleteRestoreError as error:
            raise CommandError(str(error)) from error
        except (BackupError, Error) as error:
            failure = "The check failed" if check else "Nothing was restored"
            raise CommandError(f"{failure}. {error}") from error
        # The outcome of a check begins with the name of the file.
        self.stdout.write(f"{outcome if check else outcome[0].upper() + outcome[1:]}.")
