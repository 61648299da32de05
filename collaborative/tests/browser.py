"""Pytest plugin: a real Chromium for the tests marked `browser`, skipped where there is none.

`new_page(...)` opens pages of the live server. A test fails at its end if a page logged an error (a
refused script or style too), sent a request to another host, or came without a strict content
security policy.
"""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = f"no Chromium found (looked for {', '.join(CHROMIUM_NAMES)})"
# Root cannot have Chromium's sandbox, and containers have a small /dev/shm.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
# No other host is reached: routes of Playwright would do that too, but keep nothing in the cache.
ARGUMENTS.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1")

REDIRECTS = range(300, 400)


def chromium() -> str | None:
    """Return the path of the system's Chromium, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def pytest_report_header() -> str:
    return f"browser: {chromium() or NO_CHROMIUM}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `browser` where there is none."""
    if chromium() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter) -> None:
    """Repeat at the end that the tests marked `browser` did not run."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if NO_CHROMIUM in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"WARNING: {len(skipped)} browser tests did NOT run: {NO_CHROMIUM}.",
            yellow=True,
            bold=True,
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    # Playwright keeps an event loop in this thread, next to which Django refuses the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


def is_strict(policy: str) -> bool:
    """Return whether a content security policy allows only what it names, and nothing inline."""
    return "default-src 'none'" in policy and "unsafe-" not in policy


class PageWatcher:
    """Collects in `complaints` what the pages that it watches do and must not."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.visited: set[str] = set()
        self.complaints: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("request", self.request)
        page.on("response", self.response)
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.complaints.append(f"raised: {error}"))

    def request(self, request: Request) -> None:
        if request.is_navigation_request():
            self.visited.add(request.url)
        if not request.url.startswith((f"{self.home}/", "data:", "blob:", "about:")):
            self.complaints.append(f"request to another host: {request.url}")

    def response(self, response: Response) -> None:
        """Every page has the policy; only a preview of an email may have styles of its own."""
        if not response.request.is_navigation_request() or response.status in REDIRECTS:
            return
        policy = response.headers.get("content-security-policy", "")
        if "/dev/email/" in response.url or response.url.endswith("/email.html"):
            policy = policy.replace("unsafe-inline", "")
        if not is_strict(policy):
            self.complaints.append(f"{response.url}: policy is not strict: {policy!r}")

    def console(self, message: ConsoleMessage) -> None:
        # Chromium logs every answer from 400 upwards; for the page itself the test decides.
        is_page_itself = message.text.startswith("Failed to load resource") and (
            message.location.get("url") in self.visited
        )
        if message.type == "error" and not is_page_itself:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture
def new_page(browser, live_server) -> Iterator[Callable[..., Page]]:
    """`new_page(member, javascript=…, width=…, height=…, scheme=…, motion=…, **context)` returns a
    page with a profile of its own.

    `member` is signed in, if given. Addresses are relative to the live server. Nothing moves:
    Chromium reports a transition from page to page that a new size cuts off as an error.
    """
    from django.conf import settings  # noqa: PLC0415  # not ready when this plugin is loaded
    from django.test import Client  # noqa: PLC0415

    opened: list[tuple[Page, PageWatcher]] = []

    def open_page(
        member=None,
        *,
        javascript=True,
        width=1280,
        height=900,
        scheme="light",
        motion="reduce",
        **context,
    ) -> Page:
        profile = browser.new_context(
            base_url=live_server.url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion=motion,
            **context,
        )
        profile.set_default_timeout(15_000)
        if member is not None:
            client = Client()
            client.force_login(member)
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            profile.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        watcher = PageWatcher(live_server.url)
        page = profile.new_page()
        watcher.watch(page)
        opened.append((page, watcher))
        return page

    yield open_page
    for page, _ in opened:
        page.context.close()
    complaints = [complaint for _, watcher in opened for complaint in watcher.complaints]
    assert not complaints, "\n".join(complaints)
