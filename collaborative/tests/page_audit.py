"""Audit pages as their readers use them: with axe-core, narrow and wide, light and dark, by
keyboard, without JavaScript.

A page that shows something new (an element of another tag, type or styled class; a link, field or
item in another parent; other colors) is checked by all rules, and where its style decides (focus
rings, sizes and colors) at each width and in each scheme. Of a page that is made of what was
checked before in the same process, only what each page decides for itself is: headings, names of
fields and buttons, ids, pictures' descriptions, and whether it fits.
"""

import re
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SCRIPT = Path(__file__).with_suffix(".js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Checked again where new colors appear, and for each width. The answers to all other rules are in
# the document, which stays the same.
COLOR_RULES = ["color-contrast", "link-in-text-block"]
SIZE_RULES = ["target-size", "scrollable-region-focusable"]
WIDTHS, SCHEMES = (360, 768, 1280), ("light", "dark")
# Each scheme, and each width in one of them.
NARROW_VIEWS = [(WIDTHS[0], scheme) for scheme in SCHEMES]
VIEWS = NARROW_VIEWS + [(width, SCHEMES[0]) for width in WIDTHS[1:]]
HEIGHT = 640
# WCAG 1.4.10: no page scrolls sideways at this width.
REFLOW_WIDTH = 320
MAX_TAB_STOPS = 600
# A new one each time that the page is shown.
APP_KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")

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
SEEN_KINDS: set[str] = set()
SEEN_COLORS: set[str] = set()


class PageAudit:
    """Collects what is wrong with pages; `assert_clean()` fails with all of it."""

    def __init__(self, plain: Page) -> None:
        """`plain` is a page without JavaScript."""
        self.plain = plain
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
        _resize(page, *VIEWS[0])
        page.evaluate(SCRIPT)
        findings = _headings(page) + page.evaluate("pageAudit.unnamed()")
        has_new_kinds = self._is_new(page, "kinds", SEEN_KINDS)
        has_new_colors = self._is_new(page, "colors", SEEN_COLORS)
        if has_new_kinds or has_new_colors:
            page.evaluate(AXE)
            findings += _axe(page, RULES)
            if again:
                findings += self._compare_without_javascript(page)
            if has_new_kinds:
                _walk(page)
            for view in VIEWS if has_new_kinds else NARROW_VIEWS:
                findings += self._check_view(page, *view, rings=has_new_kinds)
        page.set_viewport_size({"width": REFLOW_WIDTH, "height": HEIGHT})
        if page.evaluate("pageAudit.scrollsSideways()"):
            findings.append(f"scrolls sideways at {REFLOW_WIDTH}")
        self.findings.update(f"{page.url}: {finding}" for finding in findings)

    def assert_clean(self) -> None:
        """Fail with each finding once, and how often it was made."""
        lines = [f"{finding} ({count} times)" for finding, count in self.findings.items()]
        assert not lines, "\n".join(["", *lines])

    def _check_view(self, page: Page, width: int, scheme: str, *, rings: bool) -> list[str]:
        _resize(page, width, scheme)
        rules = []
        # All rules were checked in the first view.
        if (width, scheme) != VIEWS[0]:
            if scheme == SCHEMES[0]:
                rules += SIZE_RULES
            if self._is_new(page, "colors", SEEN_COLORS):
                rules += COLOR_RULES
        findings = _axe(page, rules) if rules else []
        if rings:
            findings += page.evaluate("pageAudit.focusRings()")
        return [f"{width}, {scheme}: {finding}" for finding in findings]

    def _is_new(self, page: Page, what: str, seen: set[str]) -> bool:
        """Return whether the page shows some of `what` for the first time, and remember it."""
        shown = set(page.evaluate(f"pageAudit.{what}()"))
        is_new = not shown <= seen
        seen |= shown
        return is_new

    def _compare_without_javascript(self, page: Page) -> list[str]:
        """Return words and fields that are there only with JavaScript, or only without."""
        self.plain.context.clear_cookies()
        self.plain.context.add_cookies(page.context.cookies())
        self.plain.goto(page.url)
        self.plain.evaluate(SCRIPT)
        scripted, plain = _readable_lines(page), _readable_lines(self.plain)
        return [
            f"only {where} JavaScript: {line}"
            for where, lines, expected in (
                ("with", scripted - plain, ONLY_WITH_JAVASCRIPT),
                ("without", plain - scripted, ONLY_WITHOUT_JAVASCRIPT),
            )
            for line in sorted(set(lines) - expected)
        ]


def _resize(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=scheme)


def _axe(page: Page, rules: list[str]) -> list[str]:
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
    return [
        f"{violation['id']}: {node['html'][:150]}"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
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
