"""Audit pages as their readers use them: with axe-core, narrow and wide, light and dark, by
keyboard, without JavaScript.

Of each page is checked what it decides for itself: headings, names of fields and buttons, forms
and groups of one name, ids, pictures' descriptions, and whether it fits on the narrowest screen.
The rest is checked where it is seen first in the same process: all rules on a page with an element
of another tag, type or styled class, or with a link, field or item in another parent; for those
elements sizes and focus rings at each width and scheme; contrast where there are other colors; the
keyboard's way and reading without JavaScript where a script meets something that it names.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.staticfiles.finders import find
from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SCRIPT = Path(__file__).with_suffix(".js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only asked about what is new, which is most of their time. The answers to all other rules are in
# the document, whatever its colors and width are.
COLOR_RULES = ["color-contrast", "link-in-text-block"]
SIZE_RULES = ["target-size", "scrollable-region-focusable"]
# WCAG 1.4.10: no page scrolls sideways at the first width.
NARROW, WIDER = 320, (768, 1280)
HEIGHT = 640
MAX_TAB_STOPS = 600
# A new one each time that the page is shown.
APP_KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")
WORD = re.compile(r"[\w-]+")

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


# What earlier tests of this process have checked.
SEEN: dict[str, set[str]] = {"kinds": set(), "colors": set(), "scripts": set()}


class PageAudit:
    """Collects what is wrong with pages; `assert_clean()` fails with all of it."""

    def __init__(self, open_plain: Callable[[], Page]) -> None:
        """`open_plain()` returns a page without JavaScript."""
        self.open_plain = open_plain
        self.findings: Counter[str] = Counter()

    def visit(self, page: Page, addresses: Iterable[str], *, status: int = 200) -> None:
        """Open and check each address, which answers with `status`, with JavaScript and without."""
        for address in addresses:
            response = page.goto(address)
            if response is None or response.status != status:
                answer = response and response.status
                self.findings[f"{address}: answers {answer}, not {status}"] += 1
            else:
                self.check(page, again=True)

    def check(self, page: Page, *, again: bool = False) -> None:
        """Check the open page. `again` opens it without JavaScript too, which cannot be done with
        the answer to a form, or with what is shown only once."""
        page.wait_for_load_state()
        _show(page, NARROW, "light")
        page.evaluate(SCRIPT)
        findings = _headings(page) + page.evaluate("pageAudit.unnamed()")
        findings += page.evaluate("pageAudit.sameName()")
        if page.evaluate("pageAudit.scrollsSideways()"):
            findings.append(f"scrolls sideways at {NARROW}")
        if _has_new_scripts(page):
            _walk(page)
            if again:
                findings += self._compare_without_javascript(page)
        has_new_kinds, has_new_colors = _has_new(page, "kinds"), _has_new(page, "colors")
        if has_new_kinds or has_new_colors:
            page.evaluate(AXE)
            findings += _look(page, has_new_kinds, has_new_colors)
        self.findings.update(f"{page.url}: {finding}" for finding in findings)

    def assert_clean(self) -> None:
        """Fail with each finding once, and how often it was made."""
        lines = [f"{finding} ({count} times)" for finding, count in self.findings.items()]
        assert not lines, "\n".join(["", *lines])

    def _compare_without_javascript(self, page: Page) -> list[str]:
        """Return words and fields that are there only with JavaScript, or only without."""
        plain_page = self.open_plain()
        plain_page.context.add_cookies(page.context.cookies())
        plain_page.goto(page.url)
        plain_page.evaluate(SCRIPT)
        scripted, plain = _readable_lines(page), _readable_lines(plain_page)
        return [
            f"only {where} JavaScript: {line}"
            for where, lines, expected in (
                ("with", scripted - plain, ONLY_WITH_JAVASCRIPT),
                ("without", plain - scripted, ONLY_WITHOUT_JAVASCRIPT),
            )
            for line in sorted(set(lines) - expected)
        ]


def _show(page: Page, width: int, scheme: str) -> None:
    if page.viewport_size != {"width": width, "height": HEIGHT}:
        page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=scheme)


def _has_new(page: Page, what: str) -> bool:
    """Return whether the page shows "kinds" or "colors" for the first time, and remember them."""
    new = page.evaluate("([what, seen]) => pageAudit.newOf(what, seen)", [what, list(SEEN[what])])
    SEEN[what].update(new)
    return bool(new)


def _has_new_scripts(page: Page) -> bool:
    """Return whether a script, or words for when there is none, meets for the first time an id or
    a class that it names; and remember it."""
    shown = page.evaluate("pageAudit.scripts()")
    found = {"noscript"} if shown["hasNoscript"] else set()
    for address in shown["addresses"]:
        text = Path(find(urlsplit(address).path.removeprefix("/static/"))).read_text()
        found |= {f"{address} {name}" for name in {"", *shown["names"]} & {"", *WORD.findall(text)}}
    is_new = not found <= SEEN["scripts"]
    SEEN["scripts"] |= found
    return is_new


def _look(page: Page, has_new_kinds: bool, has_new_colors: bool) -> list[str]:
    """Return what is wrong with the page, and with how its new parts look: their colors in both
    schemes, and at each width the size and the focus ring of what can be used."""
    findings = []
    if has_new_kinds:
        rules = [RULES, COLOR_RULES + SIZE_RULES]
        findings += _violations(page.evaluate("rules => pageAudit.axe(...rules)", rules))
    has_new_use = page.evaluate("pageAudit.hasNewUse()")
    views = [(NARROW, "light"), (NARROW, "dark")]
    views += [(width, "light") for width in WIDER if has_new_use]
    for width, scheme in views:
        if (width, scheme) != views[0]:
            _show(page, width, scheme)
            has_new_colors = width == NARROW and _has_new(page, "colors")
        found = []
        if has_new_kinds and scheme == "light":
            found += _axe_of_new(page, SIZE_RULES, "kinds")
        if has_new_colors:
            found += _axe_of_new(page, COLOR_RULES, "colors")
        if has_new_use:
            page.keyboard.press("Tab")  # from now on, whatever has the focus shows it
            found += page.evaluate("pageAudit.focusRings()")
        findings += [f"{width}, {scheme}: {finding}" for finding in found]
    return findings


def _axe_of_new(page: Page, rules: list[str], what: str) -> list[str]:
    return _violations(page.evaluate("args => pageAudit.axeOfNew(...args)", [rules, what]))


def _violations(answer: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:150]}"
        for violation in answer["violations"]
        for node in violation["nodes"]
    ]


def _headings(page: Page) -> list[str]:
    """Return what is wrong with the headings: one h1, and no level skipped on the way down."""
    headings = page.evaluate("pageAudit.headings()")
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
