"""Looks at a page as its readers do: with axe-core, narrow and wide, light and dark, by keyboard,
without JavaScript. Each function returns what is wrong, as lines."""

import re
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
LOOKING = Path(__file__).with_suffix(".js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Asked again where colours come up that were not there before, and for each width; the answers
# to all other rules are in the document, which is the same.
COLOURS = ["color-contrast", "link-in-text-block"]
ROOM = ["target-size", "scrollable-region-focusable"]
WIDTHS, SCHEMES = (360, 768, 1280), ("light", "dark")
SIGHTS = [(width, scheme) for width in WIDTHS for scheme in SCHEMES]
NARROWEST = 320  # no page scrolls sideways there: WCAG 1.4.10
MOST_STOPS = 600
APP_KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")  # a new one each time that it is shown

# What scripts add to a page, or take away; anything else must read the same without them.
WITH_JAVASCRIPT = {"Make the passkey", "Use my passkey"}
WITHOUT_JAVASCRIPT = {
    "Passkeys need JavaScript, which is off in this browser. An authenticator app and recovery "
    "codes work without it.",
}


def look(page: Page, plain: Page | None = None) -> list[str]:
    """What is wrong with the page that is open.

    `plain`, a page without JavaScript, opens the same address for the same person; leave it out
    where the page answers a form, or says something once only.
    """
    page.wait_for_load_state()
    _see(page, *SIGHTS[0])
    page.evaluate(AXE)
    page.evaluate(LOOKING)
    found = _headings(page) + (_without_javascript(page, plain) if plain else [])
    _walk(page)
    for width, scheme in SIGHTS:
        _see(page, width, scheme)
        rules = RULES
        if (width, scheme) != SIGHTS[0]:
            rules = ROOM if scheme == SCHEMES[0] else []
            rules = rules + (COLOURS if page.evaluate("looking.newColours()") else [])
        seen = page.evaluate("looking.rings()") + (_axe(page, rules) if rules else [])
        found += [f"{width}, {scheme}: {line}" for line in seen]
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    if page.evaluate("looking.isSideways()"):
        found.append(f"scrolls sideways at {NARROWEST}")
    return [f"{page.url}: {line}" for line in found]


def look_at(
    page: Page, addresses: Iterable[str], plain: Page | None = None, *, status: int = 200
) -> list[str]:
    """What is wrong with the pages at these addresses, which all answer with `status`."""
    found = []
    for address in addresses:
        response = page.goto(address)
        if response is None or response.status != status:
            found.append(f"{address}: answers {response and response.status}, not {status}")
        else:
            found += look(page, plain)
    return found


def nothing_wrong(found: list[str]) -> None:
    """The assertion: each finding once, with the number of times it was made."""
    lines = [f"{line} ({times} times)" for line, times in Counter(found).items()]
    assert not lines, "\n".join(["", *lines])


def _see(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    page.emulate_media(color_scheme=scheme)


def _axe(page: Page, rules: list[str]) -> list[str]:
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
    return [
        f"{violation['id']}: {node['html'][:150]}"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
        for node in violation["nodes"]
    ]


def _headings(page: Page) -> list[str]:
    """One h1, and no level skipped on the way down."""
    headings = page.evaluate("looking.headings()")
    levels = [level for level, _ in headings]
    found = [] if levels.count(1) == 1 else [f"has {levels.count(1)} headings of level 1"]
    for above, (level, words) in zip([0, *levels], headings, strict=False):
        if level > above + 1 and above:
            found.append(f"level {level} follows level {above}: {words}")
    return found


def _walk(page: Page) -> None:
    """Press Tab until it comes round."""
    page.evaluate("looking.watchFocus()")
    for _ in range(MOST_STOPS // 10):
        for _ in range(10):
            page.keyboard.press("Tab")
        if page.evaluate("looking.isRound()"):
            return
    raise AssertionError(f"{page.url}: Tab does not come round")


def _without_javascript(page: Page, plain: Page) -> list[str]:
    """Words and fields that are there only with JavaScript, or only without."""
    plain.context.clear_cookies()
    plain.context.add_cookies(page.context.cookies())
    plain.goto(page.url)
    plain.evaluate(LOOKING)
    more, less = _read(page) - _read(plain), _read(plain) - _read(page)
    return [
        f"only {where} JavaScript: {line}"
        for where, lines, known in (
            ("with", more, WITH_JAVASCRIPT),
            ("without", less, WITHOUT_JAVASCRIPT),
        )
        for line in sorted(set(lines) - known)
    ]


def _read(page: Page) -> Counter[str]:
    return Counter(APP_KEY.sub("(key)", line) for line in page.evaluate("looking.read()"))
