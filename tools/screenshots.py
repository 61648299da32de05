"""The pictures in README.md, light and dark, of a desktop and a phone, with the demo's fictional
people.

    .venv/bin/python tools/screenshots.py

Serves the demo as `make bench-weight` does, opens the pages in Chromium, and writes
docs/images/*.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# It sets the environment and Django up.
from tools.bench import weight

# isort: split
from django.urls import reverse
from playwright.sync_api import sync_playwright

from collaborative.tests.browser import ARGUMENTS, chromium
from members.models import Member
from teams.models import ActionTeam, Membership

DESKTOP, PHONE = (1280, 960), (390, 844)


def main() -> None:
    weight.manage("prepare_development", "--verbosity", "0", debug="1")
    weight.manage("demo", debug="1")
    weight.manage("collectstatic", "--clear", "--noinput", "--verbosity", "0")
    facilitator = Member.objects.filter(is_staff=True, is_superuser=False)[0]
    member = Membership.objects.active().filter(member__is_staff=False)[0].member
    team = ActionTeam.objects.all()[0].get_absolute_url()
    desk = reverse("admin:index")
    pages = [
        ("team.png", None, team, DESKTOP, False),
        ("desk.png", facilitator, desk, DESKTOP, False),
        ("team-phone.png", None, team, PHONE, False),
        ("my-teams-phone.png", member, reverse("my_teams"), PHONE, True),
        ("desk-phone.png", facilitator, desk, PHONE, True),
    ]
    with weight.serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, person, path, (width, height), is_dark in pages:
            page = weight.open_page(browser, address, person)
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if is_dark else "light")
            page.goto(path, wait_until="networkidle")
            page.screenshot(path=ROOT / "docs" / "images" / name)
        browser.close()


if __name__ == "__main__":
    main()
