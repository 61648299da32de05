"""`manage.py daily`: what must happen once a day, for a timer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from collaborative.operations.daily import run_daily


class Command(BaseCommand):
    help = (
        "Do what must be done once a day: the facilitators' email (from seven on), old codes, sent "
        "emails, ended sessions, unproven addresses, old decisions. A running mail worker does "
        "the same when nothing has for a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--again", action="store_true", help="Do it even if it was done within the last hour."
        )

    def handle(self, *args: Any, again: bool, **options: Any) -> None:
        """Any number may start at once: one does the work, the others say so and end with 0."""
        run = run_daily(again=again)
        if run is None:
            self.stdout.write("Nothing to do: it was done within the last hour, or is being done.")
        elif not run.succeeded:
            raise CommandError(f"The daily run {run.outcome}.")
        else:
            self.stdout.write(f"The daily run: {run.outcome}.")
