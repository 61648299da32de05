"""`manage.py mail_worker`: sends the queued emails until it is stopped."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from collaborative.operations.mail_worker import MailWorker


class Command(BaseCommand):
    help = "Send the queued emails as they become due, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="Send what is due now, run the tasks, and end."
        )

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run the worker; a signal ends it after the email that is being sent."""
        worker = MailWorker()
        # Only a flag is set here: the signal may arrive in the middle of an email.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if not once:
            worker.run()
        elif not worker.run_once():
            self.stdout.write("Another mail worker is running; it sends what is due.")
