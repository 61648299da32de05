"""Pages of Django's test client in Chromium: no server answers them, and no change of the database
is committed for one."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from collaborative.tests.browser import PageWatcher

# Chromium trusts it without TLS.
HOME = "http://localhost"
# WCAG 1.4.10: no page scrolls sideways at this width.
NARROW, HEIGHT = 320, 640
BLANK = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})


def path_of(response: HttpResponse) -> str:
    """Return the address that the test client asked for, as it stands in links."""
    request = response.request
    return request["PATH_INFO"] + (request["QUERY_STRING"] and f"?{request['QUERY_STRING']}")


class Screen:
    """One page of Chromium, narrow and light, in which nothing moves; it shows one answer of a test
    client after the other."""

    def __init__(
        self,
        browser: Browser,
        watcher: PageWatcher,
        *,
        javascript: bool = True,
        strict: bool = True,
    ) -> None:
        """Styles that scripts have given to elements hold in it, if it is not `strict`."""
        self.page = browser.new_page(
            base_url=HOME,
            java_script_enabled=javascript,
            bypass_csp=not strict,
            viewport={"width": NARROW, "height": HEIGHT},
            color_scheme="light",
            reduced_motion="reduce",
        )
        watcher.watch(self.page)
        self.page.route("**/*", self._answer)
        self.shown, self.path, self.client = BLANK, "/", Client()
        self.page.goto(self.path)

    def show(self, response: HttpResponse) -> Page:
        """Show a page. What it loads, the client is asked for that has asked for the page."""
        self.shown, self.path, self.client = response, path_of(response), response.client
        self.page.goto(self.path)
        return self.page

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(HOME)
        if path.startswith(settings.STATIC_URL):
            route.fulfill(path=find(urlsplit(path).path.removeprefix(settings.STATIC_URL)))
            return
        answer = self.shown if path == self.path else self.client.get(path)
        headers = dict(answer.headers)
        route.fulfill(status=answer.status_code, headers=headers, body=answer.content)
