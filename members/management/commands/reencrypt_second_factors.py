"""`manage.py reencrypt_second_factors`: after a change of SECRET_KEY, before the old one goes."""

from typing import Any

from django.core.management.base import BaseCommand

from members.services import reencrypt_second_factors


class Command(BaseCommand):
    help = "Encrypts the keys of authenticator apps and recovery codes with today's SECRET_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        """Can be repeated at any time, while the portal runs too."""
        encrypted, unreadable = reencrypt_second_factors()
        self.stdout.write(
            f"Encrypted with today's SECRET_KEY: {encrypted}. Decrypted by no key: {unreadable}."
        )
        if unreadable:
            self.stdout.write(
                "Name the SECRET_KEY that they were made with in SECRET_KEY_FALLBACKS and run this "
                "again, or help each person with reset_second_factor."
            )
        else:
            self.stdout.write("SECRET_KEY_FALLBACKS can go once every process runs without it.")
