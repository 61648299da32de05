"""The weight of each page: bytes over the wire and requests, in a real browser, on a first visit
without anything in its cache and on a second one.

    make bench-weight

Serves the demo as in production (DEBUG off, compressed static files, gunicorn) on this machine,
opens every kind of page in Chromium, prints a line for each and fails when one is too heavy.
The database is created for the run and deleted with it; the static files land in staticfiles/.
"""

from __future__ import annotations

import gzip
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = tempfile.TemporaryDirectory(prefix="portal-weight-")
os.environ.update(
    DJANGO_SETTINGS_MODULE="collaborative.settings",
    DEBUG="0",
    SECRET_KEY=secrets.token_urlsafe(64),
    ALLOWED_HOSTS="127.0.0.1,portal.example.org",
    SITE_URL="https://portal.example.org",
    CONTACT_EMAIL="help@example.org",
    DEFAULT_FROM_EMAIL="portal@example.org",
    EMAIL_URL="dummymail://",
    DATABASE_URL=f"sqlite:///{FOLDER.name}/portal.sqlite3",
    CACHE_URL="dbcache://django_cache",
    TRUSTED_PROXY_COUNT="1",
    STAFF_SECOND_FACTOR="0",
    LOG_LEVEL="warning",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright keeps an event loop in this thread
)

import django  # noqa: E402  # the environment comes first

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from collaborative.tests import page_kinds  # noqa: E402
from collaborative.tests.browser import ARGUMENTS, chromium  # noqa: E402
from members.models import Member  # noqa: E402
from teams.models import Membership  # noqa: E402

MAX_KB, MAX_REQUESTS, MAX_KB_DESK = 70, 10, 120
MAX_KB_AGAIN = 25
START_TIMEOUT_SECONDS = 30
# As deploy/nginx.conf compresses what the portal itself sends uncompressed: its pages.
GZIP_LEVEL = 5
# What the reverse proxy says in production: the visitor came by https.
PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


@dataclass
class Weight:
    """The cost of one page."""

    who: str
    path: str
    requests: int = 0
    bytes: int = 0
    bytes_again: int = 0
    status: int = 0

    @property
    def kb(self) -> float:
        return self.bytes / 1000

    @property
    def kb_again(self) -> float:
        return self.bytes_again / 1000

    @property
    def problem(self) -> str:
        """Return what is wrong with it, if anything."""
        if self.status != 200:
            return f"answers {self.status}"
        if self.path.startswith("/admin/"):
            return f"over {MAX_KB_DESK} kB" if self.kb > MAX_KB_DESK else ""
        if self.kb > MAX_KB:
            return f"over {MAX_KB} kB"
        if self.kb_again > MAX_KB_AGAIN:
            return f"over {MAX_KB_AGAIN} kB on a second visit"
        return f"over {MAX_REQUESTS} requests" if self.requests > MAX_REQUESTS else ""


def report(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def manage(*arguments: str, debug: str = "0") -> None:
    """Run a command of the portal, quietly; exit if it fails."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(  # noqa: S603
        command, check=True, env={**os.environ, "DEBUG": debug}, stdout=subprocess.DEVNULL
    )


@contextmanager
def serving() -> Iterator[str]:
    """Run the portal under gunicorn, as the Procfile starts it; yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "collaborative.wsgi", "--workers", "2"]
    command += ["--threads", "4", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    command += ["--log-level", "warning"]
    with subprocess.Popen(command, cwd=ROOT) as server:  # noqa: S603
        try:
            until = time.monotonic() + START_TIMEOUT_SECONDS
            while not answers(port):
                if server.poll() is not None or time.monotonic() > until:
                    sys.exit("The portal does not start.")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def answers(port: int) -> bool:
    """Return whether the portal answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def open_page(browser: Browser, address: str, member: Member | None) -> Page:
    context = browser.new_context(base_url=address, extra_http_headers=PROXY)
    if member:
        client = Client()
        client.force_login(member)
        name = settings.SESSION_COOKIE_NAME
        # A secure cookie is only for these.
        url = address.replace("http:", "https:")
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    return context.new_page()


def weigh(page: Page, who: str, path: str) -> Weight:
    """Open the page without anything from the cache, then again, and return its weight."""
    first, again = visit(page, path, use_cache=False), visit(page, path, use_cache=True)
    return Weight(who, path, first.requests, first.bytes, again.bytes, first.status)


@dataclass
class Visit:
    """What one visit took."""

    requests: int = 0
    bytes: int = 0
    status: int = 0


def visit(page: Page, path: str, use_cache: bool) -> Visit:
    """Open the page once; the page itself counts compressed as nginx sends it."""
    taken = Visit()

    def request_sent(event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith("data:"):
            taken.requests += 1

    def finished(event: dict[str, Any]) -> None:
        taken.bytes += int(event["encodedDataLength"])

    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": not use_cache})
    devtools.on("Network.requestWillBeSent", request_sent)
    devtools.on("Network.loadingFinished", finished)
    response = page.goto(path, wait_until="networkidle")
    devtools.detach()
    page_bytes = response.body() if response else b""
    # Not one that the browser had already, and asked about in vain.
    if taken.bytes > len(page_bytes):
        taken.bytes -= len(page_bytes) - len(gzip.compress(page_bytes, GZIP_LEVEL))
    # A redirect (to sign in, or to https) is not the requested page.
    arrived = response and response.request.redirected_from is None
    taken.status = response.status if response and arrived else 302
    return taken


def main() -> int:
    manage("prepare_development", "--verbosity", "0", debug="1")
    manage("demo", debug="1")
    manage("collectstatic", "--clear", "--noinput", "--verbosity", "0")
    active = Membership.objects.active().filter(member__is_staff=False)
    member = active.filter(member__in=Membership.objects.waiting().values("member"))[0].member
    facilitator = Member.objects.filter(is_staff=True, is_superuser=False)[0]
    administrator = Member.objects.filter(is_superuser=True)[0]
    pages = {
        "visitor": (None, page_kinds.visitor_pages()),
        "member": (member, page_kinds.member_pages(member)),
        "facilitator": (facilitator, page_kinds.facilitator_pages(facilitator)),
        "administrator": (administrator, page_kinds.desk_pages()),
    }
    too_heavy = 0
    report(f"{'who':<14}{'requests':>9}{'kB':>8}{'again':>8}  page")
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for who, (member, paths) in pages.items():
            page = open_page(browser, address, member)
            for path in paths:
                weight = weigh(page, who, path)
                note = f"  <- {weight.problem}" if weight.problem else ""
                size = f"{weight.requests:>9}{weight.kb:>8.1f}{weight.kb_again:>8.1f}"
                report(f"{who:<14}{size}  {path}{note}")
                too_heavy += bool(note)
        browser.close()
    report(f"\nToo heavy: {too_heavy}" if too_heavy else "\nEvery page keeps its limits.")
    return 1 if too_heavy else 0


if __name__ == "__main__":
    sys.exit(main())
