"""`manage.py reset_second_factor <email>`: help a member who lost the phone and the codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from members.models import Member
from members.services import Refused, reset_second_factor


class Command(BaseCommand):
    help = "Removes the second step of signing in of one person, and tells them by email."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address with which the person signs in")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        """Refuse an unknown address, a closed account, and where there is nothing to remove."""
        member = Member.objects.account_of(email)
        if member is None:
            raise CommandError(f"Nobody signs in with {email}. Nothing was changed.")
        try:
            removed = reset_second_factor(member)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(
            f"Removed for {member} ({member.email}): {', '.join(removed)}.\n"
            "They are told by email, and sign in with the code from their email alone. "
            "Facilitators and administrators set up a new second step before they use the desk."
        )
