"""The two pictures in README.md: a team's page and the desk, with the demo's fictional people.

    .venv/bin/python tools/screenshots.py

Serves the demo as `make bench-weight` does, opens both pages in Chromium, and writes
docs/images/team.png and docs/images/desk.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from django.urls import reverse
from playwright.sync_api import sync_playwright

from collaborative.tests.browser import ARGUMENTS, chromium
from members.models import Member
from teams.models import ActionTeam
from tools.bench import weight  # sets the environment and Django up, so it comes first

WIDTH, HEIGHT = 1280, 960


def main() -> None:
    weight.manage("prepare_development", "--verbosity", "0", debug="1")
    weight.manage("demo", debug="1")
    weight.manage("collectstatic", "--clear", "--noinput", "--verbosity", "0")
    facilitator = Member.objects.filter(is_staff=True, is_superuser=False)[0]
    pages = {
        "team.png": (None, ActionTeam.objects.all()[0].get_absolute_url()),
        "desk.png": (facilitator, reverse("admin:index")),
    }
    with weight.serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, (person, path) in pages.items():
            page = weight.open_page(browser, address, person)
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            page.goto(path, wait_until="networkidle")
            page.screenshot(path=ROOT / "docs" / "images" / name)
        browser.close()


if __name__ == "__main__":
    main()
