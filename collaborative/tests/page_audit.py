"""Audit pages as their readers use them: with axe-core, narrow and wide, light and dark, by
keyboard, without JavaScript.

Of each page is checked what it decides for itself: headings, names of fields and buttons, forms
and groups of one name, ids, pictures' descriptions, and whether it fits on the narrowest screen.
The rest is checked where it is seen first by the same PageAudit: all rules on elements of another
tag, type or styled class, on a link, field or item in another parent, and on a whole page that has
a heading or landmark of that kind; for those elements sizes and focus rings at each width and
scheme; contrast where there are other colors; the keyboard's way and reading without JavaScript
where a script meets something that it names.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from django.contrib.staticfiles.finders import find
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Browser, Page

from collaborative.tests.browser import PageWatcher, is_strict
from collaborative.tests.screen import HEIGHT, HOME, NARROW, Screen, path_of

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SCRIPT = Path(__file__).with_suffix(".js").read_text()
WIDER = (768, 1280)
MAX_TAB_STOPS = 600
# A new one each time that the page is shown.
APP_KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")
WORD = re.compile(r"[\w-]+")
SCRIPTS = re.compile(r'<script[^>]* src="([^"]+)"')
NAMES = re.compile(r'\s(?:id|class)="([^"]+)"')
# Styles and scripts that stand in a page.
REFUSED = re.compile(r'<style|<script(?![^>]*(?: src=|json))|<[^<>]*\s(?:style|on[a-z]+)="')

# What scripts add to a page, or remove; anything else must read the same without them.
ONLY_WITH_JAVASCRIPT = {
    "Create the passkey",
    "Use my passkey",
    "Or with your passkey",
    "Sign in with a passkey",
}
ONLY_WITHOUT_JAVASCRIPT = {
    "Passkeys need JavaScript, which is off in this browser. An authenticator app and recovery "
    "codes work without it.",
}


class PageAudit:
    """Collects in `findings` what is wrong with pages; it remembers what it has checked."""

    def __init__(self, browser: Browser) -> None:
        """Pages are looked at in one `canvas`: to open each takes five times as long."""
        self.findings: Counter[str] = Counter()
        self.watcher = PageWatcher(HOME)
        self.scripted = Screen(browser, self.watcher)
        self.plain = Screen(browser, self.watcher, javascript=False)
        self.canvas = Screen(browser, self.watcher, strict=False).page
        for script in (SCRIPT, AXE, "pageAudit.begin()"):
            self.canvas.evaluate(script)
        self.canvas.keyboard.press("Tab")  # from now on, whatever has the focus shows it
        self._seen_scripts: set[str] = set()
        self._scheme: Literal["light", "dark"] = "light"

    def visit(self, client: Client, addresses: Iterable[str], *, status: int = 200) -> None:
        """Check each address, which answers with `status`."""
        for address in addresses:
            self.check(client.get(address, follow=True), status=status)

    def check(self, response: HttpResponse, *, status: int = 200) -> None:
        """Check the page, which answers with `status`. It is opened where a script may do something
        new, with JavaScript and without."""
        html, findings = response.content.decode(), []
        if response.status_code != status:
            findings.append(f"answers {response.status_code}, not {status}")
        policy = response.headers.get("Content-Security-Policy", "")
        if not is_strict(policy) or REFUSED.search(html):
            findings.append("has what its policy refuses")
        if self._has_new_scripts(html):
            page = self.scripted.show(response)
            html = page.content()
            page.evaluate(SCRIPT)
            _walk(page)
            findings += self._compare_without_javascript(response)
        self.look_at(html, path_of(response), findings)

    def look_at(self, html: str, address: str, findings: Sequence[str] = ()) -> None:
        """Collect what is wrong with the page of `html`, and `findings`."""
        shown = self.canvas.evaluate("html => pageAudit.look(html)", html)
        found = [*findings, *_wrong_headings(shown["headings"]), *shown["problems"]]
        if shown["isWide"]:
            found.append(f"scrolls sideways at {NARROW}")
        if shown["isNew"]:
            found += self._look_again(shown["isUsed"])
        self.findings.update(f"{address}: {finding}" for finding in found)

    def _look_again(self, is_used: bool) -> list[str]:
        """Return what is wrong with how the new parts of the page look in the other colors, and
        with the size and the focus ring of what can be used at each width. The next page begins in
        these colors."""
        page = self.canvas
        self._scheme = "light" if self._scheme == "dark" else "dark"
        page.emulate_media(color_scheme=self._scheme)
        findings = page.evaluate("pageAudit.lookAtColors()")
        if is_used:
            for width in WIDER:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                found = page.evaluate("pageAudit.lookAtSizes()")
                findings += [f"{width} wide: {each}" for each in found]
            page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        return [f"then {self._scheme}: {each}" for each in findings]

    def assert_clean(self) -> None:
        """Fail with each finding once, and how often it was made."""
        lines = [f"{finding} ({count} times)" for finding, count in self.findings.items()]
        lines += self.watcher.complaints
        self.findings.clear()
        self.watcher.complaints.clear()
        assert not lines, "\n".join(["", *lines])

    def _compare_without_javascript(self, response: HttpResponse) -> list[str]:
        """Return words and fields that are there only with JavaScript, or only without."""
        self.plain.show(response).evaluate(SCRIPT)
        scripted, plain = _readable_lines(self.scripted.page), _readable_lines(self.plain.page)
        return [
            f"only {where} JavaScript: {line}"
            for where, lines, expected in (
                ("with", scripted - plain, ONLY_WITH_JAVASCRIPT),
                ("without", plain - scripted, ONLY_WITHOUT_JAVASCRIPT),
            )
            for line in sorted(set(lines) - expected)
        ]

    def _has_new_scripts(self, html: str) -> bool:
        """Return whether a script, words for when there is none, or a frame meets for the first
        time an id or a class that it names; and remember it."""
        names = {name for value in NAMES.findall(html) for name in value.split()}
        found = {tag for tag in ("noscript", "iframe") if f"<{tag}" in html}
        for address in SCRIPTS.findall(html):
            found |= {f"{address} {name}" for name in {"", *names & _words_of(address)}}
        is_new = not found <= self._seen_scripts
        self._seen_scripts.update(found)
        return is_new


@cache
def _words_of(address: str) -> set[str]:
    """Return every word in a script."""
    path = find(urlsplit(address).path.removeprefix("/static/"))
    return set(WORD.findall(Path(path).read_text()))


def _wrong_headings(headings: list[tuple[int, str]]) -> list[str]:
    """Return what is wrong with the headings: one h1, and no level skipped on the way down."""
    levels = [level for level, _ in headings]
    findings = [] if levels.count(1) == 1 else [f"has {levels.count(1)} headings of level 1"]
    for above, (level, text) in zip([0, *levels], headings, strict=False):
        if level > above + 1 and above:
            findings.append(f"level {level} follows level {above}: {text}")
    return findings


def _walk(page: Page) -> None:
    """Press Tab until the focus is back where it began."""
    page.evaluate("pageAudit.watchFocus()")
    for _ in range(MAX_TAB_STOPS // 10):
        for _ in range(10):
            page.keyboard.press("Tab")
        if page.evaluate("pageAudit.isFocusBack()"):
            return
    raise AssertionError(f"{page.url}: Tab does not come round")


def _readable_lines(page: Page) -> Counter[str]:
    lines = page.evaluate("pageAudit.readableLines()")
    return Counter(APP_KEY.sub("(key)", line) for line in lines)
