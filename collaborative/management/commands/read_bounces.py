"""`manage.py read_bounces`: takes an email that came back, one a run."""

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from collaborative.operations.mailboxes import take_piped_email
from members.bounce_reports import MAX_EMAIL_BYTES
from teams.services.bounces import process_bounce


class Command(BaseCommand):
    help = "Note from which address the email on standard input came back. Mail servers call it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "recipient",
            nargs="?",
            default="",
            help="The address of the portal that it came to; by default what its headers say.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        take_piped_email(partial(process_bounce, recipient=options["recipient"]), MAX_EMAIL_BYTES)
