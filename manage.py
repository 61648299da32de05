#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run one management command; a wrong setting ends it with its one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The portal cannot start. {error}")


if __name__ == "__main__":
    main()
