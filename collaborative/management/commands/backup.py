"""`manage.py backup`: a backup of the database, while the portal runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from collaborative.operations.backups import BackupError, generate_key, make_backup


class Command(BaseCommand):
    help = "Back up the database to a new file in BACKUP_DIR, and keep the newest BACKUP_KEEP."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-key", action="store_true", help="Only print a new pair of keys to encrypt with."
        )

    def handle(self, *args: Any, new_key: bool, **options: Any) -> None:
        """Make one file, whole or not at all; otherwise end with 1 and the reason."""
        if new_key:
            self.print_new_key()
            return
        try:
            run = make_backup()
        except (BackupError, Error) as error:
            raise CommandError(f"No backup was made. {error}") from error
        self.stdout.write(f"{settings.BACKUP_DIR}/{run.outcome}")
        if not settings.BACKUP_KEY:
            self.stdout.write(
                "Anyone who has the file can read it. `manage.py backup --new-key` prints a key "
                "for BACKUP_KEY that encrypts the next one."
            )

    def print_new_key(self) -> None:
        """Print a pair of keys; the secret one is stored nowhere."""
        public, secret = generate_key()
        self.stdout.write(
            f"# Set BACKUP_KEY={public} where the portal runs. This file opens the backups: keep "
            "it\n# elsewhere, in two places; without it nobody can ever read them.\n"
            f"# public key: {public}\n{secret}"
        )
