"""`manage.py read_calendar_replies`: takes the answer of a calendar program, one email a run."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from collaborative.operations.outages import is_outage
from teams.calendar_replies import MAX_EMAIL_BYTES
from teams.services.calendar_replies import take_calendar_reply

# Mail servers keep the email then, and try again (sysexits.h).
EX_TEMPFAIL = 75


class Command(BaseCommand):
    help = "Store the answer to an invitation in the email on standard input. Mail servers call it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the email to its end, so that the mail server sees no broken pipe. What is no answer
        is ignored: refused, it would go back to who wrote it."""
        content = sys.stdin.buffer.read(MAX_EMAIL_BYTES + 1)
        while sys.stdin.buffer.read(MAX_EMAIL_BYTES):
            pass
        try:
            take_calendar_reply(content)
        except Exception as error:
            if not is_outage(error):
                raise
            self.stderr.write("The database is down. Try again later.")
            raise SystemExit(EX_TEMPFAIL) from error
