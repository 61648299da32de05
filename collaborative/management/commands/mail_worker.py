"""`manage.py mail_worker`: sends the queued emails until it is told to stop."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from collaborative.operations.mail_worker import Sender


class Command(BaseCommand):
    help = "Send the queued emails as they become due, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="Send what is due now, keep house, and end."
        )

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run the sender; a signal ends it after the email that is on its way."""
        sender = Sender()
        # Only a flag is set here: anything more could meet the loop in the middle of an email.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *received: sender.stop())
        if not once:
            sender.run()
        elif not sender.run_once():
            self.stdout.write("Another sender is running; it sends what is due.")
