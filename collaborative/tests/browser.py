"""Pytest plugin: a real Chromium for the tests marked `browser`, skipped where there is none.

`new_page(...)` opens pages of the live server. Whatever a page logs as an error (a refused
script or style too), whatever it asks of another host, and a page without a strict content
security policy fail the test at its end.
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

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = f"no Chromium found (looked for {', '.join(NAMES)})"
# Root cannot have Chromium's sandbox, and containers have a small /dev/shm.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
# No other host is reached: routes of Playwright would do that too, but keep nothing in the cache.
ARGUMENTS.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1")

REDIRECTS = range(300, 400)


def chromium() -> str | None:
    """Where the system's Chromium is."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def pytest_report_header() -> str:
    return f"browser: {chromium() or NO_CHROMIUM}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the browser's tests where there is no browser."""
    if chromium() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter) -> None:
    """Say once more, at the end, that the browser's tests did not run."""
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
    """One Chromium for the whole run."""
    # Playwright keeps an event loop in this thread, next to which Django refuses the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield running
        running.close()


class _Watch:
    """What one page did that it should not have."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.visited: set[str] = set()
        self.complaints: list[str] = []

    def request(self, request: Request) -> None:
        if request.is_navigation_request():
            self.visited.add(request.url)
        if not request.url.startswith((f"{self.home}/", "data:", "blob:", "about:")):
            self.complaints.append(f"asked another host: {request.url}")

    def response(self, response: Response) -> None:
        """Every page has the policy; only an email as shown in development may style itself."""
        policy = response.headers.get("content-security-policy", "")
        is_mail = "/dev/email/" in response.url
        if (
            response.request.is_navigation_request()
            and response.status not in REDIRECTS
            and ("default-src 'none'" not in policy or ("unsafe-" in policy and not is_mail))
        ):
            self.complaints.append(f"{response.url}: loose policy {policy!r}")

    def console(self, message: ConsoleMessage) -> None:
        # Chromium logs every answer from 400 upwards; for the page itself the test decides.
        of_page = message.text.startswith("Failed to load resource") and (
            message.location.get("url") in self.visited
        )
        if message.type == "error" and not of_page:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture
def new_page(browser, live_server) -> Iterator[Callable[..., Page]]:
    """`new_page(person, javascript=…, width=…, height=…, scheme=…, **context)`: a fresh browser.

    It is signed in as `person` if one is given. Addresses are relative to the live server.
    """
    from django.conf import settings  # noqa: PLC0415  # this plugin is loaded before them
    from django.test import Client  # noqa: PLC0415

    opened: list[tuple[Page, _Watch]] = []

    def open_page(
        person=None, *, javascript=True, width=1280, height=900, scheme="light", **context
    ) -> Page:
        made = browser.new_context(
            base_url=live_server.url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            **context,
        )
        made.set_default_timeout(15_000)
        if person is not None:
            client = Client()
            client.force_login(person)
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            made.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        watch = _Watch(live_server.url)
        page = made.new_page()
        page.on("request", watch.request)
        page.on("response", watch.response)
        page.on("console", watch.console)
        page.on("pageerror", lambda error: watch.complaints.append(f"raised: {error}"))
        opened.append((page, watch))
        return page

    yield open_page
    for page, _ in opened:
        page.context.close()
    complaints = [complaint for _, watch in opened for complaint in watch.complaints]
    assert not complaints, "\n".join(complaints)
