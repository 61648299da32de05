"""`manage.py restore`: a backup in the place of the database, or proven without touching it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from collaborative.operations.backups import (
    BackupError,
    HalfDoneError,
    check_backup,
    restore_backup,
)


class Command(BaseCommand):
    help = "Restore a backup into the database of DATABASE_URL, or check that it could be."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, help="The file with the secret key.")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--check", action="store_true", help="Only restore it into a scratch place and count."
        )
        what.add_argument(
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
        """Ends with 1 and the reason if it was refused or failed."""
        try:
            if check:
                run = check_backup(file, identity)
            else:
                run = restore_backup(file, identity, replace=replace)
        except HalfDoneError as error:
            raise CommandError(str(error)) from error
        except (BackupError, Error) as error:
            said = "The check failed" if check else "Nothing was restored"
            raise CommandError(f"{said}. {error}") from error
        # A check's begins with the name of the file.
        said = run.outcome if check else f"{run.outcome[0].upper()}{run.outcome[1:]}"
        self.stdout.write(f"{said}.")
