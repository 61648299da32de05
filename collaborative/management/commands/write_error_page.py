"""`manage.py write_error_page`: the page that nginx shows while the portal does not answer."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.template.loader import render_to_string

from members.site_identity import site_identity


class Command(BaseCommand):
    """Renders templates/503.html beside the static files, whose hashed names it links."""

    help = "Write 503.html into STATIC_ROOT, for nginx. Run it after collectstatic."

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.STATIC_ROOT) / "503.html"
        page.write_text(render_to_string("503.html", {"site": site_identity()}), encoding="utf-8")
        self.stdout.write(f"{page} is written.")
