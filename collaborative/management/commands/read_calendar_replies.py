"""`manage.py read_calendar_replies`: takes the answer of a calendar program, one email a run."""

from typing import Any

from django.core.management.base import BaseCommand

from collaborative.operations.mailboxes import take_piped_email
from teams.calendar_replies import MAX_EMAIL_BYTES
from teams.services.calendar_replies import take_calendar_reply


class Command(BaseCommand):
    help = "Store the answer to an invitation in the email on standard input. Mail servers call it."

    def handle(self, *args: Any, **options: Any) -> None:
        take_piped_email(take_calendar_reply, MAX_EMAIL_BYTES)
