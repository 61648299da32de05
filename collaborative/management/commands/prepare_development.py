"""`manage.py prepare_development`: what `make run` does before it starts the portal."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from members.models import Member

ADMINISTRATOR = "admin@example.org"


class Command(BaseCommand):
    help = "Make a development database ready: tables, starter content, an administrator."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Set it up; refused outside DEBUG, where anyone could sign in as this administrator."""
        if not settings.DEBUG:
            raise CommandError(
                "This is for development only, and DEBUG is off. docs/operating.md says how to run "
                "the portal in production."
            )
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("load_starter_content", verbosity=0)
        if not Member.objects.filter(email=ADMINISTRATOR).exists():
            Member.objects.create_superuser(ADMINISTRATOR, full_name="Alex Administrator")
        if verbosity:
            self.stdout.write(
                f"\n  The portal      {settings.SITE_URL}/\n"
                f"  Its emails      {settings.SITE_URL}{reverse('dev_email')}\n"
                f"  The desk        {settings.SITE_URL}{reverse('admin:index')}\n"
                f"\n  Sign in as {ADMINISTRATOR}, the administrator; the code is among the emails."
                "\n  `make demo` adds people and organizations to try it with. Ctrl-C stops.\n"
            )
