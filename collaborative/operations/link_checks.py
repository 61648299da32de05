"""Trying the links of resources, a few every minute, each once a week.

In a thread of its own: a site may take ten seconds to answer, and no email waits for it. Only the
mail worker that sends does it, so no two processes ask one site at once.
"""

import logging
import threading

from django.conf import settings
from django.db import connections
from django.utils import timezone

from collaborative.operations.outages import is_outage
from teams.services.link_checks import check_links

logger = logging.getLogger(__name__)
_checking = threading.Lock()


def check_links_in_background() -> None:
    """Start trying the links that are due, unless CHECK_LINKS is off, or the last run has not
    ended."""
    if settings.CHECK_LINKS and _checking.acquire(blocking=False):
        threading.Thread(target=_run, name="link-checks", daemon=True).start()


def _run() -> None:
    try:
        check_links(timezone.now())
    except Exception as error:
        if is_outage(error):
            logger.warning("The check of links is waiting for the database")
        else:
            logger.exception("The check of links failed")
    finally:
        connections.close_all()
        _checking.release()
